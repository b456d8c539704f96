"""A flow keeps its first messages and its latest, within its bounds."""

from engine.trace.flow import MESSAGE_BYTES, FlowLimits, SipFlow, TracedMessage
from sip.hop import Hop

HOP = Hop("udp", "192.0.2.1", 5060)


def message(number: int, size: int = 100) -> TracedMessage:
    """A message of so many bytes."""
    return TracedMessage(number, float(number), True, HOP, HOP, b"x" * size)


def numbers(flow: SipFlow) -> list[int]:
    """What it keeps."""
    return [one.number for one in flow.messages()]


def test_what_is_dropped_is_dropped_from_the_middle() -> None:
    flow = SipFlow(b"1", FlowLimits(first=3, latest=4, size_bytes=1_000_000))
    for number in range(1, 21):
        flow.add_message(message(number))
    assert numbers(flow) == [1, 2, 3, 17, 18, 19, 20]
    assert flow.dropped == 13 and flow.last_number == 20
    assert [one.number for one in flow.after(18)] == [19, 20]
    assert flow.after(20) == []


def test_the_bytes_are_bounded_and_told_as_they_change() -> None:
    limits = FlowLimits(first=10, latest=1000, size_bytes=10_000)
    flow = SipFlow(b"1", limits)
    total = sum(flow.add_message(message(number, 1_000)) for number in range(100))
    assert total == flow.size_bytes <= limits.size_bytes
    kept = numbers(flow)
    assert kept[:3] == [0, 1, 2] and kept[-3:] == [97, 98, 99]
    assert flow.size_bytes == len(kept) * (MESSAGE_BYTES + 1_000)


def test_one_message_larger_than_all_that_may_be_kept_is_kept_alone() -> None:
    flow = SipFlow(b"1", FlowLimits(first=10, latest=10, size_bytes=2_000))
    for number in range(3):
        flow.add_message(message(number, 60_000))
    assert numbers(flow) == [2]


def test_wider_limits_hold_from_then_on() -> None:
    flow = SipFlow(b"1", FlowLimits(first=1, latest=1, size_bytes=10_000))
    flow.add_message(message(1))
    flow.widen(FlowLimits(first=5, latest=5, size_bytes=1_000_000))
    for number in range(2, 6):
        flow.add_message(message(number))
    assert numbers(flow) == [1, 2, 3, 4, 5]


def test_messages_that_are_folded_are_there_again_with_those_after() -> None:
    flow = SipFlow(b"1", FlowLimits(first=6, latest=2, size_bytes=1_000_000))
    before = [message(number, 500) for number in range(1, 4)]
    for one in before:
        flow.add_message(one)
    total = flow.size_bytes
    total += flow.fold()
    assert flow.messages() == before
    assert flow.size_bytes == total < 500
    for number in (4, 5):
        total += flow.add_message(message(number))
    total += flow.fold()
    assert numbers(flow) == [1, 2, 3, 4, 5] and flow.after(3)[0] == message(4)
    assert flow.fold() == 0  # nothing new
    for number in range(6, 20):
        total += flow.add_message(message(number))
    assert numbers(flow) == [1, 2, 3, 4, 5, 6, 18, 19]
    assert flow.fold() == 0  # messages between have been dropped
    assert flow.size_bytes == total
