"""`while_up(leg)`: a part of a call flow that runs only while a leg is up."""

from types import TracebackType

from .cancel_scope import CancelScope
from .leg import Leg, LegEnded


class while_up(CancelScope):
    """Run the body only while `leg` is up: raises LegEnded in it as soon as the leg ends."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    async def __aenter__(self) -> None:
        if self._leg.ending is not None:
            raise LegEnded(self._leg, self._leg.ending)
        self._begin()
        self._leg.on_end.append(self._ended)

    def _ended(self, _leg: Leg) -> None:
        self._cut()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leg.on_end.remove(self._ended)
        if self._is_cut(kind) and self._leg.ending is not None:
            raise LegEnded(self._leg, self._leg.ending) from error
