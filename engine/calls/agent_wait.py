"""The wait for an operator: somebody on the line, in his place, until an operator answers.

A caller and a customer who was called first wait alike. The wait ends in one of four ways, and
which is decided here: an operator has answered (`operator` returns), the party pressed the key to
be called back, its time is up, or the queue sends it away (`Farewell` is raised). What comes later
than the one that won is too late.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog

from ..acd.waiting import Offer
from ..errors import EngineError
from ..routing.dialplan import Destination
from .agent_ringer import AgentRinger, AgentsMissed, open_all
from .announcements import QueuePosition
from .call_result import CALLED_BACK, Result, TurnedAway, of_not_taken, of_sent_away
from .leg import Leg, LegEnded
from .queue_place import QueuePlace, SentAway
from .services import CallServices
from .until_key import KeyPressed, until_key
from .waiting_room import WaitingRoom

log = structlog.get_logger()


class Wish(Protocol):
    """What becomes of the wish to be called back."""

    def may_be_taken(self) -> bool:
        """Whether the party can be called back; where not, it is told so."""

    async def take(self) -> bool:
        """Have it called back. False where that is not possible after all, and it was told so."""


class AgentWait:
    """The wait of the party of `leg` in `room`, for `limit_s` from now on.

    `who` are the members of Waiting, `ask` makes the operators of an offer, or of an outside number
    that stands in for them. `ringing` and `waiting` are called when operators begin to be rung, and
    when none is any more; `leaving` gives what the queue is told when the wait is cut short. With
    `once`, nobody waits on for a single agent who did not answer. `first` is an outside number that
    is rung before the queue is joined, and stood in for by the queue when it does not answer.
    """

    def __init__(
        self,
        services: CallServices,
        leg: Leg,
        *,
        room: WaitingRoom,
        who: dict[str, Any],
        limit_s: float,
        ask: Callable[[Offer | Destination], AgentRinger],
        wish: Wish,
        ringing: Callable[[], None],
        waiting: Callable[[], None],
        leaving: Callable[[], str],
        once: bool = False,
        first: str | None = None,
    ) -> None:
        self._services = services
        self._leg = leg
        self._room = room
        self._who = who
        self._limit_s = limit_s
        self._until = asyncio.get_running_loop().time() + limit_s
        self._ask = ask
        self._wish = wish
        self._ringing = ringing
        self._waiting = waiting
        self._leaving = leaving
        self._once = once
        self._first = first
        self._place: QueuePlace | None = None
        self._operators: AgentRinger | None = None
        self._outside_tried: dict[str, float] = {}
        self.answered_by: Leg | None = None

    @property
    def standing(self) -> QueuePosition | None:
        """Where the party stands; None while operators are being rung, or it is in no queue."""
        return None if self._place is None else self._place.standing

    def release_operators(self) -> None:
        """The call of whoever answered is over. No effect twice."""
        if self._operators is not None:
            self._operators.over()
            self._operators = None

    async def operator(self) -> Leg:
        """Wait for an operator who answers. Raises Farewell where none is going to.

        An outside number to which the queue sends the party stands in for one; where it does not
        take the call, the party is in its old place again. Raises OperatorsMissed with `once`.
        """
        outside, self._first = self._first, None
        while True:
            if outside is None:
                try:
                    return await self._in_queue()
                except SentAway as away:
                    if away.leave.target is None:
                        raise of_sent_away(away.leave, self._room.settings) from away
                    outside = away.leave.target
                self._outside_tried[outside] = time.time()
            try:
                return await self._outside(outside)
            except (EngineError, LegEnded) as error:
                log.info("outside_missed", waiting=self._who["id"], reason=f"{outside}: {error}")
            except KeyPressed:
                if await self._wish.take():
                    raise TurnedAway(
                        CALLED_BACK, self._room.settings.texts.callback_taken
                    ) from None
            self._waiting()
            outside = None

    async def _outside(self, number: str) -> Leg:
        """A number outside takes the call in an operator's place, as long as the party waits."""
        address = self._services.dialplan.destination(number, field="queue")
        try:
            async with self._cut_short():
                return await self._reach(address)
        except TimeoutError:
            raise self._too_long() from None

    @asynccontextmanager
    async def _cut_short(self) -> AsyncIterator[None]:
        """What the party may end by its key (KeyPressed), and its limit does (TimeoutError)."""
        digit = self._room.settings.callback_digit
        async with asyncio.timeout_at(self._until):
            async with until_key(self._leg, digit, self._wish.may_be_taken):
                yield

    def _too_long(self) -> TurnedAway:
        result = Result("timeout", f"no operator within {self._limit_s:g} s")
        return TurnedAway(result, self._room.settings.texts.timeout)

    async def _in_queue(self) -> Leg:
        room = self._room.settings
        try:
            with QueuePlace(
                self._services,
                **self._who,
                is_back=self.answered_by is not None or bool(self._outside_tried),
                outside_tried=dict(self._outside_tried),
            ) as place:
                self._place = place
                try:
                    return await self._in_place(place)
                except asyncio.CancelledError:
                    place.reason = self._leaving()
                    raise
        except EngineError as error:
            raise of_not_taken(error, room) from error
        finally:
            self._place = None

    async def _in_place(self, place: QueuePlace) -> Leg:
        room, wish = self._room.settings, self._wish
        while True:
            try:
                async with self._cut_short():
                    return await self._first_operator(place)
            except TimeoutError:
                place.reason = "timeout"
                raise self._too_long() from None
            except KeyPressed:
                self._waiting()
                if await wish.take():
                    place.reason = "callback"
                    raise TurnedAway(CALLED_BACK, room.texts.callback_taken) from None
                place.again()

    async def _first_operator(self, place: QueuePlace) -> Leg:
        """Take offers until one of them is answered."""
        while True:
            offer = await place.offer()
            try:
                agent = await self._reach(offer)
            except AgentsMissed:
                if self._once and offer.queue is None:
                    raise
                self._waiting()
                place.again()
            except (EngineError, LegEnded) as error:  # nobody could be rung at all
                log.warning("operator_not_rung", waiting=offer.waiting.id, reason=str(error))
                self._waiting()
                place.refused()
            else:
                place.won()
                return agent

    async def _reach(self, whom: Offer | Destination) -> Leg:
        """Ring operators until one answers. Raises OperatorsMissed, or LegEnded without a port."""
        self._operators = self._ask(whom)
        self._ringing()
        try:
            await open_all(self._operators.ports())
        except BaseException:
            self._operators.put_away()
            raise
        self.answered_by = await self._operators.reach()
        return self.answered_by
