"""SIP endpoints on real sockets whose events a test sees: the code under test, not a stand-in."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.endpoint import SipEndpoint
from sip.endpoint_options import EndpointOptions
from sip.events import Event, IncomingInvite
from sip.hop import Hop
from sip.message_observer import MessageObserver
from sip.policy import PeerPolicy
from sip.sdp.offer_answer import LocalAudio
from sip.transport.web_edge import Browsers

AUDIO = LocalAudio("127.0.0.1", 4000)


@dataclass
class Faults:
    """What the network does to the messages of an endpoint.

    They are named by their method, responses by status and method: `BYE`, `200 BYE`. `copies` says
    how many come of each such message, `lost` how many, from the first, never come, and `unsent`
    how many of its own get lost.
    """

    copies: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)


class EndpointAhead(SipEndpoint):
    """An endpoint whose clock a test moves on, so that nobody waits for a timer of SIP.

    With `is_stopped` the clock stands still otherwise: on a busy machine nothing is repeated that
    the test does not want to be.
    """

    ahead_s = 0.0
    is_stopped = False
    faults = Faults()

    def pass_time(self, seconds: float) -> None:
        """Have this time pass at once, and what is due by then happen."""
        self.ahead_s += seconds
        self._woken()

    def _time(self) -> float:
        return self.ahead_s if self.is_stopped else super()._time() + self.ahead_s

    def _set_wake(self) -> None:
        if not self.is_stopped:
            super()._set_wake()

    def _received(self, data: bytes, source: Hop) -> None:
        name = _name_of(data)
        if _is_lost(name, self.faults.lost):
            return
        super()._received(data, source)
        for _ in range(self.faults.copies.get(name, 1) - 1):
            asyncio.get_running_loop().call_soon(self._received_again, data, source)

    def _send_output(self) -> None:
        if self.faults.unsent:
            transactions = self.ua.context.transactions
            transactions.output = [
                (hop, data)
                for hop, data in transactions.output
                if not _is_lost(_name_of(data), self.faults.unsent)
            ]
        super()._send_output()

    def _received_again(self, data: bytes, source: Hop) -> None:
        super()._received(data, source)
        self._flush()


def _is_lost(name: str, left: dict[str, int]) -> bool:
    if left.get(name, 0) <= 0:
        return False
    left[name] -= 1
    return True


def _name_of(data: bytes) -> str:
    """The method of a request, status and method of a response; nothing of what is neither."""
    method = re.search(rb"^CSeq *: *[0-9]+ +([A-Z]+)", data, re.MULTILINE | re.IGNORECASE)
    if method is None:
        return ""
    status = re.match(rb"SIP/2.0 ([0-9]{3})", data)
    return method[1].decode() if status is None else f"{status[1].decode()} {method[1].decode()}"


class ObservedEndpoint:
    """A SipEndpoint with its events as they come; `react` is called with each."""

    def __init__(
        self,
        *listen: str,
        policy: PeerPolicy | None = None,
        observer: MessageObserver | None = None,
        faults: Faults | None = None,
        is_stopped: bool = False,
        browsers: Browsers | None = None,
        **settings: object,
    ) -> None:
        self.events: list[Event] = []
        self.arrived = asyncio.Event()
        options = EndpointOptions(**settings)  # type: ignore[arg-type]
        self.endpoint = EndpointAhead(
            listen,
            on_event=self.take,
            options=options,
            policy=policy,
            observer=observer,
            browsers=browsers,
        )
        self.endpoint.faults = faults or Faults()
        self.endpoint.is_stopped = is_stopped
        self.react: Callable[[Event], None] = lambda event: None

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.arrived.set()
        self.react(event)

    async def until(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(40):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self.arrived.clear()
                await self.arrived.wait()

    async def call(self, target: str, trunk: str = "") -> Session:
        return self.endpoint.invite(
            Invitation(
                target=target,
                hop=(await self.endpoint.hops(target, trunk))[0],
                from_uri="sip:alice@127.0.0.1",
                audio=AUDIO,
            )
        )

    @property
    def port(self) -> int:
        return self.endpoint.addresses[0].port


@asynccontextmanager
async def running(*made: ObservedEndpoint) -> AsyncIterator[None]:
    """Have these listen, and stop them at the end."""
    for phone in made:
        await phone.endpoint.start()
    try:
        yield
    finally:
        for phone in made:
            await phone.endpoint.stop()


def answering(phone: ObservedEndpoint) -> ObservedEndpoint:
    """Have it answer every call."""

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            phone.endpoint.ring(event.session)
            phone.endpoint.accept(event.session, AUDIO)

    phone.react = react
    return phone
