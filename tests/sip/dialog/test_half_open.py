"""Calls that were never acknowledged: few of one source, and none for long."""

from dataclasses import dataclass, field

from sip.dialog.half_open import OLD_ENOUGH_S, HalfOpenCalls, HalfOpenLimits
from sip.hop import Hop

TRUNK, OTHER = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.2", 5060)
LIMITS = HalfOpenLimits(each=10, together=15, more_per_s=5.0)


@dataclass(eq=False)
class Call:
    calls: HalfOpenCalls
    source: Hop = TRUNK
    answered_at: float | None = 0.0
    gave_way: list[float] = field(default_factory=list)

    def give_way(self, now: float) -> None:
        self.gave_way.append(now)
        self.calls.discard(self)


def full(
    source: Hop = TRUNK, *, answered_at: float | None = 0.0
) -> tuple[HalfOpenCalls, list[Call]]:
    calls = HalfOpenCalls(LIMITS)
    made = [Call(calls, source, answered_at) for _ in range(10)]
    for call in made:
        calls.add_call(call)
    return calls, made


def test_a_few_are_taken_at_once() -> None:
    calls = HalfOpenCalls(LIMITS)
    for number in range(10):
        assert calls.admit(TRUNK, number, 0.0) == "yes"
        calls.add_call(Call(calls))
    assert calls.admit(TRUNK, "one more", 0.1) == "later"


def test_confirmed_calls_take_no_place() -> None:
    calls, made = full()
    calls.discard(made[0])
    calls.discard(made[0])
    assert len(calls) == 9
    assert calls.admit(TRUNK, "next", 0.1) == "yes"


def test_the_oldest_gives_way_to_some_a_second() -> None:
    calls, made = full()
    now, taken = OLD_ENOUGH_S, 0
    for number in range(1_000):
        if calls.admit(TRUNK, number, now) == "yes":
            taken += 1
            calls.add_call(Call(calls, answered_at=now))
        now += 0.01
    assert all(call.gave_way for call in made)
    assert made[0].gave_way[0] <= made[-1].gave_way[0]
    assert 40 <= taken <= 60  # ten seconds at five a second, and the first five
    assert len(calls) == 10


def test_a_caller_at_another_port_is_taken_in_the_middle_of_a_flood() -> None:
    calls, _made = full()
    now = OLD_ENOUGH_S
    for number in range(500):
        if calls.admit(TRUNK, number, now) == "yes":
            calls.add_call(Call(calls, answered_at=now))
        now += 0.01
    assert calls.admit(TRUNK, "at the port of the flood", now) == "later"
    assert calls.admit(TRUNK._replace(port=5070), "a caller", now) == "yes"


def test_a_flood_from_all_ports_is_bounded_too() -> None:
    calls, _made = full()
    now, taken = OLD_ENOUGH_S, 0
    for number in range(2_000):
        source = TRUNK._replace(port=1024 + number)
        if calls.admit(source, number, now) == "yes":
            taken += 1
            calls.add_call(Call(calls, source, answered_at=now))
        now += 0.005
    assert taken <= 220  # ten seconds at four times five a second, and the first twenty


def test_an_invite_that_is_sent_again_is_taken() -> None:
    calls, made = full()
    for number in range(5):  # the share of the moment
        assert calls.admit(TRUNK, f"forged{number}", OLD_ENOUGH_S) == "yes"
        calls.add_call(Call(calls))
    assert calls.admit(TRUNK, "real", OLD_ENOUGH_S) == "later"
    assert calls.admit(TRUNK, "real", OLD_ENOUGH_S + 0.01) == "later", "a copy comes after T1"
    assert calls.admit(TRUNK, "real", OLD_ENOUGH_S + 0.5) == "yes"
    assert made[5].gave_way


def test_a_copy_that_comes_much_later_is_another_call() -> None:
    calls, _made = full()
    assert calls.admit(TRUNK, "real", 0.0) == "later"
    for number in range(5):
        assert calls.admit(TRUNK, f"forged{number}", 100.0) == "yes"
        calls.add_call(Call(calls, answered_at=100.0))
    assert calls.admit(TRUNK, "real", 100.0) == "later"


def test_calls_that_were_not_answered_yet_do_not_give_way() -> None:
    calls, made = full(answered_at=None)
    assert calls.admit(TRUNK, "next", 60.0) == "later"
    assert not any(call.gave_way for call in made)


def test_another_source_is_not_touched() -> None:
    calls, made = full()
    assert calls.admit(OTHER, "theirs", 5.0) == "yes"
    assert not any(call.gave_way for call in made)


def test_all_sources_together_are_bounded() -> None:
    calls, made = full()
    for number in range(5):
        assert calls.admit(OTHER, number, 0.0) == "yes"
        calls.add_call(Call(calls, OTHER))
    assert calls.admit(OTHER, "one more", 0.1) == "later"
    assert calls.admit(OTHER, "one more", OLD_ENOUGH_S) == "yes"
    assert made[0].gave_way, "the oldest of the source with most to lose"


def test_over_tcp_nothing_is_sent_again() -> None:
    calls, _made = full(Hop("tcp", "192.0.2.1", 5060))
    assert calls.admit(Hop("tcp", "192.0.2.1", 5060), "next", 0.1) == "no"


def test_what_is_remembered_is_bounded() -> None:
    calls, _made = full()
    for number in range(20_000):
        calls.admit(TRUNK, number, 0.1)
    assert len(calls._seen) == 5_000
