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
    found = [audio.next_frame(0.0) for _ in range(ticks)]
    return [None if one is None else one[0][0] for one in found]


def test_a_stretch_is_heard_frame_by_frame_in_its_order() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(3), 0.0)
    assert heard(audio, 5) == [1, 2, 3, None, None]
    assert (audio.heard_ms, audio.queued_ms, audio.dropped_ms) == (60, 0, 0)


def test_a_stretch_that_comes_frame_by_frame_begins_one_tick_later_and_then_has_no_gap() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    seen: list[int | None] = []
    for number in range(1, 6):
        audio.queue_sound(frames(1, number), 0.0)
        seen += heard(audio, 1)
    seen += heard(audio, 2)
    assert seen == [None, 1, 2, 3, 4, 5, None]


def test_what_is_shorter_than_a_frame_is_heard_after_it_has_waited_for_more() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(b"\x07" * 200, 0.0)
    assert audio.next_frame(0.0) is None
    assert audio.next_frame(0.0) == (b"\x07" * 200, [])
    assert audio.heard_ms == 200 // 32


def test_what_has_no_room_is_dropped_and_counted() -> None:
    audio = SpokenAudio(40, RATE_HZ)
    assert audio.queue_sound(frames(2), 0.0) == 0
    assert audio.queue_sound(frames(1, 9), 0.0) == FRAME_BYTES
    assert heard(audio, 3) == [1, 2, None]
    assert audio.dropped_ms == 20


def test_a_mark_is_reached_with_the_last_sample_before_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(2), 0.0)
    assert audio.mark("middle") == []
    audio.queue_sound(frames(1, 3), 0.0)
    assert audio.mark("end") == []
    first, second, third = (audio.next_frame(0.0) for _ in range(3))
    assert first is not None and first[1] == []
    assert second is not None and second[1] == [ReachedMark("middle", 40)]
    assert third is not None and third[1] == [ReachedMark("end", 60)]


def test_a_mark_of_a_bot_that_says_nothing_is_reached_at_once() -> None:
    assert SpokenAudio(1000, RATE_HZ).mark("now") == [ReachedMark("now", 0)]


def test_clear_drops_what_is_not_heard_and_names_the_marks_in_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(4), 0.0)
    audio.mark("never")
    heard(audio, 1)
    assert audio.clear() == [ReachedMark("never", 20, is_cleared=True)]
    assert (audio.heard_ms, audio.dropped_ms, audio.queued_ms) == (20, 60, 0)
    audio.queue_sound(frames(2, 7), 0.0)
    assert heard(audio, 2) == [7, 8]
    assert audio.mark("after") == [ReachedMark("after", 60)]


def test_a_pause_can_be_taken_back_and_nothing_is_lost_in_it() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(4), 0.0)
    assert heard(audio, 2) == [1, 2]
    audio.is_paused = True
    assert heard(audio, 3) == [None, None, None]
    audio.is_paused = False
    assert heard(audio, 3) == [3, 4, None]


def test_of_too_many_marks_the_oldest_is_told_of_early() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    audio.queue_sound(frames(1), 0.0)
    for number in range(audio.MOST_MARKS):
        assert audio.mark(str(number)) == []
    assert audio.mark("one more") == [ReachedMark("0", 0)]


@given(st.lists(st.one_of(st.integers(1, 1000), st.just("clear"), st.just("tick")), max_size=60))
def test_every_sample_is_heard_once_or_dropped(steps: list[int | str]) -> None:
    audio, added, seen = SpokenAudio(200, RATE_HZ), 0, 0
    for step in steps:
        if isinstance(step, int):
            audio.queue_sound(b"\x01" * 2 * step, 0.0)
            added += 2 * step
        elif step == "clear":
            audio.clear()
        else:
            frame = audio.next_frame(0.0)
            seen += 0 if frame is None else len(frame[0])
    while (frame := audio.next_frame(0.0)) or (frame := audio.next_frame(0.0)):
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
                    audio.queue_sound(said.to_bytes(2, "big") + b"\x7f" * (FRAME_BYTES - 2), 0.0)
                case "pause":
                    audio.queue_sound(bytes(FRAME_BYTES), 0.0)
                case "late":
                    audio.fall_behind()
                case _:
                    seen += numbers(audio.next_frame(0.0))
    while audio.queued_ms:
        seen += numbers(audio.next_frame(0.0))
    assert [number for number in seen if number] == list(range(1, said + 1))


