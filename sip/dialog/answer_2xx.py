"""Retransmit our 2xx to an INVITE until its ACK comes (RFC 3261 section 13.3.1.4)."""

from collections.abc import Callable

from ..message.message import Response
from ..transaction.server import ServerTransaction
from ..transaction.timers import Timer, TimerHeap, TimerValues
from ..transaction.transaction import TERMINATED


class Answer2xx:
    """Retransmits a 2xx on every transport: first after T1, then at intervals doubling up to T2.

    Calls `on_timeout(now)` if no ACK came within 64*T1. `offer_sent` says that the 2xx carried
    our offer. Then the ACK must carry the answer.
    """

    __slots__ = (
        "_give_up",
        "_interval_s",
        "_on_timeout",
        "_response",
        "_retransmit",
        "_timers",
        "_transaction",
        "_values",
        "cseq",
        "offer_sent",
    )

    def __init__(
        self,
        timers: TimerHeap,
        values: TimerValues,
        transaction: ServerTransaction,
        response: Response,
        *,
        offer_sent: bool,
        on_timeout: Callable[[float], None],
        now: float,
    ) -> None:
        self._timers = timers
        self._values = values
        self._transaction = transaction
        self._response = response
        self._on_timeout = on_timeout
        self.offer_sent = offer_sent
        self.cseq = transaction.request.cseq.number
        self._interval_s = values.t1_s
        self._retransmit: Timer | None = timers.schedule(now + values.t1_s, self._again)
        self._give_up: Timer | None = timers.schedule(now + values.timer_h_s, self._no_ack)
        transaction.respond(response, now)

    def stop(self) -> None:
        """Stop both timers: the ACK came or is no longer needed."""
        self._timers.cancel(self._retransmit)
        self._timers.cancel(self._give_up)
        self._retransmit = self._give_up = None

    def _again(self, _: object, now: float) -> None:
        if self._transaction.state is TERMINATED:
            return
        self._transaction.respond(self._response, now)
        self._interval_s = min(self._interval_s * 2, self._values.t2_s)
        self._retransmit = self._timers.schedule(now + self._interval_s, self._again)

    def _no_ack(self, _: object, now: float) -> None:
        self.stop()
        self._on_timeout(now)
