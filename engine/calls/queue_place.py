"""A place in a queue, held by a call flow whose party is on the line until an operator is there."""

import asyncio
from types import TracebackType
from typing import Any

from ..acd.waiting import Leave, Offer, Waiting
from ..errors import EngineError
from .announcements import QueuePosition
from .services import CallServices


class SentAway(Exception):
    """The queue does not keep the party any longer: `leave` says why, and where to."""

    def __init__(self, leave: Leave) -> None:
        super().__init__(leave.reason)
        self.leave = leave


class QueuePlace:
    """Joins the queue on entering and leaves it on the way out, unless an operator was won.

    The members of `who` are those of Waiting. Entering raises EngineError where the queue takes
    nobody. `reason` is what the queue is told on the way out.
    """

    def __init__(self, services: CallServices, **who: Any) -> None:
        assert services.queues is not None, "a place needs queues"
        self._queues = services.queues
        self._agents = services.agents
        self._waiting = Waiting(on_offer=self._offered, on_leave=self._left, **who)
        self._next: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        self._offer: Offer | None = None
        self._is_in = False
        self.reason = "hung_up"

    def __enter__(self) -> "QueuePlace":
        self._is_in = True
        try:
            self._queues.join(self._waiting)
        except BaseException:
            self._is_in = False
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        untaken = None
        if not self._next.cancel() and not self._next.cancelled():
            # What it says comes too late.
            untaken = self._next.result() if self._next.exception() is None else None
        if self._is_in:
            self._is_in = False
            self._queues.leave(self._waiting.id, self.reason)
            self._free(untaken or self._offer)

    def _free(self, offer: Offer | None) -> None:
        """Nobody else frees the operators of an offer whose ringing did not begin."""
        if offer is not None and self._agents is not None:
            for name in offer.agents:
                self._agents.release(name, self._waiting.id)

    @property
    def standing(self) -> QueuePosition | None:
        """Where the party stands; None once it waits no longer, or operators are being rung."""
        if not self._is_in or self._offer is not None:
            return None
        queues, waiting = self._queues, self._waiting.id
        try:
            return QueuePosition(queues.place(waiting), queues.expected_wait_s(waiting))
        except EngineError:
            return None

    async def offer(self) -> Offer:
        """Wait for operators. Raises SentAway when the queue gives the party up.

        A wait that is cut short may be begun again: what came meanwhile is there then.
        """
        self._offer = await asyncio.shield(self._next)
        self._next = asyncio.get_running_loop().create_future()
        return self._offer

    def won(self) -> None:
        """An operator answered: the place is not needed any more."""
        self._is_in = False

    def again(self) -> None:
        """Nobody answered the last offer: go on waiting, in the same place."""
        offer, self._offer = self._offer, None
        if offer is not None and self._is_in:
            self._queues.unanswered(offer)

    def refused(self) -> None:
        """The operators of the last offer could not be rung at all: they are free again."""
        self._free(self._offer)
        self.again()

    def _offered(self, offer: Offer) -> None:
        if self._next.done():  # cancelled in this very turn: the way out frees the operators
            self._offer = offer
            return
        self._next.set_result(offer)

    def _left(self, leave: Leave) -> None:
        self._is_in = False
        if not self._next.done():
            self._next.set_exception(SentAway(leave))
