"""The wait of a caller for an operator: in his place in the queue, until one answers.

It ends in one of four ways, and which is decided here: an operator has answered (`operator`
returns), the caller pressed the key to be called back, his time is up, or the queue sends him away
(`Farewell` is raised). What comes later than the one that won is too late.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog

from .announcements import Standing
from .call_legs import CallLegs
from .callback_wish import CallbackWish
from .farewell import CALLED_BACK, Farewell, Result, of_not_taken, of_sent_away
from .headers import context_headers
from .incoming import Incoming
from .job import OfferRecord
from .leg import CODECS, Caller, Leg, LegEnded
from .operators import Candidate, Operators, OperatorsMissed, candidates_of, open_all
from .protocol import EngineError
from .queue_place import QueuePlace, SentAway
from .switchboard import Switchboard
from .until_key import KeyPressed, until_key
from .waiting import Offer
from .waiting_room import WaitingRoom

log = structlog.get_logger()

DEFAULT_CALLER = "ringback"

Publish = Callable[..., None]


class CallerWait:
    """One caller's wait in `room`. `until` is a time of the event loop.

    `joined_at` is his place. `enter` is told whether he waits or is rung for; `leaving` gives what
    the queue is told when the wait is cut short.
    """

    def __init__(
        self,
        board: Switchboard,
        incoming: Incoming,
        caller: Leg,
        *,
        legs: CallLegs,
        room: WaitingRoom,
        wish: CallbackWish,
        joined_at: float,
        until: float,
        enter: Callable[[str], None],
        leaving: Callable[[], str],
        publish: Publish,
    ) -> None:
        self._board = board
        self._incoming = incoming
        self._caller = caller
        self._legs = legs
        self._room = room
        self._wish = wish
        self._joined_at = joined_at
        self._until = until
        self._enter = enter
        self._leaving = leaving
        self._publish = publish
        self._place: QueuePlace | None = None
        self._operators: Operators | None = None
        self.offers: list[OfferRecord] = []
        self.answered_by: Leg | None = None

    @property
    def standing(self) -> Standing | None:
        """Where he stands; None while he waits in no queue, or operators are being rung."""
        return None if self._place is None else self._place.standing

    @property
    def agent(self) -> str | None:
        """The operator who answered last, else the one who was asked last."""
        for offer in reversed(self.offers):
            if offer.answered is not None:
                return offer.agent
        return self.offers[-1].agent if self.offers else self._incoming.agent

    def release_operators(self) -> None:
        """The call of whoever answered is over. No effect twice."""
        if self._operators is not None:
            self._operators.over()
            self._operators = None

    async def operator(self) -> Leg:
        """Wait for an operator who answers. Raises Farewell where none is going to."""
        room = self._room.settings
        try:
            with self._queue_place() as place:
                self._place = place
                try:
                    return await self._in_place(place)
                except asyncio.CancelledError:
                    place.reason = self._leaving()
                    raise
        except SentAway as away:
            if away.leave.target is None:
                raise of_sent_away(away.leave, room) from away
            return await self._outside(away.leave.target)
        except EngineError as error:
            raise of_not_taken(error, room) from error
        finally:
            self._place = None

    def _queue_place(self) -> QueuePlace:
        incoming = self._incoming
        return QueuePlace(
            self._board,
            id=incoming.call,
            kind="call",
            queue=incoming.queue,
            agent=incoming.agent,
            joined_at=self._joined_at,
            priority=incoming.priority,
            skills=incoming.skills,
            number=incoming.party.number,
            region=incoming.party.region,
            context=incoming.context,
            known_agent=incoming.ruling.known_agent,
            ring_s=incoming.ruling.ring_s,
        )

    async def _in_place(self, place: QueuePlace) -> Leg:
        room, wish = self._room.settings, self._wish
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    async with until_key(self._caller, room.callback_digit, wish.may_be_taken):
                        return await self._first_operator(place)
            except TimeoutError:
                place.reason = "timeout"
                cause = f"no operator within {self._incoming.route.max_wait_s:g} s"
                raise Farewell(Result("timeout", cause), room.texts.timeout) from None
            except KeyPressed:
                self._enter("waiting")
                if await wish.take(self._joined_at) is not None:
                    place.reason = "callback"
                    raise Farewell(CALLED_BACK, room.texts.callback_taken) from None
                place.again()

    async def _first_operator(self, place: QueuePlace) -> Leg:
        """Take offers until one of them is answered."""
        while True:
            offer = await place.offer()
            try:
                agent = await self._reach(candidates_of(offer, self._board), offer)
            except OperatorsMissed:
                self._enter("waiting")
                place.again()
            except (EngineError, LegEnded) as error:  # nobody could be rung at all
                log.warning("operator_not_rung", call=self._incoming.call, reason=str(error))
                self._enter("waiting")
                place.refused()
            else:
                place.won()
                return agent

    async def _outside(self, target: str) -> Leg:
        """A number outside takes the call in an operator's place."""
        plan, trunk = self._board.dialplan, self._incoming.ruling.trunk
        try:
            address = plan.destination(target, field="queue", trunk=trunk)
            return await self._reach((Candidate(None, (address,)),), None)
        except (EngineError, LegEnded) as error:
            result = Result("unavailable", f"{target}: {error}")
            raise Farewell(result, self._room.settings.texts.timeout) from error

    # -- ringing ----------------------------------------------------------------------------

    async def _reach(self, candidates: Sequence[Candidate], offer: Offer | None) -> Leg:
        """Ring operators until one answers. Raises OperatorsMissed, or LegEnded without a port."""
        ring_s = self._board.dial.ring_s if offer is None else offer.ring_s
        self._enter("ringing")
        self._operators = Operators(
            candidates,
            self._board,
            offer=offer,
            new_leg=partial(self._legs.make, "agent"),
            dial=partial(self._dial, ring_s),
            publish=self._publish,
            beside=self._caller,
            on_offer=self.offers.append,
            told=self._told,
            line=self._legs.line,
        )
        await open_all(self._operators.ports())
        self.answered_by = await self._operators.reach()
        return self.answered_by

    async def _dial(self, ring_s: float, leg: Leg) -> None:
        incoming, dial = self._incoming, self._board.dial
        spoken = self._caller.audio.codec if self._caller.audio is not None else CODECS[0]
        shown = incoming.ruling.caller_id or incoming.party.user
        self._legs.add(leg)
        await leg.dial(
            caller=Caller(shown, default=dial.caller_id or DEFAULT_CALLER),
            ring_s=ring_s,
            codecs=(spoken, *(codec for codec in CODECS if codec != spoken)),
            headers=context_headers(dial.headers, incoming.subject),
        )

    def _told(self) -> dict[str, Any]:
        """What the operator's screen is told before his phone rings."""
        number, history = self._incoming.party.number, self._board.history
        return {
            "number": number,
            "history": [] if history is None else history.of(number),
            "script": self._incoming.ruling.script,
        }