def numbers(frame: tuple[bytes, list[ReachedMark]] | None) -> list[int]:
    """The number that a frame begins with."""
    return [] if frame is None else [int.from_bytes(frame[0][:2], "big")]


def test_a_long_speech_keeps_no_memory_of_what_was_heard() -> None:
    audio = SpokenAudio(10_000, RATE_HZ)
    for _ in range(500):
        audio.queue_sound(frames(2), 0.0)
        assert heard(audio, 2) == [1, 2]
    assert len(audio._waiting) < 100 * FRAME_BYTES


@pytest.mark.parametrize("ppm", [2000, -2000])
def test_a_bot_that_speaks_live_by_a_clock_that_drifts_is_heard_whole(ppm: int) -> None:
    """Six minutes at 2000 millionths: as far apart as an hour at 200."""
    audio, ticks = SpokenAudio(60_000, RATE_HZ), 6 * 60 * 50
    said = silent = 0
    for tick in range(ticks):
        while said <= tick * (1 + ppm * 1e-6):
            assert audio.queue_sound(bytes([said % 251]) * FRAME_BYTES, 0.0) == 0
            said += 1
        silent += audio.next_frame(0.0) is None
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
            audio.queue_sound(waiting, 0.0)
            waiting = b""
        frame = audio.next_frame(0.0)
        heard.append(None if frame is None else frame[0][0])
    return heard


def test_a_live_bot_that_was_late_is_heard_in_time_again_after_its_next_pause() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    seen = live(audio, 120, late=range(20, 30), quiet=range(60, 90))
    assert seen[19] == 19  # a tick behind
    assert seen[59] == 1 + 59 - 10  # late by those
    assert seen[119] == 119  # a tick behind again
    said = [value for value in seen if value]
    assert said == [1 + n for n in range(119) if n not in range(60, 90)]
    assert audio.heard_ms + audio.queued_ms == 120 * FRAME_MS and audio.dropped_ms == 0


def test_time_in_which_nothing_could_be_handed_out_counts_as_well() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    audio.queue_sound(frames(4), 0.0)
    assert heard(audio, 1) == [1]
    for _ in range(5):
        audio.fall_behind()
    audio.queue_sound(
        frames(5, 5) + bytes(FRAME_BYTES) * 12, 0.0
    )  # what the bot has said meanwhile
    assert heard(audio, 8) == list(range(2, 10))
    silent = 0
    while audio.queued_ms:
        silent += audio.next_frame(0.0) is not None
    assert silent == 12 - 5


def test_a_bot_is_in_time_again_after_the_process_was_held_up_for_long() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    audio.queue_sound(frames(3), 0.0)
    assert heard(audio, 3) == [1, 2, 3]
    for _ in range(60):  # more than a second
        audio.fall_behind()
    assert heard(audio, 1) == [None]
    audio.queue_sound(frames(30) + bytes(FRAME_BYTES) * 32, 0.0)  # what the bot has said meanwhile
    assert heard(audio, 30) == list(range(1, 31))
    silent = 0
    while audio.next_frame(0.0) is not None:
        silent += 1
    assert silent == 32 - 15  # two frames are kept


def test_of_a_bot_that_speaks_ahead_every_pause_is_heard() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    heard(audio, 3)
    for _ in range(2):  # two answers, the second soon after the first
        audio.queue_sound(frames(5) + bytes(FRAME_BYTES) * 30 + frames(5, 50), 0.0)
        seen = heard(audio, 41)
        assert seen[:40] == [1, 2, 3, 4, 5, *[0] * 30, 50, 51, 52, 53, 54]


