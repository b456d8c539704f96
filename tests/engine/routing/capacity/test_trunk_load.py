"""How many calls a trunk may carry."""

import pytest

from config.sections import Trunk
from engine.routing.capacity.trunk_load import TrunkLoad
from engine.routing.trunk_states import TrunksFull


def load_of(**limits: int) -> TrunkLoad:
    return TrunkLoad([Trunk(name=n, uri="sip:127.0.0.1", max_calls=m) for n, m in limits.items()])


def test_without_a_limit_no_trunk_is_full() -> None:
    load = load_of(pbx=0)
    for number in range(1000):
        assert load.enter("c", "customer", f"leg-{number}", "pbx")
    assert not load.is_full("pbx") and not load.is_full("unheard of")


def test_a_leg_takes_a_line_until_it_is_over() -> None:
    load = load_of(pbx=1)
    assert load.enter("c1", "customer", "leg-1", "pbx")
    assert load.is_full("pbx")
    assert not load.enter("c2", "customer", "leg-2", "pbx")
    load.leave("leg-2")  # had none
    assert load.is_full("pbx")
    load.leave("leg-1")
    load.leave("leg-1")
    assert load.enter("c2", "customer", "leg-2", "pbx")


def test_a_leg_that_goes_by_another_trunk_frees_the_first() -> None:
    load = load_of(one=1, two=1)
    assert load.enter("c", "customer", "leg", "one")
    assert load.enter("c", "customer", "leg", "two")
    assert not load.is_full("one") and load.is_full("two")
    assert load.enter("c", "customer", "leg", None)
    assert not load.is_full("two")


def test_what_is_reserved_is_for_the_call_alone() -> None:
    load = load_of(pbx=2)
    load.reserve("c1", [("customer", "pbx"), ("agent", "pbx")])
    assert load.is_full("pbx")
    assert not load.enter("c2", "agent", "leg-9", "pbx")
    assert load.enter("c1", "agent", "leg-1", "pbx")
    assert load.enter("c1", "customer", "leg-2", "pbx")
    assert load.is_full("pbx")
    load.leave("leg-1")
    assert not load.is_full("pbx")


def test_nothing_is_reserved_where_one_line_is_missing() -> None:
    load = load_of(one=2, two=1)
    with pytest.raises(TrunksFull, match=r"trunk two is full \(1 calls\)") as caught:
        load.reserve("c1", [("customer", "one"), ("agent", "two"), ("agent", "two")])
    assert caught.value.kind == "unavailable"
    load.reserve("c2", [("customer", "one"), ("agent", "one")])
    assert load.is_full("one") and not load.is_full("two")


def test_a_call_that_is_over_has_nothing_reserved() -> None:
    load = load_of(pbx=1)
    load.reserve("c1", [("customer", "pbx"), ("agent", None)])
    load.over("c1")
    load.over("c1")
    assert not load.is_full("pbx")


def test_a_reserved_line_is_used_up_by_another_trunk() -> None:
    load = load_of(one=1, two=1)
    load.reserve("c", [("customer", "one")])
    assert load.enter("c", "customer", "leg", "two")
    assert not load.is_full("one") and load.is_full("two")


def test_a_lower_limit_ends_no_call() -> None:
    load = load_of(pbx=2)
    assert load.enter("c1", "customer", "leg-1", "pbx")
    assert load.enter("c2", "customer", "leg-2", "pbx")
    load.configure([Trunk(name="pbx", uri="sip:127.0.0.1", max_calls=1)])
    load.leave("leg-1")
    assert load.is_full("pbx")
    load.leave("leg-2")
    assert not load.is_full("pbx")


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(per_s: float, max_calls: int = 0) -> tuple[TrunkLoad, Time]:
    time = Time()
    one = Trunk(name="pbx", uri="sip:127.0.0.1", max_calls_per_s=per_s, max_calls=max_calls)
    return TrunkLoad([one], time), time


def test_a_trunk_begins_so_many_calls_a_second() -> None:
    load, time = paced(1)
    assert (load.max_calls_per_s("pbx"), load.max_calls_per_s("other")) == (1.0, 0.0)
    assert (load.free("pbx"), load.free("other")) == (1, None)
    load.reserve("c1", [("customer", "pbx")])
    assert load.is_full("pbx") and load.free_in_s("pbx") == 1.0 and load.free("pbx") == 0
    with pytest.raises(TrunksFull, match="trunk pbx begins 1 calls a second") as caught:
        load.reserve("c2", [("customer", "pbx")])
    assert caught.value.again_in_s == 1.0
    assert caught.value.data == {"reason": "trunk_full", "retry_after_s": 1.0}
    assert load.enter("c1", "customer", "leg-1", "pbx")
    time.now += 1.0
    assert not load.is_full("pbx")
    assert load.enter("c9", "agent", "leg-9", "pbx"), "a leg without a reserved line counts too"
    assert load.is_full("pbx")


def test_no_line_is_worse_than_no_turn() -> None:
    load, _time = paced(1, max_calls=1)
    load.reserve("c1", [("customer", "pbx")])
    assert load.free_in_s("pbx") is None and load.free("pbx") == 0


def test_invites_take_turns() -> None:
    load, time = paced(2)
    assert [load.turn_s("pbx") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert load.turn_s("other") == 0.0
    time.now += 10.0
    assert load.turn_s("pbx") == 0.0


def test_a_reload_keeps_what_has_begun() -> None:
    load, _time = paced(1)
    load.reserve("c1", [("customer", "pbx")])
    load.configure([Trunk(name="pbx", uri="sip:127.0.0.1", max_calls_per_s=1.0)])
    assert load.is_full("pbx")
    load.configure([Trunk(name="pbx", uri="sip:127.0.0.1", max_calls_per_s=2.0)])
    assert not load.is_full("pbx")
