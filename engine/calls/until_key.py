"""`until_key(leg, digit)`: a part of a call flow that the party may end by a key of its phone."""

from collections.abc import Callable
from types import TracebackType

from .cancel_scope import CancelScope
from .leg import Leg


class KeyPressed(Exception):
    """The party pressed the key that ends the body."""


class until_key(CancelScope):
    """Run the body until the party of `leg` presses `digit`: KeyPressed is raised in it then.

    `may` is asked at each press whether it counts. An empty `digit` is no key. What the body has
    reached by the time of the press stays reached: a key that comes later is too late.
    """

    def __init__(self, leg: Leg, digit: str, may: Callable[[], bool] = lambda: True) -> None:
        self._leg = leg
        self._digit = digit
        self._may = may

    async def __aenter__(self) -> None:
        self._begin()
        if self._digit:
            self._leg.on_digit = self._pressed

    def _pressed(self, digit: str) -> None:
        if digit == self._digit and self._may():
            self._cut()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.on_digit = None
        if self._is_cut(kind):
            raise KeyPressed from error
