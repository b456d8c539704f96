"""Follows the messages of all calls, and of none, as they come and go."""

import asyncio
from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Followed:
    """One message, and the call that it belongs to, if it belongs to one."""

    located: Located
    call: TracedCall | None


@dataclass(frozen=True, slots=True)
class Found:
    """What came. `newest` is the number of the last message that was looked at."""

    messages: list[Followed]
    newest: int


class Following:
    """Looks for messages; with `number`, for those of calls and dialogs that are about it."""

    def __init__(
        self, trace: Trace, number: str | None, find_job: Callable[[str], Job | None]
    ) -> None:
        self._trace = trace
        self._number = number
        self._find_job = find_job
        self._is_about: dict[bytes, bool] = {}

    async def after(self, number: int, *, wait_s: float) -> Found:
        """The messages after this number. Waits up to `wait_s` until there is one."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            found = self._look(number)
            left_s = until - loop.time()
            if found.messages or left_s <= 0:
                return found
            number = found.newest
            if await self._one_more(left_s):
                await asyncio.sleep(GATHER_S)

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

    def _look(self, number: int) -> Found:
        trace = self._trace
        newest = trace.number
        if number > newest:  # it is that of an engine before this one
            number = 0
        found: list[Followed] = []
        for flow in trace.flows_after(number):
            call = trace.call_of_flow(flow.call_id)
            if self._number is not None and not self._concerns(flow, call):
                continue
            leg = None if call is None else call.leg_with(flow.call_id)
            where: LegOfMessage = {
                "call": None if call is None else call.id,
                "leg": None if leg is None else leg.record.leg,
            }
            messages = located(flow.messages())
            for message, repetition in zip(messages, repetitions(messages), strict=True):
                if message.number > number:
                    one: Located = {"message": message, "repetition": repetition, "where": where}
                    found.append(Followed(one, call))
        found.sort(key=lambda one: one.located["message"].number)
        return Found(found, newest)

    def _concerns(self, flow: SipFlow, call: TracedCall | None) -> bool:
        """Whether a dialog is about the number: its own URIs say so, or the call that it is of."""
        wanted = self._number or ""
        known = self._is_about.get(flow.call_id)
        if known is None or (not known and call is not None):
            job = None if call is None or call.job_id is None else self._find_job(call.job_id)
            known = (
                call is not None
                and any(is_same_number(one, wanted) for one in customers_numbers(call, job))
            ) or any(
                is_same_number(user, wanted)
                for message in flow.messages()[:1]
                for user in users_in(message.data)
            )
            self._is_about[flow.call_id] = known
        return known
