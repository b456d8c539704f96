import pytest

from media.sound.tones.ringback_tone import ringback_spec
from media.sound.tones.tone_spec import ToneError


def test_a_region_without_a_tone_of_its_own_gets_the_recommended_one() -> None:
    assert ringback_spec("de") == ringback_spec("XX") == "425/1000,0/4000"


@pytest.mark.parametrize("region", ["", "G", "GBR", "44", "G\u0412"])
def test_what_is_no_region(region: str) -> None:
    with pytest.raises(ToneError, match="region of two letters"):
        ringback_spec(region)
