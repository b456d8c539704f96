"""SIP endpoints on real sockets whose events a test sees: the code under test, not a stand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.endpoint import EndpointOptions, SipEndpoint
from sip.events import Event, IncomingInvite
from sip.message_observer import MessageObserver
from sip.policy import PeerPolicy
from sip.sdp.offer_answer import LocalAudio

AUDIO = LocalAudio("127.0.0.1", 4000)


class ObservedEndpoint:
    """A SipEndpoint with its events as they come; `react` is called with each."""

    def __init__(
        self,
        *listen: str,
        policy: PeerPolicy | None = None,
        observer: MessageObserver | None = None,
        **settings: object,
    ) -> None:
        self.events: list[Event] = []
        self.arrived = asyncio.Event()
        options = EndpointOptions(**settings)  # type: ignore[arg-type]
        self.endpoint = SipEndpoint(
            listen, on_event=self.take, options=options, policy=policy, observer=observer
        )
        self.react: Callable[[Event], None] = lambda event: None

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.arrived.set()
        self.react(event)

    async def until(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(10):
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
