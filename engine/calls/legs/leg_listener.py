"""Who hears of a leg: the owner that made it, and parts of a call flow while they listen."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from media.protocol.messages import BeepHeard, Detected, MachineSuspected
from sip.usage import ReferralUsage

from ...job import LegRecord
from ...routing.targets.destination import DialTarget
from ...routing.targets.stream_target import StreamFallback
from ...routing.trunk_figures import TrunkTry
from ..hangup_cause import HangupCause


class ObservedLeg(Protocol):
    """What an owner or a listener sees of the leg."""

    @property
    def id(self) -> str:
        """Its id, which the media worker knows as well."""

    @property
    def record(self) -> LegRecord:
        """What views show of it."""

    @property
    def hangup_cause(self) -> HangupCause | None:
        """Why it has ended; None while it has not."""

    @property
    def is_held(self) -> bool:
        """Whether the party has put the call on hold."""

    @property
    def is_taken_over(self) -> bool:
        """Whether the party has called us from a browser: it may have taken over its own call."""

    @property
    def gets_keys_as_sound(self) -> bool:
        """Whether the party sends and takes keys as tones alone."""

    @property
    def tells_secret(self) -> bool:
        """Whether what the party says or keys in is secret now."""

    @property
    def may_leave(self) -> bool:
        """Whether the call goes on without it: its party is transferred."""


class LegOwner(Protocol):
    """Made the leg: publishes its events, and knows the trunks and the time."""

    def now(self) -> float:
        """The time in Unix seconds."""

    def publish(self, kind: str, leg: ObservedLeg, /, **fields: Any) -> None:
        """Publish the event `kind` of the leg."""

    def signalled(self, leg: ObservedLeg, /) -> None:
        """The SIP of the leg has the Call-ID `leg.record.call_id` from now on."""

    def trunk_failed(self, target: DialTarget, cause: HangupCause, /) -> None:
        """A call by this host of a trunk has failed: use others for `trunk_rests_s`."""

    def trunk_entered(self, leg: ObservedLeg, trunk: str | None, /) -> bool:
        """The leg is dialled by this trunk now. False: it is full, and must not be used."""

    def trunk_turn_s(self, trunk: str, /) -> float:
        """The next INVITE to the trunk takes its turn. Returns in how many seconds that comes."""

    def trunk_tried(self, tried: TrunkTry, /) -> None:
        """One try of the call by a trunk is over, or answered."""

    def headers_for(self, target: DialTarget, /) -> tuple[tuple[str, str], ...]:
        """The headers that the target's trunk wants in the INVITE, about this call."""

    def redirected(self, uri: str, by_proxy: DialTarget | None, /) -> tuple[DialTarget, ...]:
        """The targets that a redirection to `uri` leads to; `by_proxy`: that one, by this proxy.

        Raises EngineError `refused` where the dial policy does.
        """


class LegListener:
    """Hears of a leg from `Leg.listen` to `Leg.forget`. A method that is not overridden ignores."""

    __slots__ = ()

    def leg_ended(self, leg: ObservedLeg) -> None:
        """The leg has ended; `leg.hangup_cause` says why."""

    def early_media_started(self, leg: ObservedLeg) -> None:
        """The network plays sound of its own before the party answers."""

    def early_media_stopped(self, leg: ObservedLeg) -> None:
        """The trunk that played it has failed, and the next one is tried."""

    def hold_changed(self, leg: ObservedLeg) -> None:
        """The party has put the call on hold, or resumed it: `leg.is_held`."""

    def transfer_requested(self, leg: ObservedLeg, referral: ReferralUsage) -> bool:
        """The phone asks that its partner be connected elsewhere. Whether that was answered."""
        return False

    def partner_wanted(self, leg: ObservedLeg, third: ObservedLeg) -> ObservedLeg | None:
        """The phone connects its partner with `third`, of another call. The partner, if it may."""
        return None

    def handover_requested(
        self, leg: ObservedLeg, wanted: StreamFallback, on_failed: Callable[[str], None]
    ) -> bool:
        """A bot wants its partner connected elsewhere, or was lost. Whether that was begun.

        `on_failed` gets why it has come to nothing.
        """
        return False

    def leg_replaced(self, leg: ObservedLeg) -> None:
        """Another party has taken the place of the one that was there (RFC 3891)."""

    def digit_pressed(self, leg: ObservedLeg, digit: str) -> None:
        """The party has pressed a key."""

    def answer_found(
        self, leg: ObservedLeg, found: Detected | MachineSuspected | BeepHeard
    ) -> None:
        """The worker tells who or what has answered, or of the beep of a mailbox."""

    def detection_stopped(self, leg: ObservedLeg) -> None:
        """Stop detecting who or what has answered, or begin again."""

    def key_hidden(self, leg: ObservedLeg) -> None:
        """The party has pressed a key that nobody but who asked for it may know."""

    def secrecy_changed(self, leg: ObservedLeg) -> None:
        """What the party says or keys in is secret from now on, or no longer."""

    def partners_of(self, leg: ObservedLeg) -> Sequence[ObservedLeg]:
        """Whom the party may hear, and who may hear it."""
        return ()

    def partners_changed(self, leg: ObservedLeg) -> None:
        """The party is joined with others: see `partners_of`."""

    def info_received(self, leg: ObservedLeg, digit: str, duration_ms: int) -> None:
        """The phone has reported a pressed key by SIP INFO. `digit_pressed` comes before."""


class EitherEnded(LegListener):
    """Waits until one of the legs that it listens to has ended."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Return once one has ended."""
        await self._event.wait()

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._event.set()
