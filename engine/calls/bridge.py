"""A bridge: two answered legs that hear each other, or hold sound while one holds the other."""

from collections.abc import Callable

from media.sources import Hold
from media.worker_pool import WorkerPool

from .leg import Leg
from .legs.leg_listener import LegListener, ObservedLeg

PublishBridgeEvent = Callable[..., None]


class Bridge(LegListener):
    """Joins two legs of one call; each hears the other and nobody else."""

    def __init__(
        self, first: Leg, second: Leg, *, media: WorkerPool, hold: Hold, publish: PublishBridgeEvent
    ) -> None:
        self._first = first
        self._second = second
        self._media = media
        self._hold = hold
        self._publish = publish
        self._joined = False

    def join(self) -> None:
        """Let the two hear each other. A leg that has its party on hold keeps it there."""
        self._joined = True
        for leg in (self._first, self._second):
            leg.listen(self)
            self._publish("bridge.joined", leg)
        self.arrange()

    def leave(self) -> None:
        """Take the bridge apart. The call flow decides what each leg hears next."""
        if not self._joined:
            return
        self._joined = False
        for leg in (self._first, self._second):
            leg.forget(self)
            self._publish("bridge.left", leg)

    def hold_changed(self, _leg: ObservedLeg) -> None:
        """One of the two has put the other on hold, or resumed the call."""
        self.arrange()

    def digit_pressed(self, leg: ObservedLeg, digit: str) -> None:
        """Tell a party of a key that takes them by SIP INFO alone."""
        partner = self._partner_of(leg)
        if partner.gets_keys_by_info:
            partner.send_keys(digit)

    def info_received(self, leg: ObservedLeg, digit: str, duration_ms: int) -> None:
        """Send a digit on that came by SIP INFO. The worker relays telephone-events by itself."""
        partner = self._partner_of(leg)
        if not partner.gets_keys_by_info:
            partner.send_keys(digit, duration_ms=duration_ms)

    def _partner_of(self, leg: ObservedLeg) -> Leg:
        return self._second if leg is self._first else self._first

    def arrange(self) -> None:
        """Let each party hear what it should: the other, or music while the other holds it."""
        if self._first.is_held or self._second.is_held:
            for leg, partner in ((self._first, self._second), (self._second, self._first)):
                if partner.is_held:
                    leg.hear(self._hold)
        else:
            self._media.bridge(self._first.id, self._second.id)
