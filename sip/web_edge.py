"""Where the messages of browsers come in and go out: their audio is made plain, and back.

Descriptions of browsers speak of ICE and DTLS (sip/sdp/webrtc.py), which a process beside the media
worker knows. Messages of one connection wait for each other, so that their order stays as it is.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from .errors import ParseError
from .hop import Hop
from .message.message import Message, Request, Response
from .message.parser import parse
from .sdp.description import parse_sdp

log = logging.getLogger(__name__)

SWEEP_S: Final = 5.0
_MOST_WAITING: Final = 200
"""Messages of one connection that wait for a translation. Further ones are dropped."""
_ANSWERS: Final = frozenset({"ACK", "PRACK"})


class Untranslated(Exception):
    """A description that cannot be translated: the message is the reason."""


class WebMedia(Protocol):
    """What reaches browsers. A call is named by its Call-ID."""

    async def to_plain(self, call_id: str, body: bytes, *, is_offer: bool) -> bytes:
        """What a browser describes, with its audio at a plain address. Raises Untranslated."""

    async def to_web(self, call_id: str, body: bytes, *, is_offer: bool) -> bytes:
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

    `deliver(data, source)` takes what has come, `transmit(hop, data)` sends; `knows_call(call_id)`
    says which calls there are.
    """

    def __init__(
        self,
        media: WebMedia,
        *,
        deliver: Callable[[bytes, Hop], None],
        transmit: Callable[[Hop, bytes], object],
        knows_call: Callable[[str], bool],
    ) -> None:
        self._media = media
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
        self._pass(data, source, is_received=True)

    def send(self, hop: Hop, data: bytes) -> None:
        """Send a message to a browser."""
        self._pass(data, hop, is_received=False)

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
                        data = await self._translated(data, is_received=is_received)
                    except (ParseError, Untranslated) as error:
                        # As it is, the other side says what it does not understand.
                        log.warning("a description was not translated: %s", error)
                self._hand_on(data, hop, is_received=is_received)
        finally:
            del self._lanes[hop, is_received]

    async def _translated(self, data: bytes, *, is_received: bool) -> bytes:
        message = parse(data)
        body = message.sdp
        if not body:
            return data
        parse_sdp(body)
        call_id = message.call_id
        is_offer = self._is_offer(message, is_received=is_received)
        self._plan_sweep()
        if is_received:
            translated = await self._media.to_plain(call_id, body, is_offer=is_offer)
        else:
            translated = await self._media.to_web(call_id, body, is_offer=is_offer)
        message.set("Content-Type", "application/sdp")
        message.body = translated
        return message.encode()

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
        kept = self._media.call_ids() | self._offers.keys()
        unknown = {call_id for call_id in kept if not self._knows_call(call_id)}
        for call_id in unknown & self._unknown:
            self._offers.pop(call_id, None)
            self._media.end(call_id)
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


def _has_description(data: bytes) -> bool:
    """Whether a message may have a session description."""
    return b"\r\n\r\nv=0" in data or b"application/sdp" in data.lower()
