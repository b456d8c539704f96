import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.sound.tones import LEVEL_DBM0, ToneError, parse, render
from tests.support.tone_detection import dominant_hz, level_dbfs, tone_level_dbfs

FULL_SCALE_DBM0 = 3.14


def test_parts_of_a_specification() -> None:
    ringing = parse("440+480/2000, 0/4000")
    assert [(s.frequencies_hz, s.duration_ms) for s in ringing] == [
        ((440.0, 480.0), 2000),
        ((), 4000),
    ]
    (single,) = parse("913.8")
    assert (single.frequencies_hz, single.duration_ms) == ((913.8,), None)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("abc", "'abc' is not a frequency"),
        ("440,", "'' is not a frequency"),
        ("440+", "'' is not a frequency"),
        ("440+0", "0 Hz is not between"),
        ("-440", "'-440' is not a frequency"),
        ("4e2", "'4e2' is not a frequency"),
        ("nan", "'nan' is not a frequency"),
        ("44\u0660", "is not a frequency"),
        ("440.55", "one decimal at most"),
        ("5", "5 Hz is not between 20 and 3900 Hz"),
        ("4000", "4000 Hz is not between 20 and 3900 Hz"),
        ("440/", "duration '' is not a number of milliseconds"),
        ("440/0", "duration '0' is not"),
        ("440/-5", "duration '-5' is not"),
        ("440/1/2", "duration '1/2' is not"),
        ("440/99999999", "duration '99999999' is not"),
        ("440/60000,0/1", "lasts 60001 ms, more than 60000 ms"),
        ("1+2+3+4+5", "more than 4 frequencies"),
        (",".join(["440/10"] * 33), "more than 32 segments"),
    ],
)
def test_reasons_against_a_specification(spec: str, reason: str) -> None:
    with pytest.raises(ToneError) as caught:
        parse(spec)
    assert reason in caught.value.reason
    assert caught.value.reason in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_tone_or_a_tone_error(spec: str) -> None:
    try:
        segments = parse(spec)
    except ToneError:
        return
    assert segments


def test_a_long_bad_specification_is_not_repeated_in_full() -> None:
    with pytest.raises(ToneError) as caught:
        parse("x" * 10_000)
    assert len(str(caught.value)) < 300 and "..." in str(caught.value)


@pytest.mark.parametrize("spec", ["440", "440/250", "2100/1000", "913.8/500"])
def test_frequency_and_level_of_a_single_tone(spec: str) -> None:
    hz = float(spec.partition("/")[0])
    samples = render(spec)
    assert dominant_hz(samples, 8000) == pytest.approx(hz, abs=0.5)
    inner = samples[80:-80]
    assert level_dbfs(inner) == pytest.approx(LEVEL_DBM0 - FULL_SCALE_DBM0, abs=0.1)


def test_two_frequencies_share_the_power_and_nothing_else_sounds() -> None:
    samples = render("350+440/1000", level_dbm0=-10)
    for hz in (350, 440):
        assert tone_level_dbfs(samples, 8000, hz) == pytest.approx(-10 - 3.14 - 3.01, abs=0.2)
    for hz in (90, 300, 395, 500, 700, 790, 880, 1320):
        assert tone_level_dbfs(samples, 8000, hz) < -65
    assert level_dbfs(samples[80:-80]) == pytest.approx(-13.14, abs=0.2)


def test_a_cadence_has_exact_lengths() -> None:
    samples = render("440/300,0/200,620/100")
    assert len(samples) == 4800
    assert not samples[2400:4000].any()
    assert dominant_hz(samples[:2400], 8000) == pytest.approx(440, abs=1)
    assert dominant_hz(samples[4000:], 8000) == pytest.approx(620, abs=3)


def test_edges_do_not_click() -> None:
    samples = render("1000/200,0/100,1500/200").astype(np.int32)
    padded = np.concatenate([[0], samples, [0]])
    # A step that a 1500 Hz tone of this level does not make by itself would be a click.
    amplitude = 32767 * 10 ** ((LEVEL_DBM0 - FULL_SCALE_DBM0) / 20)
    assert np.abs(np.diff(padded)).max() <= amplitude * 2 * np.sin(np.pi * 1500 / 8000) + 2
    assert np.abs(padded[:6]).max() < amplitude * 0.1


@pytest.mark.parametrize("spec", ["440", "350+440", "913.8", "0"])
def test_a_loop_without_durations_has_no_seam(spec: str) -> None:
    samples = render(spec, loop=True).astype(np.int32)
    twice = np.concatenate([samples, samples])
    middle = twice[len(samples) - 4000 : len(samples) + 4000]
    inside = samples[:8000]
    assert np.abs(np.diff(middle, 2)).max() <= np.abs(np.diff(inside, 2)).max() + 3
    assert level_dbfs(middle.astype(np.int16)) == pytest.approx(
        level_dbfs(inside.astype(np.int16)), abs=0.1
    )


def test_a_very_short_segment_is_still_a_segment() -> None:
    assert len(render("440/1")) == 8
    assert len(render("0/1,440/3")) == 32


def test_a_loud_sum_is_clipped_not_wrapped() -> None:
    samples = render("400+500+600+700/1000", level_dbm0=3)
    assert np.abs(np.diff(samples.astype(np.int32))).max() < 40_000
    assert samples.max() == 32767
