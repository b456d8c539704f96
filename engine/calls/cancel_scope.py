"""Parts of a call flow that end early when a leg ends, or when its party presses a key.

They work as asyncio.timeout does: the body is cancelled, and only that one cancellation is turned
into another exception, so a cancellation from outside stays what it is.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

from .leg import Leg, LegEnded
from .legs.leg_listener import LegListener, ObservedLeg


class _LegScope(LegListener):
    """The base: it listens to `leg` and cancels the body once, with `_cancel_body`."""

    __slots__ = ("_cancelling", "_fired", "_leg", "_task")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False
        self._leg.listen(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.forget(self)
        if self._is_own_cancellation(kind):
            raise self._ended() from error
        if self._fired and kind is not asyncio.CancelledError:
            await self._take_up_cancellation()

    async def _take_up_cancellation(self) -> None:
        """Let no later await be cancelled, where the body ended the leg itself and left at once.

        `Task.uncancel` lowers the count, and before Python 3.13 it leaves the cancellation that is
        not delivered yet.
        """
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._task.cancelling() > self._cancelling:  # from outside as well
                raise

    def _ended(self) -> Exception:
        """Return what is raised in place of the cancellation."""
        raise NotImplementedError

    def _cancel_body(self) -> None:
        if not self._fired:
            self._fired = True
            self._task.cancel()

    def _is_own_cancellation(self, kind: type[BaseException] | None) -> bool:
        """Whether the body ended with `kind` because of this scope, and of nothing else."""
        if not self._fired:
            return False
        still_cancelling = self._task.uncancel() > self._cancelling
        return kind is asyncio.CancelledError and not still_cancelling


class while_up(_LegScope):
    """Run the body only while `leg` is up: LegEnded is raised in it as soon as the leg ends."""

    __slots__ = ()

    async def __aenter__(self) -> None:
        if self._leg.hangup_cause is not None:
            raise self._ended()
        await super().__aenter__()

    def leg_ended(self, leg: ObservedLeg) -> None:
        """Cancel the body, unless the leg is about to be replaced: its end is expected."""
        if not leg.may_leave:
            self._cancel_body()

    def _ended(self) -> LegEnded:
        assert self._leg.hangup_cause is not None
        return LegEnded(self._leg, self._leg.hangup_cause)


class KeyPressed(Exception):
    """The party pressed the key that ends the body."""


class until_key(_LegScope):
    """Run the body until the party of `leg` presses `digit`: KeyPressed is raised in it then.

    `counts` is asked at each press whether it counts. An empty `digit` is no key. A key that is
    pressed after the body has ended comes too late and changes nothing.
    """

    __slots__ = ("_counts", "_digit")

    def __init__(self, leg: Leg, digit: str, counts: Callable[[], bool] = lambda: True) -> None:
        super().__init__(leg)
        self._digit = digit
        self._counts = counts

    def digit_pressed(self, _leg: ObservedLeg, digit: str) -> None:
        """Cancel the body where it is the key."""
        if digit == self._digit and self._counts():
            self._cancel_body()

    def _ended(self) -> KeyPressed:
        return KeyPressed()
