"""Digits in and out as telephone-events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.telephone_event import (
    DIGITS,
    LOST_END_S,
    PAYLOAD,
    DigitReader,
    DigitWriter,
    EventTranslator,
)


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return PAYLOAD.pack(code, (0x80 if end else 0) | 10, duration)


def test_a_key_press_is_reported_once_at_its_end() -> None:
    reader = DigitReader()
    for n in range(1, 5):
        assert reader.receive(event(5, 160 * n), 1000, n * 0.02) == []
    assert reader.holding
    assert reader.receive(event(5, 800, end=True), 1000, 0.1) == [("5", 100)]
    assert reader.receive(event(5, 800, end=True), 1000, 0.12) == []
    assert reader.receive(event(5, 800, end=True), 1000, 0.14) == []
    assert not reader.holding
    assert reader.expire(9.0) == []


def test_the_same_key_twice_is_two_presses() -> None:
    reader = DigitReader()
    assert reader.receive(event(1, 400, end=True), 1000, 0.0) == [("1", 50)]
    assert reader.receive(event(1, 400, end=True), 3000, 0.2) == [("1", 50)]


def test_one_packet_that_got_through_is_enough() -> None:
    assert DigitReader().receive(event(11, 1600, end=True), 7, 0.0) == [("#", 200)]


def test_a_lost_end_is_noticed_by_the_next_event_or_by_time() -> None:
    reader = DigitReader()
    reader.receive(event(1, 320), 1000, 0.0)
    assert reader.receive(event(2, 160), 5000, 0.1) == [("1", 40)]
    assert reader.expire(0.1 + LOST_END_S - 0.01) == []
    assert reader.expire(0.1 + LOST_END_S) == [("2", 20)]
    assert reader.expire(9.0) == []
    assert reader.receive(event(2, 480, end=True), 5000, 9.1) == []  # its end came late


def test_packets_out_of_order_do_not_shorten_it() -> None:
    reader = DigitReader()
    reader.receive(event(3, 480), 1, 0.0)
    reader.receive(event(3, 320), 1, 0.01)
    assert reader.receive(event(3, 480, end=True), 1, 0.02) == [("3", 60)]


def test_a_long_key_press_in_segments_is_one() -> None:
    """Beyond 0xFFFF a further segment begins where the first one ended (section 2.5.1.3)."""
    reader = DigitReader()
    reader.receive(event(7, 0xFF00), 1000, 0.0)
    reader.receive(event(7, 0xFFFF), 1000, 0.02)
    assert reader.receive(event(7, 160), 1000 + 0xFFFF, 0.04) == []
    assert reader.receive(event(7, 0xFFFF), 1000 + 0xFFFF, 0.06) == []
    assert reader.receive(event(7, 800), 1000 + 2 * 0xFFFF, 0.08) == []
    ended = reader.receive(event(7, 1600, end=True), 1000 + 2 * 0xFFFF, 0.1)
    assert ended == [("7", (2 * 0xFFFF + 1600) // 8)]
    assert reader.receive(event(7, 1600, end=True), 1000 + 2 * 0xFFFF, 0.12) == []


def test_another_key_after_a_long_one_is_no_segment_of_it() -> None:
    reader = DigitReader()
    reader.receive(event(7, 0xFFFF), 1000, 0.0)
    assert reader.receive(event(8, 160), 1000 + 0xFFFF, 0.02) == [("7", 8191)]
    assert reader.receive(event(8, 400, end=True), 1000 + 0xFFFF, 0.04) == [("8", 50)]


def test_a_late_packet_of_the_key_before_is_no_key_press() -> None:
    reader = DigitReader()
    assert reader.receive(event(1, 400, end=True), 0xFFFFFF00, 0.0) == [("1", 50)]
    assert reader.receive(event(2, 160), 700, 0.1) == []
    assert reader.receive(event(1, 400, end=True), 0xFFFFFF00, 0.11, late=True) == []
    assert reader.receive(event(2, 400, end=True), 700, 0.12) == [("2", 50)]


def test_a_key_press_that_was_overtaken_by_sound_counts() -> None:
    reader = DigitReader()
    assert reader.receive(event(1, 400, end=True), 0xFFFFFF00, 0.0, late=True) == [("1", 50)]
    assert reader.receive(event(2, 400, end=True), 5000, 0.1, late=True) == [("2", 50)]


def test_a_source_whose_timestamps_restart_is_understood() -> None:
    reader = DigitReader()
    reader.receive(event(1, 400, end=True), 0x70000000, 0.0)
    assert reader.receive(event(2, 400, end=True), 1000, 0.1) == [("2", 50)]


@pytest.mark.parametrize("payload", [b"", b"\1\n\0", event(16, 800, end=True), event(200, 8)])
def test_what_is_no_digit_says_nothing(payload: bytes) -> None:
    reader = DigitReader()
    assert reader.receive(payload, 1, 0.0) == []
    assert reader.expire(99.0) == []


def test_a_digit_is_written_with_three_end_packets() -> None:
    writer = DigitWriter()
    writer.queue_digits("7", duration_ms=60, gap_ms=60)
    frames = []
    while writer:
        frames.append(writer.next_frame())
    assert frames[:5] == [
        (event(7, 160), True, 0),
        (event(7, 320), False, 0),
        (event(7, 480, end=True), False, 0),
        (event(7, 480, end=True), False, 0),
        (event(7, 480, end=True), False, 0),
    ]
    assert frames[5:] == [None]


def test_a_digit_that_does_not_exist_adds_nothing() -> None:
    writer = DigitWriter()
    with pytest.raises(ValueError, match="'E'"):
        writer.queue_digits("1E", duration_ms=100, gap_ms=100)
    assert not writer


def test_clear_stops_in_mid_digit() -> None:
    writer = DigitWriter()
    writer.queue_digits("12", duration_ms=100, gap_ms=100)
    writer.next_frame()
    writer.clear()
    assert not writer
    assert writer.next_frame() is None


@given(
    st.text(DIGITS, min_size=1, max_size=6),
    st.integers(20, 400),
    st.integers(20, 200),
    st.sets(st.integers(0, 400)),
)
def test_what_is_written_is_read_whatever_is_lost(
    digits: str, duration_ms: int, gap_ms: int, lost: set[int]
) -> None:
    writer, reader = DigitWriter(), DigitReader()
    writer.queue_digits(digits.lower(), duration_ms=duration_ms, gap_ms=gap_ms)
    read, survived = [], []
    timestamp = now = 0
    frame = packet = 0
    digit = -1
    while writer:
        made = writer.next_frame()
        frame += 1
        if made is None:
            continue
        payload, begins, _passed = made
        if begins:
            digit += 1
            timestamp = frame * 160
        packet += 1
        if packet not in lost:
            survived.append(digit)
            now = frame * 20
            read += reader.receive(payload, timestamp, now / 1000)
    read += reader.expire(now / 1000 + LOST_END_S)
    expected = [digits[index] for index in sorted(set(survived))]
    assert [pressed for pressed, _ in read] == expected
    assert all(0 < length <= duration_ms + 20 for _, length in read)


@pytest.mark.parametrize(("clock_hz", "segments"), [(8000, 1), (16000, 2), (48000, 4)])
def test_a_key_that_is_held_for_5_s_is_written_in_segments(clock_hz: int, segments: int) -> None:
    writer, reader = DigitWriter(clock_hz // 50), DigitReader(clock_hz)
    writer.queue_digits("7", duration_ms=5000, gap_ms=100)
    read, stamps, marks, now = [], set(), 0, 0.0
    while writer:
        frame = writer.next_frame()
        now += 0.02
        if frame is not None:
            stamps.add(frame.passed)
            marks += frame.begins
            read += reader.receive(frame.payload, 1000 + frame.passed & 0xFFFFFFFF, now)
    assert read == [("7", 5000)] and marks == 1
    assert stamps == {0xFFFF * number for number in range(segments)}


def test_segments_that_end_with_a_packet_are_read_as_well() -> None:
    """Of a sender whose segments are as long as its last packet of each has said."""
    reader = DigitReader(48000)
    assert reader.receive(event(7, 65280), 1000, 0.0) == []
    assert reader.receive(event(7, 960), 1000 + 65280, 0.02) == []
    assert reader.receive(event(7, 1920, end=True), 1000 + 65280, 0.04) == [("7", 1400)]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 48000), (48000, 8000), (16000, 48000)])
def test_a_long_key_is_translated_into_the_segments_of_another_clock(
    from_hz: int, to_hz: int
) -> None:
    writer, reader, translator = DigitWriter(from_hz // 50), DigitReader(to_hz), EventTranslator()
    writer.queue_digits("55", duration_ms=2000, gap_ms=100)
    read, now, began, marks = [], 0.0, 0, 0
    while writer:
        made = writer.next_frame()
        now += 0.02
        if made is None:
            continue
        if made.begins:
            began = round(now * from_hz)
        frame = translator.translate(made.payload, began + made.passed, from_hz, to_hz)
        assert frame.begins is made.begins
        marks += frame.begins
        stamp = began * to_hz // from_hz + frame.passed
        read += reader.receive(frame.payload, stamp, now)
    assert read == [("5", 2000)] * 2 and marks == 2


def test_a_key_that_is_pressed_again_where_it_ended_is_translated_into_two() -> None:
    reader, translator = DigitReader(48000), EventTranslator()
    read, marks = [], []
    for stamp in (1000, 1000 + 800):  # the second begins where the first ended
        for duration, end in ((400, False), (800, False), (800, True), (800, True)):
            frame = translator.translate(event(1, duration, end=end), stamp, 8000, 48000)
            marks.append(frame.begins)
            read += reader.receive(frame.payload, stamp * 6 + frame.passed, 0.0)
    assert read == [("1", 100)] * 2
    assert marks == [True, False, False, False] * 2


def test_what_is_no_event_is_passed_on_by_a_translator_as_it_is() -> None:
    translator = EventTranslator()
    assert translator.translate(b"\x01", 5, 8000, 48000) == (b"\x01", True, 0)
    assert translator.translate(b"\x01", 5, 8000, 48000) == (b"\x01", False, 0)
