"""A clip over another sound: both are heard, nothing clicks, and it is known what was heard."""

import numpy as np
import pytest

from media.sound.clip import Clip
from media.sound.g711 import FRAME_SAMPLES, SILENCE, decode, encode
from media.sound.mixed_clip import UNDER, MixedClip
from media.sound.tones.tones import render

TONE = Clip.of(render("440/100"))
LOW = render("200", loop=True)


def frames(clip: MixedClip, count: int, codec: str = "PCMU", below: bytes = b"") -> np.ndarray:
    """What is heard in so many frames over `below`, or over silence."""
    heard = []
    for number in range(count):
        begin = number * FRAME_SAMPLES % max(1, len(below))
        payload = below[begin : begin + FRAME_SAMPLES] if below else SILENCE[codec]
        heard.append(decode(clip.over(payload, codec), codec))
    return np.concatenate(heard).astype(np.int32)


def test_it_is_heard_once_and_then_nothing_of_it() -> None:
    clip = MixedClip(TONE)
    heard = frames(clip, 5)
    assert not clip.is_over or clip.heard_samples == TONE.samples
    after = frames(clip, 2)
    assert clip.is_over
    assert clip.heard_ms == 100
    assert np.abs(heard).max() > 4000
    assert np.abs(after).max() < 10
    assert clip.over(b"", "PCMU") == b""


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_what_is_below_is_turned_down_meanwhile_and_nothing_jumps(codec: str) -> None:
    below = encode(LOW, codec)
    quiet = MixedClip(Clip.of(np.zeros(800, np.int16)))
    heard = frames(quiet, 7, codec, below)
    loud, during = np.abs(LOW.astype(np.int32)).max(), np.abs(heard[160:640]).max()
    assert during == pytest.approx(loud * UNDER, rel=0.05)
    assert np.abs(heard[960:]).max() == pytest.approx(loud, rel=0.05)
    assert np.abs(np.diff(heard)).max() < np.abs(np.diff(LOW.astype(np.int32))).max() * 1.3


def test_rounds_follow_each_other_without_a_pause() -> None:
    steady = Clip.of(render("400", loop=True)[:800])
    clip = MixedClip(steady, 3)
    heard = frames(clip, 15)
    assert clip.is_over
    assert clip.heard_ms == 300
    for begin in range(160, 2240, 160):
        assert np.abs(heard[begin : begin + 160]).max() > 4000
    assert (
        np.abs(np.diff(heard)).max()
        < np.abs(np.diff(render("400", loop=True).astype(int))).max() * 1.3
    )


def test_one_without_end_falls_within_ten_ms_once_it_is_stopped() -> None:
    clip = MixedClip(TONE, 0, position=TONE.samples + 5)
    frames(clip, 40)
    assert not clip.is_over
    clip.stop()
    last = frames(clip, 1)
    assert clip.is_over
    assert np.abs(last[80:]).max() < 10


def test_an_empty_clip_is_over_at_once() -> None:
    assert MixedClip(Clip(b"", b""), 0).is_over
