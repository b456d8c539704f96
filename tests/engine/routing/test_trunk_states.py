"""Which of the trunks of a route a call is tried by."""

import pytest

from engine.routing.trunk_states import AllTrunksUp, usable_now


class States(AllTrunksUp):
    """Trunks whose names say how they stand."""

    def is_usable(self, name: str) -> bool:
        return "failed" not in name

    def is_full(self, name: str) -> bool:
        return "full" in name

    def is_resting(self, name: str) -> bool:
        return "down" in name


@pytest.mark.parametrize(
    ("names", "usable"),
    [
        (["a", "b"], ["a", "b"]),
        (["failed", "a"], ["a"]),
        (["full", "a"], ["a"]),
        (["down", "a"], ["a"]),
        (["down-1", "down-2"], ["down-1", "down-2"]),
        (["down", "full"], ["down"]),
        (["full", "failed"], []),
    ],
)
def test_which_trunks_are_tried(names: list[str], usable: list[str]) -> None:
    assert usable_now(States(), names) == usable


def test_a_trunk_that_is_full_may_be_asked_for_all_the_same() -> None:
    assert usable_now(States(), ["full", "failed"], may_be_full=True) == ["full"]


def test_without_sip_every_trunk_is_up() -> None:
    states = AllTrunksUp()
    states.rest("a", 5.0, "no response", is_silent=True, host="sip:a")
    assert not states.is_host_down("a", "sip:a")
    assert states.binding("a") is None
    assert usable_now(states, ["a"]) == ["a"]
