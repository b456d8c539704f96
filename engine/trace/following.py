"""Follows the messages of all calls, and of none, as they come and go."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ..job import Job
from .call_view import Located, customers_numbers
from .flow import SipFlow
from .message_view import LegOfMessage, located, repetitions
from .same_number import is_same_number, users_in
from .trace import Trace
from .traced_call import TracedCall

# Messages come in groups, and a call that comes in is known a moment after its INVITE.
GATHER_S: Final = 0.05
_FEW: Final = 4  # how many times too many messages are held before the first of them are found

Pause = Callable[[], Awaitable[None]]
"""Awaited between two steps of long work."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One message, and the call that it belongs to, if it belongs to one."""

    located: Located
    call: TracedCall | None


@dataclass(frozen=True, slots=True)
class Found:
    """What came. `newest` is the number up to which messages were looked at."""

    messages: list[Followed]
    newest: int


class Following:
    """Looks for messages; with `number`, for those of calls and dialogs that are about it."""

    def __init__(
        self,
        trace: Trace,
        number: str | None,
        find_job: Callable[[str], Job | None],
        pause: Pause,
    ) -> None:
        self._trace = trace
        self._number = number
        self._find_job = find_job
        self._pause = pause

    async def wait(self, number: int, *, wait_s: float) -> int:
        """Wait up to `wait_s` for a message after this number.

        The number after which `after` looks: there is nothing between this one and that.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            newest = self._trace.number
            if await self._is_any(number):
                return number
            number = newest
            left_s = until - loop.time()
            if left_s <= 0:
                return number
            # What has come while it looked is looked at, not waited for.
            if self._trace.number == newest and await self._one_more(left_s):
                await asyncio.sleep(GATHER_S)

    async def after(self, number: int, limit: int) -> Found:
        """The first messages after this number, at most `limit`."""
        number, newest = self._known(number), self._trace.number
        first: list[tuple[int, SipFlow]] = []
        for flow in list(self._trace.flows_after(number)):
            await self._pause()
            if self._concerns(flow):
                came = flow.after(number)
                first += [(one.number, flow) for one in came if one.number <= newest]
                if len(first) > _FEW * limit:
                    first = heapq.nsmallest(limit + 1, first, key=_number)
        first = heapq.nsmallest(limit + 1, first, key=_number)
        if len(first) > limit:
            newest = first[limit - 1][0]
        wanted = {number for number, _ in first[:limit]}
        found: list[Followed] = []
        for flow in {flow.call_id: flow for _, flow in first[:limit]}.values():
            await self._pause()
            found += self._of_flow(flow, wanted)
        found.sort(key=lambda one: one.located["message"].number)
        return Found(found, newest)

    def _known(self, number: int) -> int:
        """`number`; 0 where it is that of an engine before this one."""
        return 0 if number > self._trace.number else number

    async def _one_more(self, wait_s: float) -> bool:
        """Wait for any message; False where none came in time."""
        came = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not came.done():
                came.set_result(None)

        stop = self._trace.wait(wake)
        try:
            async with asyncio.timeout(wait_s):
                await came
        except TimeoutError:
            return False
        finally:
            stop()
        return True

    async def _is_any(self, number: int) -> bool:
        number = self._known(number)
        for flow in list(self._trace.flows_after(number)):
            await self._pause()
            if self._concerns(flow) and flow.after(number):
                return True
        return False

    def _of_flow(self, flow: SipFlow, wanted: set[int]) -> list[Followed]:
        call = self._trace.call_of_flow(flow.call_id)
        leg = None if call is None else call.leg_with(flow.call_id)
        where: LegOfMessage = {
            "call": None if call is None else call.id,
            "leg": None if leg is None else leg.record.leg,
        }
        messages = located(flow.messages())
        return [
            Followed({"message": message, "repetition": repetition, "where": where}, call)
            for message, repetition in zip(messages, repetitions(messages), strict=True)
            if message.number in wanted
        ]

    def _concerns(self, flow: SipFlow) -> bool:
        """Whether a dialog is about the number: its own URIs say so, or the call that it is of."""
        if self._number is None:
            return True
        wanted = self._number
        call = self._trace.call_of_flow(flow.call_id)
        if call is not None:
            job = None if call.job_id is None else self._find_job(call.job_id)
            if any(is_same_number(one, wanted) for one in customers_numbers(call, job)):
                return True
        return any(
            is_same_number(user, wanted)
            for message in flow.messages()[:1]
            for user in users_in(message.data)
        )


def _number(one: tuple[int, SipFlow]) -> int:
    return one[0]
