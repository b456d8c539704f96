"""Extended sequence numbers, loss and jitter, with the exact numbers of RFC 3550 appendix A."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.receive_stats import MAX_DROPOUT, Reception


class Source:
    """Feeds a reception 20 ms packets by their index; `late_s` delays the arrival."""

    def __init__(self, first_sequence: int = 100, first_timestamp: int = 5000) -> None:
        self.reception = Reception()
        self.first_sequence = first_sequence
        self.first_timestamp = first_timestamp

    def send(self, index: int, late_s: float = 0.0) -> int | None:
        now = 10.0 + 0.02 * index + late_s
        sequence = (self.first_sequence + index) & 0xFFFF
        timestamp = (self.first_timestamp + 160 * index) & 0xFFFFFFFF
        if self.reception.highest < 0:
            self.reception.start(7, sequence, timestamp, now)
        return self.reception.receive(sequence, timestamp, 160, now)


def test_an_unbroken_stream() -> None:
    source = Source()
    numbers = [source.send(index) for index in range(50)]
    assert numbers == [0x10000 + 100 + index for index in range(50)]
    reception = source.reception
    assert (reception.packets_received, reception.expected, reception.lost) == (50, 50, 0)
    assert reception.bytes_received == 8000
    assert reception.jitter == pytest.approx(0, abs=1e-6)


def test_cycles_of_the_sequence_number() -> None:
    source = Source(first_sequence=65534)
    assert [source.send(index) for index in (0, 1, 2, 3)] == [131070, 131071, 131072, 131073]
    for index in range(4, 140_000):
        source.send(index)
    assert source.reception.highest == 131070 + 139_999
    assert source.reception.lost == 0


def test_lost_packets() -> None:
    source = Source()
    for index in (0, 1, 2, 5, 6, 9):
        source.send(index)
    assert source.reception.expected == 10
    assert source.reception.lost == 4


def test_reordered_packets_are_used_once() -> None:
    source = Source()
    assert [source.send(index) for index in (0, 2, 1, 1, 2, 3)] == [
        65636,
        65638,
        65637,
        None,
        None,
        65639,
    ]
    reception = source.reception
    assert (reception.reordered, reception.duplicates, reception.lost) == (1, 2, 0)


def test_a_packet_from_before_the_first_one_was_expected_too() -> None:
    source = Source()
    source.send(5)
    assert source.send(3) == 0x10000 + 100 + 3
    assert (source.reception.expected, source.reception.lost) == (3, 1)


def test_a_large_jump_is_believed_at_its_second_packet() -> None:
    source = Source()
    source.send(0)
    assert source.send(MAX_DROPOUT + 1) is None
    assert source.send(1) == 65637  # it was a stray
    assert source.send(MAX_DROPOUT + 10) is None
    assert source.send(MAX_DROPOUT + 11) == 0x10000 + 100 + MAX_DROPOUT + 11
    assert source.send(MAX_DROPOUT + 12) is not None
    assert source.reception.packets_received == 4
    assert source.reception.lost == 0


def test_a_restarted_sender_is_followed_backwards_too() -> None:
    source = Source(first_sequence=30000)
    source.send(0)
    assert source.send(-20000) is None
    assert source.send(-19999) == 0x10000 + 10001
    assert source.send(-19998) == 0x10000 + 10002


def test_jitter_of_one_late_packet() -> None:
    source = Source()
    source.send(0)
    source.send(1)
    source.send(2, late_s=0.010)  # D = 80 units
    assert source.reception.jitter == pytest.approx(80 / 16)
    source.send(3)  # early by as much again
    assert source.reception.jitter == pytest.approx(5 + (80 - 5) / 16)


def test_timestamp_wrap_is_no_jitter() -> None:
    source = Source(first_timestamp=2**32 - 200)
    for index in range(5):
        source.send(index)
    assert source.reception.jitter == pytest.approx(0, abs=1e-6)


def test_telephone_events_do_not_disturb_jitter() -> None:
    source = Source()
    source.send(0)
    reception = source.reception
    for index in range(1, 6):  # five packets with the timestamp of the first
        reception.receive(100 + index, 5160, 4, 10.0 + 0.02 * index, timed=False)
    source.send(6)
    assert reception.jitter == pytest.approx(0, abs=1)


def test_fraction_and_cumulative_loss_of_reports() -> None:
    source = Source()
    for index in range(100):
        if index % 4:
            source.send(index)
    assert source.reception.report_loss() == (24 * 256 // 99, 24)  # the first was lost unnoticed
    for index in range(100, 200):
        source.send(index)
    assert source.reception.report_loss() == (0, 24)
    assert source.reception.report_loss() == (0, 24)


def test_a_new_stream_adds_to_the_totals() -> None:
    source = Source()
    for index in (0, 1, 3):
        source.send(index)
    source.reception.start(8, 500, 0, 20.0)
    source.reception.receive(500, 0, 160, 20.0)
    assert source.reception.packets_received == 4
    assert source.reception.lost == 1
    assert source.reception.report_loss() == (0, 0)


@given(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_advance_is_the_same_as_packet_by_packet(
    sequence: int, timestamp: int, packets: int
) -> None:
    one, run = Source(sequence, timestamp), Source(sequence, timestamp)
    one.send(0)
    run.send(0)
    for index in range(1, packets + 1):
        one.send(index)
    run.reception.advance(packets)
    run.reception.flow.heard_at = one.reception.heard_at
    for source in (one, run):  # what follows is judged alike
        source.send(packets + 2)
        source.send(packets)
        source.send(packets + 1)
    for name in ("highest", "received", "bytes_received", "timestamp", "duplicates", "reordered"):
        assert getattr(one.reception, name) == getattr(run.reception, name)


@given(st.lists(st.integers(0, 65535), max_size=60))
def test_any_sequence_of_numbers_keeps_its_low_bits(numbers: list[int]) -> None:
    reception = Reception()
    for at, number in enumerate(numbers):
        if reception.highest < 0:
            reception.start(1, number, 0, 0.0)
        extended = reception.receive(number, 160 * at, 160, 0.02 * at)
        assert extended is None or extended & 0xFFFF == number
        assert reception.base <= reception.highest + 1
        assert reception.lost >= 0


def test_what_is_behind_the_newest_packet_also_where_numbers_begin_again() -> None:
    reception = Reception()
    assert not reception.is_behind(7, 1)
    reception.start(7, 65535, 0, 1.0)
    reception.receive(65535, 0, 160, 1.0)
    reception.receive(0, 160, 160, 1.02)
    assert [reception.is_behind(7, one) for one in (65534, 65535, 0, 1)] == [
        True,
        True,
        False,
        False,
    ]
    assert not reception.is_behind(8, 65534)
