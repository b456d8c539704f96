"""`while_up(leg)`: a part of a call flow that runs only while a leg is up."""

import asyncio
from types import TracebackType

from .leg import Leg, LegEnded


class while_up:
    """Run the body only while `leg` is up: raises LegEnded in it as soon as the leg ends.

    Works as asyncio.timeout does: the body is cancelled, and only that one cancellation is turned
    into LegEnded, so a cancellation from outside stays what it is.
    """

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._fired = False

    async def __aenter__(self) -> None:
        if self._leg.ending is not None:
            raise LegEnded(self._leg, self._leg.ending)
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._leg.on_end.append(self._fire)

    def _fire(self, _leg: Leg) -> None:
        self._fired = True
        self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.on_end.remove(self._fire)
        if not self._fired or self._leg.ending is None:
            return
        still_cancelling = self._task.uncancel() > self._cancelling
        if kind is asyncio.CancelledError and not still_cancelling:
            raise LegEnded(self._leg, self._leg.ending) from error
