"""The bench part of detection: its figures, and what it says where nothing can be spoken."""

import dataclasses
from unittest.mock import patch

import pytest

from media.speech.espeak import SpeechError, espeak
from scripts.bench import detection_part
from scripts.bench.options import QUICK
from scripts.bench.report import Report

BRIEF = dataclasses.replace(QUICK, detection_samples=16)


async def test_it_has_a_figure_of_each_target() -> None:
    try:
        espeak()
    except SpeechError as error:
        pytest.skip(f"nothing can be spoken here: {error.reason}")
    report = Report()
    await detection_part.run(report, BRIEF)
    targets = {one.name: (one.unit, one.target) for one in report.figures}
    assert targets == {
        "right": ("%", 95),
        "people known after, p50": ("ms", 1600),
        "people taken for machines": ("%", 1),
    }
    assert not report.notes


async def test_without_speech_it_says_so() -> None:
    report = Report()
    with patch.object(detection_part, "make", side_effect=SpeechError("no espeak-ng")):
        await detection_part.run(report, BRIEF)
    assert report.notes == ["detection: no speech: no espeak-ng"] and not report.figures
