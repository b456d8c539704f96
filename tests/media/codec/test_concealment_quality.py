"""Lost packets in real speech, judged by PESQ (ITU-T P.862)."""

from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from media.speech.speech_pool import SpeechPool
from scripts.bench.concealment_part import LOSS, TEXTS, received

judge = pytest.importorskip(
    "pesq",
    reason="the package pesq is not installed (pip install 'ringback[quality]'): nothing judges",
)


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
