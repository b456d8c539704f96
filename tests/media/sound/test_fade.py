"""No change of source makes a step that can be heard."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.sound.clip import SILENCE, Clip
from media.sound.fade import FADE_SAMPLES, crossfade, fade_out, seamless
from media.sound.frames import SpeakingSources
from media.sound.g711 import FRAME_SAMPLES, decode, encode

# Of 32768: as steep as the tones themselves are, and a fiftieth of their height.
MOST_STEP = 3000


def tone(hz: float, samples: int, phase: float = 0.0, height: int = 12_000) -> NDArray[np.int16]:
    t = np.arange(samples) / 8000
    made: NDArray[np.int16] = np.rint(height * np.sin(2 * np.pi * hz * t + phase)).astype(np.int16)
    return made


def steps(payloads: list[bytes], codec: str) -> int:
    heard = decode(b"".join(payloads), codec).astype(np.int32)
    return int(np.abs(np.diff(heard)).max())


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_crossfade_begins_with_the_old_sound_and_ends_with_the_new(codec: str) -> None:
    before = encode(np.full(FADE_SAMPLES, 8000, np.int16), codec)
    payload = encode(np.full(FRAME_SAMPLES, -8000, np.int16), codec)
    faded = decode(crossfade(before, payload, codec), codec).astype(int)
    assert faded[0] > 7500 and faded[FADE_SAMPLES - 1] < -7500
    assert np.all(np.diff(faded[:FADE_SAMPLES]) <= 0)
    assert np.all(faded[FADE_SAMPLES:] == decode(payload, codec)[FADE_SAMPLES:])


def test_a_payload_shorter_than_the_fade_is_faded_as_far_as_it_goes() -> None:
    silence = SILENCE.pcmu[:FADE_SAMPLES]
    assert len(crossfade(silence, b"\x01" * 40, "PCMU")) == 40


def test_a_sound_that_is_cut_off_fades_out() -> None:
    loud = encode(np.full(FRAME_SAMPLES, 8000, np.int16), "PCMU")
    faded = decode(fade_out(loud, FRAME_SAMPLES, "PCMU"), "PCMU").astype(int)
    assert abs(faded[-1]) < 100 and faded[FADE_SAMPLES - 1] > 7500
    assert fade_out(loud, 2 * FRAME_SAMPLES, "PCMU") == loud


@pytest.mark.parametrize("length", [1600, 1610, 1700, 1799])
def test_the_last_frames_of_a_clip_fall_wherever_it_ends(length: int) -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    clip = Clip.of(np.full(length, 12_000, np.int16))
    silence = SILENCE.pcmu[:FADE_SAMPLES]
    sources.add_source("a", clip, "PCMU", before=silence, falls=True)
    heard = [frame for _ in range(12) for frame in sources.tick().payloads]
    assert steps([SILENCE.pcmu, *heard, SILENCE.pcmu], "PCMU") < MOST_STEP


@pytest.mark.parametrize("cut", range(0, 160, 37))
def test_music_that_gives_way_and_comes_back_makes_no_step(cut: int) -> None:
    music = Clip.of(tone(300, 8000, 1.0))
    speech = Clip.of(tone(200, 1600 + cut, 1.5))
    sources: SpeakingSources[str] = SpeakingSources()
    sources.add_source("a", music, "PCMA", loop=True, position=cut)
    heard = sources.tick().payloads + sources.tick().payloads
    sources.add_source("a", speech, "PCMA", before=sources.ahead("a"), falls=True)
    while "a" in sources:
        heard += sources.tick().payloads
    silence = SILENCE.pcma[:FADE_SAMPLES]
    sources.add_source("a", music, "PCMA", loop=True, position=cut, before=silence)
    heard += sources.tick().payloads
    assert steps(heard, "PCMA") < MOST_STEP


@pytest.mark.parametrize("length", [8027, 8029, 8033])
def test_a_loop_makes_no_step_where_it_begins_again(length: int) -> None:
    sound = tone(150, length, 1.0)
    assert steps([encode(np.tile(sound, 3), "PCMU")], "PCMU") > 2 * MOST_STEP
    looped = seamless(sound)
    assert len(looped) == length - FADE_SAMPLES
    assert steps([encode(np.tile(looped, 3), "PCMU")], "PCMU") < MOST_STEP


def test_a_loop_that_has_no_seam_stays_as_it_is() -> None:
    sound = tone(350, 16_000, 1.0)
    assert seamless(sound) is sound
    assert seamless(sound[:100]) is not None


def test_what_comes_next_is_known_across_the_end_of_a_loop() -> None:
    sources: SpeakingSources[str] = SpeakingSources()
    clip = Clip.of(np.arange(0, 3000, 10, dtype=np.int16))
    sources.add_source("a", clip, "PCMU", loop=True, position=270)
    assert sources.ahead("a") == clip.pcmu[270:] + clip.pcmu[:50]
    assert sources.ahead("b") is None
