"""What the four transaction machines share: running the table, the timers, the layer protocol.

A machine is a table `{state: {event: (next state, actions)}}`. Every event that the network can
cause in a state has a row, even if it has no actions. An event without a row is a bug of the
caller and raises IllegalEvent.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Protocol

from ..errors import SipError
from ..hop import Hop
from ..message.message import Request
from .timers import Timer, TimerHeap, TimerValues

FailureCause = Literal["timeout", "transport"]

TERMINATED = "terminated"

Action = Callable[[Any, Any, float], None]
Table = Mapping[str, Mapping[str, tuple[str, tuple[Action, ...]]]]


class IllegalEvent(SipError):
    """The machine has no row for this event in this state."""


class TransactionLayer(Protocol):
    """What a transaction uses of the transaction layer."""

    timers: TimerHeap
    values: TimerValues

    def send(self, hop: Hop, data: bytes) -> None:
        """Send bytes."""

    def retransmit(self, hop: Hop, data: bytes) -> None:
        """Send bytes again, counted as a retransmission."""

    def forget(self, transaction: "Transaction") -> None:
        """Remove a terminated transaction."""

    def move(self, transaction: "Transaction", hop: Hop) -> None:
        """Send what follows in this transaction to `hop`."""


class Transaction:
    """One transaction: its state, at most two timers, and the bytes for a retransmission."""

    __slots__ = (
        "_lifetime",
        "_retransmission",
        "data",
        "hop",
        "interval_s",
        "key",
        "layer",
        "method",
        "reliable",
        "request",
        "state",
    )

    TABLE: ClassVar[Table]

    def __init__(
        self, layer: TransactionLayer, key: object, request: Request, hop: Hop, state: str
    ) -> None:
        self.layer = layer
        self.key = key
        self.request = request
        self.method = request.method
        self.hop = hop
        self.reliable = hop.transport != "udp"
        self.state = state
        self.data = b""
        self.interval_s = 0.0
        self._retransmission: Timer | None = None
        self._lifetime: Timer | None = None

    def handle(self, event: str, message: object, now: float) -> None:
        """Run the row of this event. Raises IllegalEvent if there is none."""
        row = self.TABLE[self.state].get(event)
        if row is None:
            raise IllegalEvent(f"{type(self).__name__}: {event} in state {self.state}")
        state, actions = row
        self.state = state
        for action in actions:
            action(self, message, now)
        if state is TERMINATED:
            self.stop_timers()
            self.layer.forget(self)

    def transport_failed(self, now: float) -> None:
        """Handle a transport error for a message of this transaction."""
        self.handle("transport_error", None, now)

    def abandon(self) -> None:
        """Terminate at once, without a message and without telling the user."""
        self.state = TERMINATED
        self.stop_timers()
        self.layer.forget(self)

    def _timer_fired(self, event: str, now: float) -> None:
        self.handle(event, None, now)

    def start_retransmission(self, event: str, interval_s: float, now: float) -> None:
        """Start timer A, E or G. Does nothing on a reliable transport."""
        self.interval_s = interval_s
        if not self.reliable:
            self._retransmission = self.layer.timers.schedule(
                now + interval_s, self._timer_fired, event
            )

    def start_lifetime(self, event: str, after_s: float, now: float) -> None:
        """Start the timer that ends this state. It replaces the running one."""
        timers = self.layer.timers
        timers.cancel(self._lifetime)
        self._lifetime = timers.schedule(now + after_s, self._timer_fired, event)

    def linger(self, event: str, after_s: float, now: float) -> None:
        """Like `start_lifetime`, but a reliable transport needs no wait: handle `event` now."""
        if self.reliable:
            self.handle(event, None, now)
        else:
            self.start_lifetime(event, after_s, now)

    def stop_timers(self) -> None:
        """Cancel both timers."""
        timers = self.layer.timers
        if self._retransmission is not None:
            timers.cancel(self._retransmission)
            self._retransmission = None
        if self._lifetime is not None:
            timers.cancel(self._lifetime)
            self._lifetime = None


def stop_timers(transaction: Transaction, message: object, now: float) -> None:
    """Action: cancel both timers."""
    transaction.stop_timers()


def retransmit(transaction: Transaction, message: object, now: float) -> None:
    """Action: send the last bytes again."""
    if transaction.data:
        transaction.layer.retransmit(transaction.hop, transaction.data)
