"""The order of deliveries, their pauses, and that each ends once, in any history."""

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.webhooks.delivery_queue import Delivery, DeliveryPolicy, DeliveryQueue


def deliveries(**terms: float) -> DeliveryQueue:
    return DeliveryQueue(DeliveryPolicy(**terms), rng=random.Random(1))  # type: ignore[arg-type]


def delivery(seq: int, subject: str = "j1") -> Delivery:
    return Delivery(seq, "callback.queued", subject, b"{}")


def test_a_later_event_of_a_job_waits_for_the_earlier_and_others_do_not() -> None:
    pending = deliveries()
    for seq, subject in ((1, "j1"), (2, "j1"), (3, "j2")):
        pending.add_delivery(delivery(seq, subject), 0.0)
    first, other = pending.start_next(0.0), pending.start_next(0.0)
    assert first is not None and other is not None
    assert (first.seq, other.seq, pending.start_next(0.0)) == (1, 3, None)
    assert (len(pending), pending.under_way, pending.pending()) == (3, 2, [(1, 1), (2, 0), (3, 1)])
    assert not pending.failed(first, 0.0)
    pending.delivered(other, 0.0)
    assert pending.start_next(0.5) is None  # 2 waits for 1, and 1 for its second attempt
    again = pending.start_next(1.2)
    assert again is first
    pending.delivered(again, 1.2)
    second = pending.start_next(1.2)
    assert second is not None and second.seq == 2


def test_pauses_double_up_to_the_longest_and_heed_the_receiver() -> None:
    pending = deliveries(retry_s=1.0, retry_most_s=10.0, max_attempts=100)
    pending.add_delivery(delivery(1), 0.0)
    now, pauses = 0.0, []
    for attempt in range(8):
        taken = pending.start_next(now)
        assert taken is not None
        pending.failed(taken, now, after_s=4.0 if attempt == 1 else None)
        assert pending.next_due_at is not None
        pauses.append(pending.next_due_at - now)
        now = pending.next_due_at
    for pause, expected in zip(pauses, [1, 4, 4, 8, 10, 10, 10, 10], strict=True):
        assert 0.9 * expected <= pause <= 1.1 * expected


def test_it_is_given_up_after_so_many_attempts_and_the_next_has_its_turn() -> None:
    pending = deliveries(max_attempts=2)
    pending.add_delivery(delivery(1), 0.0)
    pending.add_delivery(delivery(2), 0.0)
    for now, is_over in ((0.0, False), (100.0, True)):
        taken = pending.start_next(now)
        assert taken is not None and taken.seq == 1
        assert pending.failed(taken, now) is is_over
    following = pending.start_next(100.0)
    assert following is not None and following.seq == 2


def test_the_queue_holds_an_event_once() -> None:
    pending = deliveries()
    pending.add_delivery(delivery(1), 0.0)
    pending.add_delivery(delivery(2), 0.0)
    first = pending.start_next(0.0)
    assert first is not None
    pending.delivered(first, 0.0)
    pending.add_delivery(delivery(2), 0.0)
    assert len(pending) == 1


def test_hurry_makes_everything_due() -> None:
    pending = deliveries(retry_s=100.0)
    pending.add_delivery(delivery(1), 0.0)
    taken = pending.start_next(0.0)
    assert taken is not None
    pending.failed(taken, 0.0)
    assert pending.start_next(1.0) is None
    pending.hurry(1.0)
    assert pending.start_next(1.0) is taken


@given(
    subjects=st.lists(st.sampled_from("abc"), max_size=30),
    outcomes=st.lists(st.booleans(), max_size=200),
    at_once=st.integers(1, 4),
)
def test_each_is_delivered_or_given_up_once_and_in_order(
    subjects: list[str], outcomes: list[bool], at_once: int
) -> None:
    pending = deliveries(max_attempts=3, retry_s=1.0)
    for seq, subject in enumerate(subjects, 1):
        pending.add_delivery(delivery(seq, subject), 0.0)
    answers = iter(outcomes)
    now = 0.0
    under_way: list[Delivery] = []
    ended: list[Delivery] = []
    for _ in range(10_000):
        if not len(pending):
            break
        while len(under_way) < at_once and (taken := pending.start_next(now)) is not None:
            assert taken.subject not in {one.subject for one in under_way}
            under_way.append(taken)
        if not under_way:
            assert pending.next_due_at is not None
            now = max(now, pending.next_due_at)
            continue
        one = under_way.pop(0)
        if next(answers, True):
            pending.delivered(one, now)
            ended.append(one)
        elif pending.failed(one, now):
            assert one.attempts == 3
            ended.append(one)
    assert sorted(one.seq for one in ended) == list(range(1, len(subjects) + 1))
    for subject in "abc":
        own = [one.seq for one in ended if one.subject == subject]
        assert own == sorted(own)


def test_what_is_dropped_under_way_is_neither_tried_again_nor_given_up() -> None:
    pending = deliveries()
    pending.add_delivery(delivery(1), 0.0)
    pending.add_delivery(delivery(2), 0.0)
    started = pending.start_next(0.0)
    assert started is not None and pending.drop("j1") == 2
    assert not pending.failed(started, 0.0)
    assert (len(pending), pending.under_way, pending.next_due_at) == (0, 0, None)


def test_no_more_of_one_group_are_under_way_than_may_be() -> None:
    pending = DeliveryQueue(DeliveryPolicy(), rng=random.Random(1), most_per_group=1)
    for seq in (1, 2, 3):
        pending.add_delivery(Delivery(seq, "callback.queued", f"j{seq}", b"{}", group="one"), 0.0)
    first = pending.start_next(0.0)
    assert first is not None and pending.start_next(0.0) is None
    pending.delivered(first, 1.0)
    second = pending.start_next(1.0)
    assert second is not None and second.seq == 2
    pending.delivered(second, 2.0)
    third = pending.start_next(2.0)
    assert third is not None and third.seq == 3
    pending.add_delivery(Delivery(4, "callback.queued", "j4", b"{}", group="one"), 2.0)
    assert pending.start_next(2.0) is None and pending.drop("j4") == 1
    pending.delivered(third, 3.0)
    assert pending.start_next(3.0) is None and len(pending) == 0


def test_a_step_of_the_clock_leaves_the_pause_as_it_is() -> None:
    pending = deliveries(retry_s=10.0)
    pending.add_delivery(delivery(1), 0.0)
    started = pending.start_next(0.0)
    assert started is not None
    pending.failed(started, 0.0)
    due_at = pending.next_due_at
    pending.shift(3600.0)
    assert due_at is not None and pending.next_due_at == due_at + 3600.0
