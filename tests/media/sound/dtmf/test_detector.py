"""Keys as sound, by the cases of ITU-T Q.24: what is a key, what is none; and talk is none."""

import numpy as np
import pytest

from media.sound.dtmf.detector import HIGH_HZ, KEYS, LOW_HZ, DtmfDetector
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import FULL_SCALE_DBM0, SAMPLE_RATE_HZ, decode
from media.sound.hold_music import render
from scripts.bench.q24 import Sound, key, pause, presses_in


def heard(*parts: Sound, codec: str = "PCMU", begin: int = 0) -> list[tuple[str, int]]:
    """What is found in the parts one after the other, in packets of 20 ms of a codec."""
    whole = np.concatenate((np.zeros(400 + begin), *parts, pause(100)))
    samples = np.rint(whole).clip(-32768, 32767).astype(np.int16)
    return presses_in(samples, codec, DtmfDetector())


def keys(*parts: Sound, codec: str = "PCMU", begin: int = 0) -> str:
    return "".join(name for name, _ms in heard(*parts, codec=codec, begin=begin))


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("name", KEYS)
def test_every_key_is_found_whenever_it_begins(name: str, codec: str) -> None:
    for begin in range(0, 160, 23):
        [(found, ms)] = heard(key(name, 50), codec=codec, begin=begin)
        assert found == name
        assert 40 <= ms <= 60


@pytest.mark.parametrize("name", ["1", "5", "D"])
def test_forty_ms_are_a_key_and_twenty_three_are_none(name: str) -> None:
    for begin in range(0, 160, 16):
        assert keys(key(name, 40), begin=begin) == name
        assert keys(key(name, 23), begin=begin) == ""


@pytest.mark.parametrize("name", ["1", "9", "D", "*"])
def test_frequencies_may_be_off_by_one_and_a_half_percent_and_not_by_three_and_a_half(
    name: str,
) -> None:
    for off in (0.015, -0.015):
        assert keys(key(name, 60, off=off)) == name
    for off in (0.035, -0.035, 0.05, -0.05):
        assert keys(key(name, 200, off=off)) == ""


@pytest.mark.parametrize(("twist_db", "is_key"), [(4, True), (-8, True), (12, False), (-14, False)])
def test_one_tone_may_be_louder_within_limits(twist_db: float, is_key: bool) -> None:
    assert (keys(key("6", 60, twist_db=twist_db)) == "6") is is_key


@pytest.mark.parametrize(("dbm0", "is_key"), [(0, True), (-25, True), (-29, True), (-55, False)])
def test_levels(dbm0: float, is_key: bool) -> None:
    assert (keys(key("8", 50, dbm0=dbm0)) == "8") is is_key


def test_an_interruption_of_ten_ms_is_no_pause_and_forty_ms_are_one() -> None:
    held = key("7", 120)
    held[480:560] = 0.0
    [(name, ms)] = heard(held)
    assert name == "7" and ms > 90
    assert keys(key("7", 50), pause(40), key("7", 50)) == "77"
    assert keys(key("7", 50), pause(40), key("8", 50)) == "78"


def test_noise_at_fifteen_db_below_does_not_matter() -> None:
    noise = np.random.default_rng(1)
    power = (32767 * 10 ** ((-10 - FULL_SCALE_DBM0) / 20)) ** 2
    for name in KEYS:
        sound = key(name, 60)
        noisy = sound + noise.normal(0, (power * 10**-1.5) ** 0.5, len(sound))
        assert keys(noisy) == name


def test_our_own_tones_are_found_in_their_order() -> None:
    clip = dtmf_clip(KEYS.lower(), 60, 50)
    found = heard(decode(clip.pcma, "PCMA").astype(np.float64), codec="PCMA")
    assert "".join(name for name, _ms in found) == KEYS
    assert all(50 <= ms <= 70 for _name, ms in found)
    with pytest.raises(ValueError, match="substring"):
        dtmf_clip("x", 60, 50)


def test_single_tones_and_music_are_no_keys() -> None:
    at = np.arange(8000) / SAMPLE_RATE_HZ
    for hz in (*LOW_HZ, *HIGH_HZ):
        assert keys(8000 * np.sin(2 * np.pi * hz * at)) == ""
    assert keys(render().astype(np.float64)) == ""
    dial = 5000 * (np.sin(2 * np.pi * 350 * at) + np.sin(2 * np.pi * 440 * at))
    assert keys(dial) == ""


def test_what_is_steady_and_too_short_is_no_key() -> None:
    for begin in range(0, 160, 16):
        assert keys(key("5", 28), begin=begin) == ""
