"""The ring tone: a second of two tones, and then nothing."""

import array
import io
import itertools
import wave

from web.ring_tone import PAUSES_S, RATE, RINGS_S, ring_tone


def test_a_ring_is_heard_and_begins_without_a_click() -> None:
    with wave.open(io.BytesIO(ring_tone())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() == RATE * (RINGS_S + PAUSES_S)
        samples = array.array("h", file.readframes(file.getnframes()))
    ring, pause = samples[: int(RATE * RINGS_S)], samples[int(RATE * RINGS_S) :]
    assert 10_000 < max(ring) < 20_000
    assert set(pause) == {0}
    steps = [abs(one - before) for before, one in itertools.pairwise(ring)]
    assert abs(ring[0]) < 50 and abs(ring[-1]) < 50
    assert max(steps[:20]) < max(steps)
