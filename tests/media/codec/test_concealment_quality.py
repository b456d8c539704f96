"""Lost packets in real speech, judged by PESQ (ITU-T P.862)."""

from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from media.codec.g711 import G711Decoder, G711Encoder
from media.speech.speech_pool import SpeechPool

judge = pytest.importorskip(
    "pesq",
    reason="the package pesq is not installed (pip install 'ringback[quality]'): nothing judges",
)

LOSS = 0.05
TEXTS = {
    "en-gb": "The quick brown fox jumps over the lazy dog, while a stranger counts the coins.",
    "de": "Guten Morgen, ich rufe wegen der Rechnung vom letzten Monat an.",
    "fr": "Bonjour, je voudrais parler avec quelqu'un du service, s'il vous plait.",
}


@pytest.fixture(scope="module")
def speech() -> Iterator[list[NDArray[np.int16]]]:
    pool = SpeechPool()
    spoken = []
    for voice, text in TEXTS.items():
        sound = pool.speak(text, voice=voice, rate_wpm=160, max_duration_s=20.0)
        samples = np.frombuffer(sound.samples, np.int16)
        spoken.append(soxr.resample(samples, sound.rate_hz, 8000).astype(np.int16))
    pool.close()
    yield spoken


def received(
    said: NDArray[np.int16], lost: NDArray[np.bool_], *, repeat: bool
) -> NDArray[np.int16]:
    encoder, decoder = G711Encoder("PCMU"), G711Decoder("PCMU")
    frames, last = [], np.zeros(160, np.int16)
    for number, is_lost in enumerate(lost):
        if not is_lost:
            last = decoder.decode(encoder.encode(said[number * 160 : number * 160 + 160]))
        frames.append(last if not is_lost or repeat else decoder.conceal(160))
    return np.concatenate(frames)


def test_concealment_of_5_percent_loss_is_better_than_the_last_frame_again(
    speech: list[NDArray[np.int16]],
) -> None:
    better = []
    for said in speech:
        for seed in range(4):
            lost = np.random.default_rng(seed).random(len(said) // 160) < LOSS
            scores = []
            for repeat in (False, True):
                heard = received(said, lost, repeat=repeat)
                scores.append(judge.pesq(8000, said[: len(heard)], heard, "nb"))
            better.append(scores[0] - scores[1])
    assert np.mean(better) > 0.2
    assert sum(difference > 0 for difference in better) >= 10
