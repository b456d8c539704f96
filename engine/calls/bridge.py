"""A bridge: answered legs that hear each other, or music while the others hold the call.

Two who talk alone are relayed. Where somebody hears several, these are mixed.
"""

from collections.abc import Callable, Sequence

from media.sources import Hold, Silence, Source, Tone
from media.worker_pool import WorkerPool

from .leg import Leg
from .legs.leg_listener import LegListener, ObservedLeg
from .supervision.supervisors import Supervisors, sound_of

# What is heard in the place of a secret key.
HIDDEN_KEY = Tone("620/120", gain_db=-10.0)

PublishBridgeEvent = Callable[..., None]


class Bridge(LegListener):
    """Joins legs: each hears the others, and of the supervisors those that are to be heard."""

    __slots__ = ("_hold", "_joined", "_media", "_mixed", "_parties", "_publish", "_supervisors")

    def __init__(
        self,
        parties: Sequence[Leg],
        *,
        media: WorkerPool,
        hold: Hold,
        publish: PublishBridgeEvent,
        supervisors: Sequence[Supervisors] = (),
    ) -> None:
        self._parties = tuple(parties)
        self._media = media
        self._hold = hold
        self._publish = publish
        self._supervisors = tuple(supervisors)
        self._mixed: tuple[Leg, ...] = ()
        self._joined = False

    def join(self) -> None:
        """Let them hear each other. A leg that has its party on hold keeps it there."""
        self._joined = True
        for leg in self._parties:
            leg.listen(self)
            self._publish("bridge.joined", leg)
        for supervisors in self._supervisors:
            supervisors.watch(self.arrange)
        self.arrange()
        self._tell_partners()

    def _tell_partners(self) -> None:
        for leg in self._parties:
            leg.tell_partners()

    def partners_of(self, leg: ObservedLeg) -> Sequence[Leg]:
        """See LegListener."""
        return [other for other in self._parties if other is not leg]

    def leave(self) -> None:
        """Take the bridge apart. The call flow decides what each leg hears next."""
        if not self._joined:
            return
        self._joined = False
        for supervisors in self._supervisors:
            supervisors.unwatch(self.arrange)
        for leg in self._parties:
            leg.forget(self)
            self._publish("bridge.left", leg)

    def hold_changed(self, _leg: ObservedLeg) -> None:
        """One of them has put the others on hold, or resumed the call."""
        self.arrange()

    def digit_pressed(self, leg: ObservedLeg, digit: str) -> None:
        """Tell the others of a key where the worker does not relay it: by INFO, and in a mix."""
        for other in self._parties:
            if other is not leg and self._is_told_apart(leg, other):
                other.send_keys(digit)

    def info_received(self, leg: ObservedLeg, digit: str, duration_ms: int) -> None:
        """Send a digit on that came by SIP INFO. The worker relays telephone-events by itself."""
        for other in self._parties:
            if other is not leg and not self._is_told_apart(leg, other):
                other.send_keys(digit, duration_ms=duration_ms)

    def _is_told_apart(self, leg: ObservedLeg, other: Leg) -> bool:
        """Whether the worker relays no keys from one to the other, as event or as sound."""
        if other.gets_keys_by_info or other in self._mixed:
            return True
        return other.gets_keys_as_sound and not leg.gets_keys_as_sound

    def secrecy_changed(self, leg: ObservedLeg) -> None:
        """Services and supervisors do not hear who tells a secret."""
        is_kept = any(self._supervisors) or any(not one.hears_secrets for one in self._parties)
        if is_kept and leg.hangup_cause is None:
            self.arrange()

    def key_hidden(self, leg: ObservedLeg) -> None:
        """Let the others hear that a secret key was pressed, but not which."""
        for other in self._parties:
            if other is not leg:
                other.signal(HIDDEN_KEY)

    # -- who hears whom -------------------------------------------------------------------------

    def arrange(self) -> None:
        """Let each party hear what it should, and each supervisor the parties that are heard."""
        heard = {leg: self._heard_by(leg) for leg in self._parties}
        self._mixed = tuple(leg for leg, others in heard.items() if len(others) > 1)
        for leg in heard:
            leg.fit(self._others(leg))
        if len(heard) == 2 and all(heard[leg] == [self._others(leg)[0]] for leg in heard):
            self._media.bridge(*(leg.id for leg in heard))
        else:
            for leg, others in heard.items():
                if not self._goes_on(leg, others):
                    leg.hear(sound_of(others, self._otherwise(leg)))
        for supervisors in self._supervisors:
            supervisors.arrange([leg for leg in self._parties if self._is_heard(leg)])

    def _goes_on(self, leg: Leg, others: list[Leg]) -> bool:
        """Whether a party hears what it heard: the one that its phone has put on hold."""
        return len(self._parties) == 2 and leg.is_held and others == self._others(leg)

    def _others(self, leg: Leg) -> list[Leg]:
        return [other for other in self._parties if other is not leg]

    def _heard_by(self, leg: Leg) -> list[Leg]:
        """Whom a party hears."""
        if self._hears_music(leg):
            return []
        parties = [
            other
            for other in self._others(leg)
            if self._is_heard(other) and not self._is_kept_from(leg, other)
        ]
        return parties + [one for them in self._supervisors for one in them.heard_by(leg)]

    def _is_heard(self, leg: Leg) -> bool:
        """Whether a party is heard: not while its phone holds the call, and may play music."""
        return not leg.is_held

    @staticmethod
    def _is_kept_from(leg: Leg, other: Leg) -> bool:
        """Whether the other one tells a secret that a party may not hear."""
        return other.tells_secret and not leg.hears_secrets

    def _hears_music(self, leg: Leg) -> bool:
        """Whether a party is to hear nobody."""
        return False

    def _otherwise(self, leg: Leg) -> Source:
        """What a party hears where it hears nobody: silence where that is because of a secret."""
        is_kept = any(self._is_kept_from(leg, other) for other in self._others(leg))
        return Silence() if is_kept else self._alone(leg)

    def _alone(self, leg: Leg) -> Source:
        """What a party hears where it hears nobody."""
        return self._hold
