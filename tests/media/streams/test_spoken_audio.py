"""What a bot says: its pace, its marks, and what is told of how much was heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.leg_codec import FRAME_MS
from media.streams.spoken_audio import ReachedMark, SpokenAudio

RATE_HZ = 16000
FRAME_BYTES = 640


def frames(count: int, first: int = 1) -> bytes:
    """Frames of one value each, so that each can be told from the others."""
    return b"".join(bytes([number % 256]) * FRAME_BYTES for number in range(first, first + count))


def heard(audio: SpokenAudio, ticks: int) -> list[int | None]:
    """What each of the next ticks lets be heard: the value of its frame, or None."""
    found = [audio.next_frame() for _ in range(ticks)]
    return [None if one is None else one[0][0] for one in found]


def test_a_stretch_is_heard_frame_by_frame_in_its_order() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(3))
    assert heard(audio, 5) == [1, 2, 3, None, None]
    assert (audio.heard_ms, audio.queued_ms, audio.dropped_ms) == (60, 0, 0)


def test_a_stretch_that_comes_frame_by_frame_begins_one_tick_later_and_then_has_no_gap() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    seen: list[int | None] = []
    for number in range(1, 6):
        audio.queue_sound(frames(1, number))
        seen += heard(audio, 1)
    seen += heard(audio, 2)
    assert seen == [None, 1, 2, 3, 4, 5, None]


def test_what_is_shorter_than_a_frame_is_heard_after_it_has_waited_for_more() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(b"\x07" * 200)
    assert audio.next_frame() is None
    assert audio.next_frame() == (b"\x07" * 200, [])
    assert audio.heard_ms == 200 // 32


def test_what_has_no_room_is_dropped_and_counted() -> None:
    audio = SpokenAudio(40, RATE_HZ)
    assert audio.queue_sound(frames(2)) == 0
    assert audio.queue_sound(frames(1, 9)) == FRAME_BYTES
    assert heard(audio, 3) == [1, 2, None]
    assert audio.dropped_ms == 20


def test_a_mark_is_reached_with_the_last_sample_before_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(2))
    assert audio.mark("middle") == []
    audio.queue_sound(frames(1, 3))
    assert audio.mark("end") == []
    first, second, third = (audio.next_frame() for _ in range(3))
    assert first is not None and first[1] == []
    assert second is not None and second[1] == [ReachedMark("middle", 40)]
    assert third is not None and third[1] == [ReachedMark("end", 60)]


def test_a_mark_of_a_bot_that_says_nothing_is_reached_at_once() -> None:
    assert SpokenAudio(1000, RATE_HZ).mark("now") == [ReachedMark("now", 0)]


def test_clear_drops_what_is_not_heard_and_names_the_marks_in_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(4))
    audio.mark("never")
    heard(audio, 1)
    assert audio.clear() == [ReachedMark("never", 20, is_cleared=True)]
    assert (audio.heard_ms, audio.dropped_ms, audio.queued_ms) == (20, 60, 0)
    audio.queue_sound(frames(2, 7))
    assert heard(audio, 2) == [7, 8]
    assert audio.mark("after") == [ReachedMark("after", 60)]


def test_a_pause_can_be_taken_back_and_nothing_is_lost_in_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(4))
    assert heard(audio, 2) == [1, 2]
    audio.is_paused = True
    assert heard(audio, 3) == [None, None, None]
    audio.is_paused = False
    assert heard(audio, 3) == [3, 4, None]


def test_of_too_many_marks_the_oldest_is_told_of_early() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(1))
    for number in range(audio.MOST_MARKS):
        assert audio.mark(str(number)) == []
    assert audio.mark("one more") == [ReachedMark("0", 0)]


@given(st.lists(st.one_of(st.integers(1, 1000), st.just("clear"), st.just("tick")), max_size=60))
def test_every_sample_is_heard_once_or_dropped(steps: list[int | str]) -> None:
    audio, added, seen = SpokenAudio(200, RATE_HZ), 0, 0
    for step in steps:
        if isinstance(step, int):
            audio.queue_sound(b"\x01" * 2 * step)
            added += 2 * step
        elif step == "clear":
            audio.clear()
        else:
            frame = audio.next_frame()
            seen += 0 if frame is None else len(frame[0])
    while (frame := audio.next_frame()) or (frame := audio.next_frame()):
        seen += len(frame[0])
    assert audio.queued_ms == 0
    assert audio.heard_ms == seen // 32
    assert audio.dropped_ms == (added - seen) // 32


@given(st.lists(st.tuples(st.sampled_from(["say", "pause", "tick", "late"]), st.integers(1, 40))))
def test_nothing_that_is_said_is_lost_or_heard_twice_however_late_all_is(
    steps: list[tuple[str, int]],
) -> None:
    """What is caught up with is what the bot does not say."""
    audio, said, seen = SpokenAudio(60_000, RATE_HZ), 0, [0]
    for step, count in steps:
        for _ in range(count):
            match step:
                case "say":
                    said += 1
                    audio.queue_sound(said.to_bytes(2, "big") + b"\x7f" * (FRAME_BYTES - 2))
                case "pause":
                    audio.queue_sound(bytes(FRAME_BYTES))
                case "late":
                    audio.fall_behind()
                case _:
                    seen += numbers(audio.next_frame())
    while audio.queued_ms:
        seen += numbers(audio.next_frame())
    assert [number for number in seen if number] == list(range(1, said + 1))


def numbers(frame: tuple[bytes, list[ReachedMark]] | None) -> list[int]:
    """The number that a frame begins with."""
    return [] if frame is None else [int.from_bytes(frame[0][:2], "big")]


def test_a_long_speech_keeps_no_memory_of_what_was_heard() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    for _ in range(500):
        audio.queue_sound(frames(2))
        assert heard(audio, 2) == [1, 2]
    assert len(audio._waiting) < 100 * FRAME_BYTES


@pytest.mark.parametrize("ppm", [2000, -2000])
def test_a_bot_that_speaks_live_by_a_clock_that_drifts_is_heard_whole(ppm: int) -> None:
    """Six minutes at 2000 millionths: as far apart as an hour at 200."""
    audio, ticks = SpokenAudio(60_000, RATE_HZ), 6 * 60 * 50
    said = silent = 0
    for tick in range(ticks):
        while said <= tick * (1 + ppm * 1e-6):
            assert audio.queue_sound(bytes([said % 251]) * FRAME_BYTES) == 0
            said += 1
        silent += audio.next_frame() is None
    apart = round(ticks * 2000e-6)
    assert audio.dropped_ms == 0
    assert audio.heard_ms + audio.queued_ms == said * FRAME_MS
    assert audio.queued_ms <= (apart + 2) * FRAME_MS if ppm > 0 else 2 * FRAME_MS
    assert silent <= (1 if ppm > 0 else 2 * apart + 1)


def live(audio: SpokenAudio, ticks: int, *, late: range, quiet: range) -> list[int | None]:
    """A bot that says a frame each tick, but those of `late` all at once after them.

    In `quiet` it says nothing. Returns what each tick lets be heard: the number of its frame.
    """
    heard: list[int | None] = []
    waiting = b""
    for tick in range(ticks):
        value = b"\x00" if tick in quiet else bytes([1 + tick])
        waiting += (value + bytes([0 if tick in quiet else 1])) * (FRAME_BYTES // 2)
        if tick not in late:
            audio.queue_sound(waiting)
            waiting = b""
        frame = audio.next_frame()
        heard.append(None if frame is None else frame[0][0])
    return heard


def test_a_live_bot_that_was_late_is_heard_in_time_again_after_its_next_pause() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    seen = live(audio, 120, late=range(20, 30), quiet=range(60, 90))
    assert seen[19] == 19  # a tick behind
    assert seen[59] == 1 + 59 - 10  # late by those
    assert seen[119] == 1 + 119 - 2  # of which two are kept, for the next time
    said = [value for value in seen if value]
    assert said == [1 + n for n in range(118) if n not in range(60, 90)]
    assert audio.heard_ms + audio.queued_ms == 120 * FRAME_MS and audio.dropped_ms == 0


def test_time_in_which_nothing_could_be_handed_out_counts_as_well() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    audio.queue_sound(frames(4))
    assert heard(audio, 1) == [1]
    for _ in range(5):
        audio.fall_behind()
    audio.queue_sound(frames(5, 5) + bytes(FRAME_BYTES) * 12)  # what the bot has said meanwhile
    assert heard(audio, 8) == list(range(2, 10))
    silent = 0
    while audio.queued_ms:
        silent += audio.next_frame() is not None
    assert silent == 12 - 5


def test_a_bot_is_in_time_again_after_the_process_was_held_up_for_long() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    audio.queue_sound(frames(3))
    assert heard(audio, 3) == [1, 2, 3]
    for _ in range(60):  # more than a second
        audio.fall_behind()
    assert heard(audio, 1) == [None]
    audio.queue_sound(frames(30) + bytes(FRAME_BYTES) * 32)  # what the bot has said meanwhile
    assert heard(audio, 30) == list(range(1, 31))
    silent = 0
    while audio.next_frame() is not None:
        silent += 1
    assert silent == 32 - 15  # two frames are kept


def test_of_a_bot_that_speaks_ahead_every_pause_is_heard() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    heard(audio, 3)
    for _ in range(2):  # two answers, the second soon after the first
        audio.queue_sound(frames(5) + bytes(FRAME_BYTES) * 30 + frames(5, 50))
        seen = heard(audio, 41)
        assert seen[:40] == [1, 2, 3, 4, 5, *[0] * 30, 50, 51, 52, 53, 54]
