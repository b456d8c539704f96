"""How often the detection is right, how soon, and what it takes for what."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.detection.answer_detector import AnswerDetector
from media.detection.verdict import Verdict
from media.detection_limits import LABELS, DetectionLimits, Label
from media.detection_phrases import phrases_of

from .samples import Sample

_PACKET = 160
MACHINES: tuple[Label, ...] = ("voicemail", "ivr", "screening", "fax")


class HearsWords(Protocol):
    """A recogniser: what it has heard once these samples have come, if anything."""

    def hear(self, samples: NDArray[np.int16]) -> str:
        """The next samples, 8,000 a second."""


def detect(
    sample: Sample, limits: DetectionLimits, recogniser: HearsWords | None = None
) -> Verdict:
    """What is found where the sample comes in packets of 20 ms."""
    phrases = None if recogniser is None else phrases_of(sample.language)
    detector = AnswerDetector(limits, 0.0, phrases)
    for begin in range(0, len(sample.sound) - _PACKET, _PACKET):
        packet = sample.sound[begin : begin + _PACKET]
        detector.feed(packet, (begin + _PACKET) / 8)
        said = "" if recogniser is None else recogniser.hear(packet)
        if said:
            detector.hear_words(said)
        if detector.verdict is not None:
            return detector.verdict
    end = detector.advance(len(sample.sound) / 8 + limits.machine_ms)
    found = [one for one in end if isinstance(one, Verdict)]
    return found[0] if found else Verdict("unknown", limits.machine_ms, "stopped")


@dataclass(slots=True)
class Measured:
    """Counts by what it was and what it was taken for; the times by what it was."""

    confusion: Counter[tuple[Label, Label]] = field(default_factory=Counter)
    times_ms: dict[Label, list[int]] = field(default_factory=dict)
    wrong: list[tuple[Sample, Verdict]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many samples."""
        return sum(self.confusion.values())

    @property
    def right(self) -> float:
        """The share that was right."""
        right = [self.confusion[one, one] for one in LABELS]
        return sum(right) / max(1, self.count)

    @property
    def people_taken_for_machines(self) -> float:
        """The share of the people."""
        people = [self.confusion["human", label] for label in LABELS]
        taken = [self.confusion["human", label] for label in MACHINES]
        return sum(taken) / max(1, sum(people))

    def median_ms(self, label: Label | None = None) -> float:
        """When half of the verdicts had come, of one label or of all."""
        times = [ms for one, those in self.times_ms.items() if label in (None, one) for ms in those]
        return statistics.median(times) if times else 0.0


def measure(
    samples: Iterable[Sample],
    limits: DetectionLimits,
    recogniser: Callable[[Sample], HearsWords | None] = lambda _sample: None,
) -> Measured:
    """Detect in all of them, with a recogniser for each where there is one."""
    measured = Measured()
    for sample in samples:
        verdict = detect(sample, limits, recogniser(sample))
        measured.confusion[sample.label, verdict.label] += 1
        measured.times_ms.setdefault(sample.label, []).append(verdict.after_ms)
        if verdict.label != sample.label:
            measured.wrong.append((sample, verdict))
    return measured
