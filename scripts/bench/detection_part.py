"""Who or what has answered: how often the detection is right, and how soon.

The samples are those of `python -m scripts.detection`, of the half for tests, with a seed of their
own: no limit was tuned with any of them, and none of them was looked at before the limits were
final.
"""

import asyncio
from typing import Final

import msgspec

from config.detection import Detection
from media.detection_limits import DetectionLimits
from media.speech.espeak import SpeechError
from scripts.detection.__main__ import LEAST_RIGHT, MOST_MS, MOST_PEOPLE_TAKEN
from scripts.detection.measure import Measured, measure
from scripts.detection.samples import make

from .options import Options
from .report import Report, figure

PART: Final = "detection"
SEED: Final = 2026


async def run(report: Report, options: Options) -> None:
    """Make the samples, and detect in all of them, quicker than they would be heard."""
    try:
        measured = await asyncio.to_thread(_measured, options.detection_samples)
    except SpeechError as error:
        report.notes.append(f"{PART}: no speech: {error.reason}")
        return
    note = f"{measured.count} samples that no limit was tuned with"
    people = sum(number for (label, _), number in measured.confusion.items() if label == "human")
    add = report.figures.append
    add(figure(PART, "right", "%", [100 * measured.right], at_least=100 * LEAST_RIGHT, note=note))
    add(
        figure(PART, "people known after, p50", "ms", [measured.median_ms("human")], target=MOST_MS)
    )
    taken = 100 * measured.people_taken_for_machines
    label, note = "people taken for machines", f"of {people} people"
    add(figure(PART, label, "%", [taken], target=100 * MOST_PEOPLE_TAKEN, note=note))


def _measured(count: int) -> Measured:
    limits = msgspec.convert(Detection().limits.model_dump(), DetectionLimits)
    return measure(make(count, SEED, "test"), limits)
