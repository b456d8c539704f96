"""Keeps what a party says and keys in from whoever did not ask for it, while it is secret."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

from ..call import Call, CallRegistry, Silenced
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg

SECRET_KEYS: Final = "secret keys"
"""Why a recording pauses."""


class SecretSpan(LegListener):
    """The time in which the party of `leg` is asked for a secret: from `begin` to `end`.

    It covers the call, and those of whom the party is joined with, by whatever and whenever that
    is. `recorders` has what records a call. Services and recognisers hear of it from the leg.
    """

    def __init__(
        self,
        call: Call,
        leg: Leg,
        registry: CallRegistry,
        recorders: Callable[[Call], Iterable[Silenced]],
    ) -> None:
        self._call = call
        self._leg = leg
        self._registry = registry
        self._recorders = recorders
        self._silent: set[Silenced] = set()
        self._kept = AsyncExitStack()
        self._covering: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """From now on nobody else has it. `end` follows, also where this is cancelled."""
        self._leg.listen(self)
        self._kept.callback(self._leg.forget, self)
        self._kept.callback(self._arrange)
        self._kept.enter_context(self._leg.telling_secret())
        self._arrange()
        await self._silence_recorders()

    async def begins_recording(self, recorder: Silenced) -> None:
        """This is about to record: it is silent from its beginning, if it is to have the party."""
        if recorder in self._recorders_now():
            await self._silence(recorder)

    def partners_changed(self, _leg: ObservedLeg) -> None:
        """More may be recorded of the party than at the beginning: it pauses as well."""
        task = asyncio.get_running_loop().create_task(self._silence_recorders())
        self._covering.add(task)
        task.add_done_callback(self._covering.discard)

    async def end(self) -> None:
        """The secret is told."""
        for task in tuple(self._covering):
            task.cancel()
        try:
            await asyncio.gather(*self._covering, return_exceptions=True)
        finally:
            await self._kept.aclose()

    def _arrange(self) -> None:
        for call in self._registry.joined_calls(self._call, self._leg):
            call.supervisors.arrange_again()

    def _recorders_now(self) -> list[Silenced]:
        calls = self._registry.joined_calls(self._call, self._leg)
        return [recorder for call in calls for recorder in self._recorders(call)]

    async def _silence_recorders(self) -> None:
        for recorder in self._recorders_now():
            await self._silence(recorder)

    async def _silence(self, recorder: Silenced) -> None:
        if recorder not in self._silent:
            self._silent.add(recorder)
            await self._kept.enter_async_context(recorder.silenced(SECRET_KEYS))
