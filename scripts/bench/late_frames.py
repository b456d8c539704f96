"""Late frames of a window, told apart: of which kind they are, and what of it the machine made.

A frame is late from when it was due until it was sent. While a core was not there in that time, as
a thread that goes before everything else on it says, the host had taken it. While a thread that
does nothing, and has niceness and short slices alone, was not let run, others were before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from .bystander import ON_NO_CORE, Pause

TALK: Final = "talk"
_NS_PER_MS: Final = 1e6


@dataclass(frozen=True, slots=True)
class SplitFrame:
    """One frame: late by `late_ms`, of which for `host_ms` a core was away, and for `waited_ms` a
    thread that does nothing would have been late too."""

    kind: str
    late_ms: float
    host_ms: float
    waited_ms: float

    def without_host_ms(self) -> float:
        """How late it would have been with all cores there."""
        return self.late_ms - self.host_ms

    def own_ms(self) -> float:
        """How much later it was than a thread that does nothing."""
        return self.late_ms - self.waited_ms


class Kinds:
    """Which numbers of phones hear what."""

    def __init__(self) -> None:
        self._kinds: list[tuple[range, str]] = []

    def add(self, numbers: range, kind: str) -> None:
        """Phones of these numbers hear this."""
        self._kinds.append((numbers, kind))

    def of(self, number: int) -> str:
        """What the phone of this number hears."""
        return next((kind for numbers, kind in self._kinds if number in numbers), TALK)


class Spans:
    """Spans of time that may overlap, as spans that do not."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans: list[tuple[int, int]] = []
        for begin, end in sorted(spans):
            if self._spans and begin <= self._spans[-1][1]:
                begin, before = self._spans.pop()
                end = max(end, before)
            self._spans.append((begin, end))

    @classmethod
    def of_pauses(cls, pauses: Iterable[Pause]) -> Self:
        """The times of these."""
        return cls((pause.from_ns, pause.until_ns) for pause in pauses)

    def within(self, begin: int, end: int) -> int:
        """How much of the time from `begin` to `end` they take."""
        return sum(max(0, min(end, until) - max(begin, since)) for since, until in self._spans)


def split(
    frames: Sequence[dict[str, Any]], pauses: Sequence[Pause], kinds: Kinds
) -> list[SplitFrame]:
    """The late frames of a window's report, with what the machine made of it."""
    host = Spans.of_pauses(pause for pause in pauses if pause.which != ON_NO_CORE)
    waited = Spans.of_pauses(pauses)
    found = []
    for frame in frames:
        late_ns, at_ns = frame["late_ns"], frame["at_ns"]
        span = at_ns - late_ns, at_ns
        found.append(
            SplitFrame(
                kinds.of(frame["number"]),
                late_ns / _NS_PER_MS,
                host.within(*span) / _NS_PER_MS,
                waited.within(*span) / _NS_PER_MS,
            )
        )
    return found
