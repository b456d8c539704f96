"""Parts of a call flow that end early when a leg ends, or when its party presses a key.

They work as asyncio.timeout does: the body is cancelled, and only that one cancellation is turned
into another exception, so a cancellation from outside stays what it is.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

from .leg import Leg, LegEnded
from .legs.leg_listener import LegListener, ObservedLeg


class CancelScope:
    """The base: subclasses enter it with `_begin`, cancel the body with `_cancel_body`."""

    def _begin(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False

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


class while_up(CancelScope, LegListener):
    """Run the body only while `leg` is up: LegEnded is raised in it as soon as the leg ends."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    async def __aenter__(self) -> None:
        if self._leg.hangup_cause is not None:
            raise LegEnded(self._leg, self._leg.hangup_cause)
        self._begin()
        self._leg.listen(self)

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """Cancel the body."""
        self._cancel_body()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.forget(self)
        if self._is_own_cancellation(kind) and self._leg.hangup_cause is not None:
            raise LegEnded(self._leg, self._leg.hangup_cause) from error


class KeyPressed(Exception):
    """The party pressed the key that ends the body."""


class until_key(CancelScope, LegListener):
    """Run the body until the party of `leg` presses `digit`: KeyPressed is raised in it then.

    `counts` is asked at each press whether it counts. An empty `digit` is no key. A key that is
    pressed after the body has ended comes too late and changes nothing.
    """

    def __init__(self, leg: Leg, digit: str, counts: Callable[[], bool] = lambda: True) -> None:
        self._leg = leg
        self._digit = digit
        self._counts = counts

    async def __aenter__(self) -> None:
        self._begin()
        self._leg.listen(self)

    def digit_pressed(self, _leg: ObservedLeg, digit: str) -> None:
        """Cancel the body where it is the key."""
        if digit == self._digit and self._counts():
            self._cancel_body()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.forget(self)
        if self._is_own_cancellation(kind):
            raise KeyPressed from error
