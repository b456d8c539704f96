"""Call-progress tones: every one can be made, and those of known networks are theirs."""

import pytest

from media.sound.tones.progress_tones import PROGRESS_TONES, TONES, progress_spec
from media.sound.tones.ringback_tone import ringback_spec
from media.sound.tones.tone_spec import ToneError, parse


@pytest.mark.parametrize("country", [*TONES, "ZZ", "gb"])
def test_each_tone_of_each_country_can_be_read(country: str) -> None:
    for tone in PROGRESS_TONES:
        assert parse(progress_spec(tone, country))


def test_known_tones() -> None:
    assert progress_spec("busy", "US") == "480+620/500,0/500"
    assert progress_spec("busy", "de") == "425/480,0/480"
    assert progress_spec("dial", "GB") == "350+440"
    assert progress_spec("busy", "ZZ") == "425/500,0/500"
    assert progress_spec("ringing", "FR") == ringback_spec("FR")
    # The three tones of E.180 rise.
    assert [s.frequencies_hz for s in parse(progress_spec("special_information", "DE"))] == [
        (950.0,),
        (1400.0,),
        (1800.0,),
        (),
    ]


@pytest.mark.parametrize("country", ["", "D", "DEU", "1A", "éé"])
def test_what_is_no_country_has_no_tone(country: str) -> None:
    with pytest.raises(ToneError):
        progress_spec("busy", country)