def waits_ms(
    audio: SpokenAudio, ticks: int, phase_s: float, *, late_s: dict[int, float]
) -> list[float]:
    """An echo bot that says a frame each 20 ms, `phase_s` before a tick, but those of `late_s`.

    Each fifth of a second it says nothing for a frame. How long each frame that has a value waits
    until it is handed out, in the order in which they are.
    """
    frame_s, waits = FRAME_MS / 1000, list[float]()
    came = {n: n * frame_s + late_s.get(n, 0.0) - phase_s for n in range(ticks)}
    # What is late holds up what follows.
    for n in range(1, ticks):
        came[n] = max(came[n], came[n - 1])
    waiting = list(came)
    for tick in range(ticks):
        while waiting and came[waiting[0]] <= tick * frame_s:
            n = waiting.pop(0)
            value = (0).to_bytes(2, "little") if n % 10 == 0 else (1000 + n).to_bytes(2, "little")
            audio.queue_sound(value * (FRAME_BYTES // 2), came[n])
        frame = audio.next_frame(tick * frame_s)
        if frame is not None and frame[0][:2] != bytes(2):
            n = int.from_bytes(frame[0][:2], "little") - 1000
            waits.append((tick * frame_s - n * frame_s + phase_s) * 1000)
    return waits


@pytest.mark.parametrize("phase_ms", [0, 5, 9, 11, 15, 19])
def test_what_comes_evenly_for_long_waits_for_less_than_it_did_at_first(phase_ms: int) -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    waits = waits_ms(audio, 1000, phase_ms / 1000, late_s={})
    assert waits[0] == pytest.approx(20 + phase_ms)
    assert waits[-1] == pytest.approx(phase_ms if phase_ms > 10 else 20 + phase_ms)
    assert audio.dropped_ms == 0


def test_a_wait_that_grew_once_is_as_short_as_before_after_the_next_pause() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    waits = waits_ms(audio, 200, 0.005, late_s={104: 0.045})
    assert [waits[90], max(waits), waits[-1]] == pytest.approx([25, 45, 25])


@pytest.mark.parametrize("late_s", [0.3, 0.9, 1.8])
def test_a_live_bot_that_stood_still_is_in_time_again_after_its_next_pauses(late_s: float) -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    waits = waits_ms(audio, 3000, 0.005, late_s={704: late_s})
    assert [waits[500], max(waits)] == pytest.approx([25, 1000 * late_s + 20], abs=20)
    assert waits[-1] == pytest.approx(25)


def test_a_wait_that_grew_twice_is_kept_until_it_was_not_needed_for_long() -> None:
    audio = SpokenAudio(60_000, RATE_HZ)
    waits = waits_ms(audio, 2000, 0.005, late_s={104: 0.045, 304: 0.045})
    assert [waits[250], waits[600], waits[-1]] == pytest.approx([25, 45, 25])


def test_a_wait_that_is_needed_now_and_then_stays() -> None:
    """Each 8 s a frame is 30 ms late: more than all the others."""
    audio = SpokenAudio(60_000, RATE_HZ)
    late_s = dict.fromkeys(range(204, 6000, 400), 0.03)
    waits = waits_ms(audio, 6000, 0.005, late_s=late_s)
    assert [min(waits[700:]), waits[-1]] == pytest.approx([45, 45])


def test_a_wait_that_proved_too_short_is_tried_more_seldom() -> None:
    """Each 30 s a frame is 20 ms late, and the wait was shortened too early."""
    audio = SpokenAudio(60_000, RATE_HZ)
    late_s = dict.fromkeys(range(1500, 20000, 1500), 0.02)
    waits = waits_ms(audio, 20_000, 0.015, late_s=late_s)
    short = sum(wait < 20 for wait in waits)
    assert short < 2500  # of 18,000: it would be two thirds


def test_what_was_sent_ahead_is_heard_with_every_pause_however_long_it_is() -> None:
    audio, waiting = SpokenAudio(60_000, RATE_HZ), 2000
    audio.queue_sound(frames(1), 0.0)
    assert heard(audio, 1) == [None]
    audio.queue_sound((bytes(FRAME_BYTES) + b"\x07" * FRAME_BYTES) * (waiting // 2), 0.02)
    assert heard(audio, waiting + 1) == [1, *[0, 7] * (waiting // 2)]
