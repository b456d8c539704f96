"""When a party begins to speak, and stops."""

import numpy as np
from numpy.typing import NDArray

from media.listening.voice_activity import VoiceActivity
from media.sound.g711 import encode
from tests.support.voices import voice

Sound = NDArray[np.int16]


def changes(activity: VoiceActivity, *parts: Sound) -> list[tuple[int, bool]]:
    """The changes, each with the ms at which it came."""
    sound = encode(np.concatenate(parts), "PCMA")
    found = [
        (at // 8 + 20, activity.next_frame(sound[at : at + 160], "PCMA"))
        for at in range(0, len(sound), 160)
    ]
    return [(at_ms, change) for at_ms, change in found if change is not None]


def quiet(seconds: float) -> Sound:
    return np.zeros(int(seconds * 8000), np.int16)


def test_speech_begins_soon_and_stops_after_a_pause() -> None:
    (began, is_speaking), (stopped, is_over) = changes(
        VoiceActivity(), quiet(0.5), voice(0.6), quiet(0.2), voice(0.4), quiet(1.0)
    )
    assert (is_speaking, is_over) == (True, False)
    assert 560 <= began <= 760
    assert 2100 <= stopped <= 2400


def test_a_click_and_noise_are_no_speech() -> None:
    noise = np.random.default_rng(1).integers(-30, 30, 16000).astype(np.int16)
    assert changes(VoiceActivity(), quiet(0.3), voice(0.06), noise) == []


def test_who_sends_no_more_has_stopped() -> None:
    activity = VoiceActivity()
    assert activity.pause() is None
    assert len(changes(activity, voice(0.6))) == 1
    assert activity.pause() is False
    assert activity.pause() is None
