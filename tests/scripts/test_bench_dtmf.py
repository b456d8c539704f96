"""What the bench says of keys as sound: cases that are right, and minutes without a false key."""

import random
from unittest.mock import patch

import numpy as np
import pytest

from media.sound.dtmf.detector import DtmfDetector
from scripts.bench import dtmf_part
from scripts.bench.options import Options
from scripts.bench.q24 import cases, key, keys_in, whole
from scripts.bench.report import Report

BRIEF = Options(dtmf_s=6.0)


@pytest.fixture(autouse=True)
def _brief_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtmf_part, "_RELAYED_S", 0.5)
    monkeypatch.setattr(dtmf_part, "_RELAYED_RUNS", 1)


async def test_cases_and_minutes_are_measured() -> None:
    report = Report()
    with patch.object(dtmf_part, "cases", lambda: list(cases())[:12]):
        await dtmf_part.run(report, BRIEF)
    found = {item.name: item.value for item in report.figures}
    assert found["ITU-T Q.24 cases wrong"] == 0
    assert found["false digits in speech"] == found["false digits in music"] == 0
    assert found["detector, of a core for each line"] > 0
    assert found["keys as sound : telephone-events"] > 0


async def test_what_is_wrong_is_counted_and_named() -> None:
    report = Report()
    silence = np.zeros(800, np.int16)
    with (
        patch.object(dtmf_part, "cases", lambda: [("a case", silence, "5")]),
        patch.object(dtmf_part, "_music", lambda _rng: iter([whole(key("7", 60))] * 99)),
    ):
        await dtmf_part.run(report, BRIEF)
    found = {item.name: item for item in report.figures}
    assert found["ITU-T Q.24 cases wrong"].value == 2  # in either law
    assert "a case, PCMU; a case, PCMA" in report.notes[0]
    assert found["false digits in music"].value > 5
    assert found["false digits in music"].met is False


def test_each_case_has_a_sound_and_names_its_keys() -> None:
    made = list(cases())
    assert len(made) > 400
    assert {wanted for _name, _sound, wanted in made} >= {"", "5", "DD"}
    assert keys_in(whole(key("5", 60)), "PCMA", DtmfDetector()) == "5"


def test_music_is_loud_enough_to_be_heard() -> None:
    sound = next(dtmf_part._music(random.Random(2)))
    assert len(sound) > 8000
    assert np.abs(sound.astype(int)).max() > 300
