import pytest

from media.sound.g711 import decode
from media.sound.tones.ringback_clip import ringing
from media.sound.tones.ringback_tone import RINGBACK
from media.sound.tones.tone_spec import parse
from tests.support.tone_detection import heard, heard_s, level_dbfs


@pytest.mark.parametrize(
    ("region", "hz", "off_hz", "round_s"),
    [
        ("GB", (400, 450), (425, 480), 3.0),
        ("US", (440, 480), (400, 425), 6.0),
        ("FR", (440,), (400, 480), 5.0),
        ("DE", (425,), (400, 450), 5.0),
        ("RU", (425,), (400, 450), 4.0),
        ("AU", (413, 438), (375, 480), 3.0),
    ],
)
def test_frequencies_and_cadence(
    region: str, hz: tuple[int, ...], off_hz: tuple[int, ...], round_s: float
) -> None:
    clip = ringing(region)
    assert clip.duration_s == round_s
    samples = decode(clip.pcma, "PCMA")
    assert all(heard(samples, 8000, value) for value in hz)
    assert not any(heard(samples, 8000, value) for value in off_hz)
    assert level_dbfs(samples[80:2400]) == pytest.approx(-16.1, abs=0.5)


def test_the_british_ring_is_double() -> None:
    samples = decode(ringing("GB").pcmu, "PCMU")
    sounding = [
        bool(abs(samples[at : at + 400].astype(int)).max() > 100) for at in range(0, 24000, 400)
    ]
    # in steps of 50 ms: 400 on, 200 off, 400 on, 2000 off
    assert sounding == [True] * 8 + [False] * 4 + [True] * 8 + [False] * 40
    assert heard_s(samples, 8000, 400) <= 1.2


def test_every_listed_tone_renders_once() -> None:
    for region in RINGBACK:
        assert parse(RINGBACK[region])
        assert ringing(region) is ringing(region.lower())
