"""Where the messages of browsers come in and go out: who they are, and their audio made plain.

Descriptions of browsers speak of ICE and DTLS (sip/sdp/webrtc.py), which a process beside the media
worker knows. Messages of one connection wait for each other, so that their order stays as it is.
`sip:NAME@browsers.invalid` is a browser that is signed in: its own address takes the place of that.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from secrets import token_hex
from typing import Final, Protocol

from ..errors import ParseError
from ..hop import Hop
from ..message.message import Fields, Message, Request, Response, response_to
from ..message.parser import parse
from ..sdp.description import SessionDescription, parse_sdp
from ..sdp.webrtc import declined
from .resolver import ResolutionFailed

log = logging.getLogger(__name__)

SWEEP_S: Final = 5.0
_MOST_WAITING: Final = 200
"""Messages of one connection that wait for a translation. Further ones are dropped."""
_ANSWERS: Final = frozenset({"ACK", "PRACK"})


class Untranslated(Exception):
    """A description that cannot be translated: the message is the reason."""


BROWSERS_HOST: Final = "browsers.invalid"
"""The host of browsers in our own URIs, which no name server can know (RFC 2606)."""


def browser_uri(name: str) -> str:
    """Our own URI of the browser that is signed in as `name`."""
    return f"sip:{name}@{BROWSERS_HOST}"


def browser_name(uri_text: str) -> str | None:
    """As whom the browser is signed in that `browser_uri` has named so; None for any other URI."""
    name, at, host = uri_text.partition(":")[2].partition("@")
    return name if at and host == BROWSERS_HOST else None


def browser_peer(name: str) -> str:
    """What a call of the browser that is signed in as `name` is said to be of."""
    return f"webrtc:{name}"


def page_peer(name: str) -> str:
    """What a call of the visitor of a web page is said to be of."""
    return f"page:{name}"


def is_of_page(peer: str) -> bool:
    """Whether a call is of the visitor of a web page, by what `page_peer` has named it."""
    return peer.startswith("page:")


def is_of_browser(peer: str) -> bool:
    """Whether a call is of a browser, that of an agent or of a visitor."""
    return peer.startswith(("webrtc:", "page:"))


class Browsers(Protocol):
    """What is known of browsers, and what reaches them. A call is named by its Call-ID."""

    def register(self, request: Request, hop: Hop, now: float) -> tuple[int, Fields]:
        """The status and header fields that answer a REGISTER."""

    def hop_of(self, name: str, now: float) -> Hop | None:
        """The connection of the browser that is called so; None while there is none."""

    def contact_at(self, hop: Hop) -> str | None:
        """How the browser at this connection wants to be called."""

    def gone(self, hop: Hop, *, is_silent: bool) -> None:
        """A connection is lost: closed, or, with `is_silent`, nothing comes any more."""

    def may_call(self, invite: Request, hop: Hop, now: float) -> bool:
        """Whether a browser may begin a call by this INVITE."""

    async def to_plain(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """What a browser describes, with its audio at a plain address.

        Raises Untranslated and ParseError.
        """

    async def to_web(self, call_id: str, session: SessionDescription, *, is_offer: bool) -> bytes:
        """What we describe, as a browser wants it. Raises Untranslated."""

    def call_ids(self) -> set[str]:
        """The calls that it keeps something of."""

    def end(self, call_id: str) -> None:
        """A call is over."""


class _Lane:
    """The messages of one connection in one direction that wait their turn."""

    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[bytes] = deque()
        self.task: asyncio.Task[None] | None = None


class WebEdge:
    """Translates the messages of browsers.

    `clock` is that of the registrations. `deliver(data, source)` takes what has come, and
    `transmit(hop, data)` sends. `knows_call(call_id)` says which calls there are.
    """

    def __init__(
        self,
        browsers: Browsers,
        *,
        clock: Callable[[], float],
        deliver: Callable[[bytes, Hop], None],
        transmit: Callable[[Hop, bytes], object],
        knows_call: Callable[[str], bool],
    ) -> None:
        self._browsers = browsers
        self._clock = clock
        self._deliver = deliver
        self._transmit = transmit
        self._knows_call = knows_call
        self._lanes: dict[tuple[Hop, bool], _Lane] = {}
        # The requests with a description: who sent it (True: the browser), its CSeq.
        self._offers: dict[str, set[tuple[bool, int, str]]] = {}
        self._unknown: set[str] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def received(self, data: bytes, source: Hop) -> None:
        """A message has come from a browser."""
        if data.startswith(b"REGISTER "):
            self._register(data, source)
        else:
            self._pass(data, source, is_received=True)

    def _register(self, data: bytes, source: Hop) -> None:
        """Answer a REGISTER. Nothing of it is kept: a WebSocket loses no message."""
        try:
            request = parse(data)
            if not isinstance(request, Request):
                return
            status, fields = self._browsers.register(request, source, self._clock())
            answer = response_to(request, status, to_tag=token_hex(8), headers=fields)
        except ParseError:  # the user agent says what is wrong with it
            self._deliver(data, source)
            return
        self._transmit(source, answer.encode())

    def hop_of(self, uri_text: str) -> Hop | None:
        """Where one of our own URIs of browsers leads. None for any other.

        Raises ResolutionFailed where nobody is signed in by that name.
        """
        name = browser_name(uri_text)
        if name is None:
            return None
        hop = self._browsers.hop_of(name, self._clock())
        if hop is None:
            raise ResolutionFailed(f"no browser is signed in as {name}")
        return hop

    def gone(self, hop: Hop, *, is_silent: bool) -> None:
        """A connection is lost: see Browsers."""
        self._browsers.gone(hop, is_silent=is_silent)

    def send(self, hop: Hop, data: bytes) -> None:
        """Send a message to a browser."""
        self._pass(self._addressed(hop, data), hop, is_received=False)

    def _addressed(self, hop: Hop, data: bytes) -> bytes:
        """The message with the browser's own address in its request line."""
        line, end, rest = data.partition(b"\r\n")
        method, _, uri = line.removesuffix(b" SIP/2.0").partition(b" ")
        if not uri.endswith(f"@{BROWSERS_HOST}".encode()):
            return data
        contact = self._browsers.contact_at(hop)
        if contact is None:
            return data
        return b"%s %s SIP/2.0%s%s" % (method, contact.encode(), end, rest)

    def _pass(self, data: bytes, hop: Hop, *, is_received: bool) -> None:
        lane = self._lanes.get((hop, is_received))
        if lane is None and not _has_description(data):
            self._hand_on(data, hop, is_received=is_received)
            return
        if lane is None:
            lane = self._lanes[hop, is_received] = _Lane()
        if len(lane.waiting) >= _MOST_WAITING:
            log.warning("too many messages of %s wait: one is dropped", hop)
            return
        lane.waiting.append(data)
        if lane.task is None:
            lane.task = asyncio.get_running_loop().create_task(
                self._drive(lane, hop, is_received=is_received)
            )

    def _hand_on(self, data: bytes, hop: Hop, *, is_received: bool) -> None:
        if is_received:
            self._deliver(data, hop)
        else:
            self._transmit(hop, data)

    async def _drive(self, lane: _Lane, hop: Hop, *, is_received: bool) -> None:
        """Translate what waits, one message after the other."""
        try:
            while lane.waiting:
                data = lane.waiting.popleft()
                if _has_description(data):
                    try:
                        data = await self._translated(data, hop, is_received=is_received)
                    except (ParseError, Untranslated) as error:
                        log.warning("a description was not translated: %s", error)
                        if is_received:
                            data = _without_audio(data)
                self._hand_on(data, hop, is_received=is_received)
        finally:
            del self._lanes[hop, is_received]

    async def _translated(self, data: bytes, hop: Hop, *, is_received: bool) -> bytes:
        message = parse(data)
        body = message.sdp
        if not body or not self._is_admitted(message, hop, is_received=is_received):
            return data
        session = parse_sdp(body)
        call_id = message.call_id
        is_offer = self._is_offer(message, is_received=is_received)
        self._plan_sweep()
        if is_received:
            translated = await self._browsers.to_plain(call_id, session, is_offer=is_offer)
        else:
            translated = await self._browsers.to_web(call_id, session, is_offer=is_offer)
        message.set("Content-Type", "application/sdp")
        message.body = translated
        return message.encode()

    def _is_admitted(self, message: Message, hop: Hop, *, is_received: bool) -> bool:
        """Whether a message may cost a translation: of a call that is known, or may begin."""
        if not is_received or self._knows_call(message.call_id):
            return True
        if not isinstance(message, Request) or message.method != "INVITE":
            return False
        return self._browsers.may_call(message, hop, self._clock())

    def _is_offer(self, message: Message, *, is_received: bool) -> bool:
        """Whether a description offers: in a request, or in the answer to one without (RFC 3261
        section 13.2.1)."""
        offers = self._offers.setdefault(message.call_id, set())
        number, method = message.cseq.number, message.cseq.method
        if isinstance(message, Request):
            if method in _ANSWERS:
                return False
            offers.add((is_received, number, method))
            return True
        assert isinstance(message, Response)
        return (not is_received, number, method) not in offers

    def _plan_sweep(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep_calls)

    def _sweep_calls(self) -> None:
        """End what is kept of calls that are over: those unknown at two sweeps."""
        self._sweep = None
        kept = self._browsers.call_ids() | self._offers.keys()
        unknown = {call_id for call_id in kept if not self._knows_call(call_id)}
        for call_id in unknown & self._unknown:
            self._offers.pop(call_id, None)
            self._browsers.end(call_id)
        self._unknown = unknown
        if kept:
            self._plan_sweep()

    async def close(self) -> None:
        """Give up what waits."""
        if self._sweep is not None:
            self._sweep.cancel()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _without_audio(data: bytes) -> bytes:
    """The message with every stream declined: a browser names no plain address for its audio.

    What cannot be read at all stays as it is: the user agent says what is wrong with it.
    """
    try:
        message = parse(data)
        message.body = declined(parse_sdp(message.sdp or b""))
    except ParseError:
        return data
    message.set("Content-Type", "application/sdp")
    return message.encode()


def _has_description(data: bytes) -> bool:
    """Whether a message may have a session description."""
    return b"\r\n\r\nv=0" in data or b"application/sdp" in data.lower()
