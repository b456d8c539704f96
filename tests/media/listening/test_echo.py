"""What is sent to a party comes back from it, or does not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.listening.echo import Echo, EchoFinder, echo_in
from media.listening.window import Window


def speech(seed: int) -> NDArray[np.float32]:
    """Two seconds of levels as speech has them: syllables and pauses."""
    rng = np.random.default_rng(seed)
    syllables = np.repeat(rng.uniform(-55, -15, 25), 8)
    return (syllables + rng.normal(0, 1.5, 200)).astype(np.float32)


def window(levels: NDArray[np.float32], talk_ms: int = 1200) -> Window:
    return Window(levels, talk_ms, 0.0, has_packets=True, is_alive=True)


def late(levels: NDArray[np.float32], steps: int, db: float) -> NDArray[np.float32]:
    """The same, later and softer, over the noise of a line."""
    noise = np.random.default_rng(9).uniform(-66, -60, 200).astype(np.float32)
    return np.maximum(np.concatenate((noise[:steps], levels[: 200 - steps] + db)), noise)


@pytest.mark.parametrize(("steps", "db"), [(3, -12.0), (18, -20.0), (40, -6.0)])
def test_an_echo_is_found_with_its_delay_and_level(steps: int, db: float) -> None:
    sent = speech(1)
    found = echo_in(window(sent), window(late(sent, steps, db)))
    assert found is not None
    assert abs(found.delay_ms - 10 * steps) <= 10
    assert abs(found.level_db - db) <= 2.0


def test_others_speech_noise_and_silence_are_no_echo() -> None:
    sent = speech(1)
    hits = [echo_in(window(sent), window(speech(seed))) for seed in range(2, 42)]
    assert sum(one is not None for one in hits) <= 1
    assert echo_in(window(sent), window(late(sent, 10, -60.0))) is None
    silence = np.full(200, -96.0, np.float32)
    assert echo_in(window(sent), window(silence)) is None
    assert echo_in(window(silence), window(silence)) is None


def test_it_is_sure_after_three_windows_with_one_delay() -> None:
    finder = EchoFinder(-30.0)
    for seed in (1, 2):
        sent = speech(seed)
        assert finder.add_windows(window(sent), window(late(sent, 18, -15.0))) is None
    assert finder.add_windows(window(speech(3), talk_ms=0), window(speech(4))) is None, (
        "nobody speaks"
    )
    assert finder.add_windows(window(speech(5)), window(late(speech(5), 50, -15.0))) is None
    sent = speech(6)
    found = finder.add_windows(window(sent), window(late(sent, 18, -15.0)))
    assert isinstance(found, Echo)
    assert abs(found.delay_ms - 180) <= 10


def test_a_soft_echo_is_nobodys_business() -> None:
    finder = EchoFinder(-10.0)
    for seed in range(1, 6):
        sent = speech(seed)
        assert finder.add_windows(window(sent), window(late(sent, 18, -20.0))) is None
