"""Waits until it is known who or what has answered on a leg, and for the beep of a mailbox."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from media.detection_limits import DetectionLimits, Label
from media.protocol.messages import BeepHeard, Detected, MachineSuspected

from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg

# The worker has decided by then, if it is well.
_LATE_S = 3.0
_BEEP_S = 30.0


class AnswerWatch(LegListener):
    """Follows what the worker finds out about `leg`, from now until `end`."""

    def __init__(self, leg: Leg, limits: DetectionLimits) -> None:
        self._leg = leg
        self._limits = limits
        self.label: Label | None = None
        self.is_suspected = False
        self._has_beeped = False
        self._news = asyncio.Event()
        leg.listen(self)

    def end(self) -> None:
        """Have the worker listen no more."""
        self._leg.forget(self)
        self._leg.stop_detecting()

    def answer_found(
        self, _leg: ObservedLeg, found: Detected | MachineSuspected | BeepHeard
    ) -> None:
        """See LegListener."""
        match found:
            case Detected():
                self.label = found.label
            case BeepHeard():
                self._has_beeped = True
            case _:
                self.is_suspected = True
        self._news.set()

    async def until_known(self, *, machine_is_enough: bool) -> Label:
        """Wait for the label; `unknown` where it does not come, or a machine is all one asks for.

        Raises nothing: whoever ends the leg ends the wait.
        """
        longest_s = max(self._limits.machine_ms, self._limits.total_ms) / 1000 + _LATE_S
        await self._until(
            lambda: self.label is not None or (machine_is_enough and self.is_suspected), longest_s
        )
        return self.label or "unknown"

    async def until_beep(self) -> bool:
        """Wait for the beep, where it has not been heard yet. Whether it was."""
        return await self._until(lambda: self._has_beeped, _BEEP_S)

    async def _until(self, is_so: Callable[[], bool], longest_s: float) -> bool:
        """Wait until it is so, after something was found. Whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                while not is_so():
                    self._news.clear()
                    await self._news.wait()
        return is_so()
