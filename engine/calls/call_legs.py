"""The legs of one call: made, told of, hung up and given back together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from ..routing.dialplan import Destination
from .call import Call
from .hangup_cause import HangupCause
from .leg import CODECS, Leg, Role
from .services import CallServices
from .whisper import Announcement, Unspoken, Whisper

log = structlog.get_logger()

REPORT_LIMIT_S = 1.0
# Operators may miss one who waits many times: so many legs are shown of a call.
LEGS_KEPT = 60


class CallLegs:
    """The legs of `call`; `publish` tells of it."""

    def __init__(self, call: Call, services: CallServices, publish: Callable[..., None]) -> None:
        self._call = call
        self._services = services
        self._publish = publish
        self._made: list[Leg] = []
        self._releasing: set[asyncio.Task[None]] = set()

    def make(self, role: Role, destination: Destination) -> Leg:
        """A leg that is not called yet, and part of the call only once it is added."""
        services = self._services
        leg = Leg(
            leg_id=f"leg-{services.new_id()}",
            role=role,
            destination=destination,
            sip=services.sip,
            media=services.media,
            publish=self.publish,
            rtp_host=services.rtp_host,
        )
        self._made.append(leg)
        return leg

    def line(self, agent: str) -> Leg | None:
        """The line of an agent who stays on the phone between calls, for this call."""
        permanent = self._services.permanent
        line = None if permanent is None else permanent.take(agent, self.publish)
        if line is not None:
            self._made.append(line)
        return line

    def add(self, leg: Leg) -> None:
        """The leg is about to be called, or has called: it is part of the call."""
        self._services.register.add_leg(self._call, leg)

    def let_go(self, leg: Leg) -> None:
        """The call goes on without this leg: it is hung up, and its port given back."""
        if leg not in self._made:
            return
        self._made.remove(leg)
        releasing = asyncio.get_running_loop().create_task(leg.release())
        self._releasing.add(releasing)
        releasing.add_done_callback(self._releasing.discard)
        shown = self._call.legs
        if len(shown) > LEGS_KEPT:
            over = next(one for one in shown if one not in self._made)
            self._services.register.forget_leg(self._call, over)

    async def whisper(self, agent: Leg, whisper: Whisper) -> None:
        """Let the operator hear his whisper to its end, or tell why he does not hear it."""
        if isinstance(whisper, Announcement):
            await agent.play(whisper.source, limit_s=whisper.limit_s)
        elif isinstance(whisper, Unspoken):
            self.publish("leg.not_played", agent, error=whisper.reason)

    def publish(self, kind: str, leg: Leg, **fields: Any) -> None:
        """Tell of one leg."""
        record = leg.record
        self._publish(
            kind,
            leg=leg.id,
            role=leg.role,
            uri=record.uri,
            sip_status=record.sip_status,
            reason=record.reason,
            **fields,
        )

    def hang_up(self) -> None:
        """Hang up whoever is up or being called."""
        for leg in self._call.legs:
            leg.hang_up(HangupCause("completed", "call over"))

    async def give_back(self) -> None:
        """Give every port back, keeping the last reports."""
        await within_report_limit(
            self._call,
            asyncio.gather(*(leg.release() for leg in self._made), *self._releasing),
        )


def codecs_like(partner: Leg | None) -> tuple[str, ...]:
    """What to offer: first what the partner speaks, so that nothing has to be converted."""
    if partner is None or partner.audio is None:
        return CODECS
    spoken = partner.audio.codec
    return (spoken, *(codec for codec in CODECS if codec != spoken))


async def within_report_limit(call: Call, report: Awaitable[object]) -> None:
    """Wait for what the media worker reports at the end of a call, but not for long."""
    try:
        async with asyncio.timeout(REPORT_LIMIT_S):
            await report
    except TimeoutError:
        log.warning("media_report_late", call=call.id)
