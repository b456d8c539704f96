"""The notation of tones: what it means, and what is wrong with what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.sound.tones.tone_spec import ToneError, parse


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
