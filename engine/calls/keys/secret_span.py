"""Keeps what a party says and keys in from whoever did not ask for it, while it is secret."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

from ..call import Call, Silenced
from ..leg import Leg
from ..supervision.supervisors import Supervisors

SECRET_KEYS: Final = "secret keys"
"""Why a recording pauses."""


class SecretSpan:
    """The time in which the party of `leg` is asked for a secret: from `begin` to `end`.

    `recorders` has what records a call, and whom it is joined with; `supervisors` who supervises
    these. Services and recognisers hear of it from the leg.
    """

    def __init__(
        self,
        call: Call,
        leg: Leg,
        recorders: Callable[[Call], Iterable[Silenced]],
        supervisors: Callable[[Call], Iterable[Supervisors]],
    ) -> None:
        self._call = call
        self._leg = leg
        self._recorders = recorders
        self._supervisors = supervisors
        self._silent: set[Silenced] = set()
        self._kept = AsyncExitStack()
        self._covering: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """From now on nobody else has it. `end` follows, also where this is cancelled."""
        self._kept.callback(self._arrange)
        self._kept.enter_context(self._leg.telling_secret())
        self._arrange()
        await self._silence_recorders()

    async def begins_recording(self, recorder: Silenced) -> None:
        """This is about to record: it is silent from its beginning, if it is to have the party."""
        if recorder in self._recorders(self._call):
            await self._silence(recorder)

    def recorded(self) -> None:
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
        for supervisors in self._supervisors(self._call):
            supervisors.arrange_again()

    async def _silence_recorders(self) -> None:
        for recorder in self._recorders(self._call):
            await self._silence(recorder)

    async def _silence(self, recorder: Silenced) -> None:
        if recorder not in self._silent:
            self._silent.add(recorder)
            await self._kept.enter_async_context(recorder.silenced(SECRET_KEYS))
