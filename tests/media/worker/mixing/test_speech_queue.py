"""Speech in wait for the clock: in order, late, lost, and with a clock of its own."""

import numpy as np
import pytest

from media.sound.g711 import FRAME_SAMPLES
from media.worker.mixing.speech_queue import SpeechQueue


def level(value: int, samples: int = FRAME_SAMPLES) -> np.ndarray:
    return np.full(samples, value, np.int16)


def put(queue: SpeechQueue, *numbers: int, base: int = 0) -> None:
    """Packet `n` is one frame of the level 100 n."""
    for number in numbers:
        queue.put((base + number * FRAME_SAMPLES) & 0xFFFFFFFF, level(100 * number))


def taken(queue: SpeechQueue, frames: int = 1) -> list[int]:
    """The level at the end of each frame."""
    return [int(queue.take()[-1]) for _ in range(frames)]


@pytest.mark.parametrize("base", [0, 2**32 - 3 * FRAME_SAMPLES, 12345])
def test_frames_come_out_as_they_went_in(base: int) -> None:
    queue = SpeechQueue()
    assert not queue.has_begun and taken(queue) == [0]
    for number in range(1, 8):
        put(queue, number, base=base)
        assert queue.waiting == 1
        assert taken(queue) == [100 * number]
    assert queue.has_begun and queue.waiting == 0


def test_packets_change_places_and_come_twice() -> None:
    queue = SpeechQueue()
    put(queue, 1, 3, 2, 3, 1)
    assert taken(queue, 3) == [100, 200, 300]
    put(queue, 2)
    assert queue.waiting == 0


def test_any_packet_length_makes_frames() -> None:
    queue = SpeechQueue()
    for nth in range(4):
        queue.put(240 * nth, level(nth + 1, 240))
    assert queue.waiting == 6
    assert taken(queue, 6) == [1, 2, 2, 3, 4, 4]


def test_what_is_late_is_said_late_from_then_on() -> None:
    queue = SpeechQueue()
    put(queue, 1)
    assert taken(queue, 2) == [100, 0]
    put(queue, 2, 3)
    assert taken(queue, 2) == [200, 300]


def test_a_frame_that_is_missing_falls_and_the_next_one_rises() -> None:
    queue = SpeechQueue()
    put(queue, 10)
    queue.take()
    fallen = queue.take()
    assert fallen[0] > 900 and not fallen[80:].any()
    put(queue, 12)
    risen = queue.take()
    assert risen[0] < 50 and risen[80] == 1200


def test_a_lost_packet_is_silence_where_later_ones_are_there() -> None:
    queue = SpeechQueue()
    put(queue, 1, 3)
    assert taken(queue, 3) == [100, 0, 300]


def test_a_delay_that_is_not_needed_is_taken_back() -> None:
    queue = SpeechQueue()
    put(queue, 0, 1, 2)
    for number in range(3, 150):
        put(queue, number)
        queue.take()
    assert queue.waiting == 2


def test_what_comes_in_a_rush_is_cut() -> None:
    queue = SpeechQueue()
    put(queue, *range(15))
    assert queue.waiting <= 10
    assert taken(queue)[0] >= 500


def test_timestamps_that_start_again_are_followed() -> None:
    queue = SpeechQueue()
    put(queue, 1, 2)
    taken(queue)
    queue.put(800_000, level(7))
    assert taken(queue) == [7]


def test_the_frames_that_wait_can_be_looked_at() -> None:
    queue = SpeechQueue()
    put(queue, 1, 2)
    assert [int(frame[0]) for frame in queue.peek()] == [100, 200]
    assert queue.waiting == 2


@pytest.mark.parametrize("ppm", [2000, -2000])
def test_a_clock_that_drifts_is_followed(ppm: int) -> None:
    """Six minutes at 2000 millionths: as far apart as an hour at 200."""
    queue, frame = SpeechQueue(), level(1000)
    said = silent = 0
    for tick in range(6 * 60 * 50):
        while said * (1 - ppm * 1e-6) <= tick:
            queue.put(said * FRAME_SAMPLES & 0xFFFFFFFF, frame)
            said += 1
        assert queue.waiting <= 4
        queue.take()
        silent += queue._is_starved
    apart = round(6 * 60 * 50 * 2000e-6)
    assert silent <= (1 if ppm > 0 else apart + 1)


def test_a_burst_of_200_ms_is_said_whole_and_the_delay_shrinks_again() -> None:
    queue = SpeechQueue()
    put(queue, 1)
    assert taken(queue) == [100]
    assert taken(queue, 10)[-1] == 0
    put(queue, *range(2, 12))
    heard = []
    for number in range(12, 3000):
        heard += taken(queue)
        queue.put(number * FRAME_SAMPLES, level(5))
    assert heard[:10] == [100 * number for number in range(2, 12)]
    assert queue.waiting <= 2
