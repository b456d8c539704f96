"""The samples of the detection, and what is measured of them."""

from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import soundfile

from media.sound.g711 import decode
from media.speech.espeak import SpeechError
from scripts.detection.__main__ import main, meets_targets, save
from scripts.detection.measure import Measured, measure
from scripts.detection.samples import SHARES, Sample, make
from scripts.detection.spotted_words import recogniser_of
from tests.support.detection_limits import usual_limits


@cache
def some() -> tuple[Sample, ...]:
    """One sample of each label."""
    try:
        return tuple(make(14, 7, "tuning"))
    except SpeechError as error:
        pytest.skip(f"samples are made by espeak-ng: {error.reason}")


def test_there_is_a_sample_of_every_label_and_a_seed_gives_the_same() -> None:
    first = some()
    assert {sample.label for sample in first} == set(SHARES)
    again = next(make(14, 7, "tuning"))
    assert (again.name, again.text, again.label) == (first[0].name, first[0].text, first[0].label)


def test_the_halves_have_no_sample_in_common() -> None:
    tuning, test = next(make(2, 7, "tuning")), next(make(2, 7, "test"))
    assert (tuning.half, test.half) == ("tuning", "test")
    assert tuning.name != test.name


def test_what_is_made_is_measured(tmp_path: Path) -> None:
    samples = some()
    measured = measure(samples, usual_limits())
    assert measured.count == len(samples)
    assert measured.right >= 0.7
    assert measured.median_ms("human") > 0
    save(list(samples[:1]), tmp_path)
    sound, rate_hz = soundfile.read(tmp_path / f"{samples[0].name}.wav", dtype="int16")
    assert rate_hz == 8000 and np.array_equal(sound, samples[0].sound)


def test_the_targets() -> None:
    measured = Measured()
    measured.confusion["human", "human"] = 99
    measured.confusion["human", "voicemail"] = 1
    measured.times_ms["human"] = [1500]
    assert meets_targets(measured)
    measured.confusion["human", "fax"] = 1
    assert measured.people_taken_for_machines > 0.01
    assert not meets_targets(measured)


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    with patch("scripts.detection.__main__.make", lambda *_asked: some()[:3]):
        assert main(["--half", "tuning"]) in (0, 1)
    printed = capsys.readouterr().out
    assert "people taken for machines" in printed and "screening" in printed.replace("…", "ing")


def test_words_count_where_a_recogniser_hears_them() -> None:
    pytest.importorskip("pocketsphinx", reason="pip install 'ringback[recognition]'")
    with np.load(Path(__file__).parents[1] / "media/recognition/phrase.npz") as kept:
        sound = decode(kept["pcma"].tobytes(), "PCMA")
    english = Sample("voicemail-0", "voicemail", "tuning", sound, language="en-us")
    german = Sample("human-0", "human", "tuning", sound, language="de")
    assert recogniser_of(german) is None
    measured = measure([english], usual_limits(), recogniser_of)
    assert measured.confusion["voicemail", "voicemail"] == 1
    with patch("scripts.detection.__main__.make", lambda *_asked: [english, german]):
        assert main(["--english", "--words"]) in (0, 1)
