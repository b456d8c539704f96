"""Entries that have left are remembered for those agents who missed them."""

from engine.acd.matching.withheld import REMEMBERED, Withheld


def test_what_is_remembered_is_given_out_once() -> None:
    withheld = Withheld()
    withheld.put("e", {"alice": 110.0}, 100.0)
    withheld.withhold("e", "bert", 120.0, 100.0)
    assert withheld.pop("e") == {"alice": 110.0, "bert": 120.0}
    assert withheld.pop("e") == {}


def test_those_whose_time_is_over_are_forgotten() -> None:
    withheld = Withheld()
    for number in range(REMEMBERED):
        withheld.put(f"e{number}", {"alice": 110.0}, 100.0)
    withheld.put("late", {"alice": 300.0}, 200.0)
    assert withheld.pop("e5") == {}
    assert withheld.pop("late") == {"alice": 300.0}


def test_a_step_of_the_clock_does_not_change_for_how_long() -> None:
    withheld = Withheld()
    withheld.put("e", {"alice": 110.0}, 100.0)
    withheld.shift(-60.0)
    assert withheld.pop("e") == {"alice": 50.0}
