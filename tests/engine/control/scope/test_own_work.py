"""Which jobs and calls are whose, by the states that agents leave and enter."""

from dataclasses import dataclass

import pytest

from engine.acd.agent import AgentState
from engine.control.scope.own_work import AFTERWARDS_S, OwnWork

OWN_S = 3600.0


@dataclass
class Worker:
    name: str
    state: AgentState
    work: str | None = None


class Scene:
    """One agent, Alice, and the clock that nobody sets."""

    def __init__(self) -> None:
        self.clock = 50.0
        self.own = OwnWork(clock=lambda: self.clock)
        self._state: AgentState = "available"

    def enter(self, state: AgentState, work: str | None = None) -> None:
        before, self._state = self._state, state
        self.own.on_change(Worker("alice", state, work), before)

    def is_hers(self, own_s: float = OWN_S) -> bool:
        return self.own.is_theirs("alice", "c1", own_s)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_they_talked_on_is_theirs_from_the_end_of_the_wrap_up(scene: Scene) -> None:
    scene.enter("reserved", "c1")
    scene.enter("talking", "c1")
    scene.clock += 2 * OWN_S
    scene.enter("wrap_up", "c1")
    assert scene.is_hers()
    scene.enter("available")
    scene.clock += OWN_S - 1
    assert scene.is_hers()
    scene.clock += 1
    assert not scene.is_hers()


def test_with_no_days_it_is_theirs_until_the_wrap_up_is_over(scene: Scene) -> None:
    scene.enter("talking", "c1")
    scene.enter("wrap_up", "c1")
    scene.clock += 100
    assert scene.is_hers(own_s=0.0)
    scene.enter("available")
    assert scene.is_hers(own_s=0.0)  # its last events are just published
    scene.clock += AFTERWARDS_S
    assert not scene.is_hers(own_s=0.0)


def test_an_offer_that_was_withdrawn_is_theirs_no_longer(scene: Scene) -> None:
    scene.enter("reserved", "c1")
    scene.enter("ringing", "c1")
    scene.enter("available")
    scene.clock += AFTERWARDS_S
    assert not scene.is_hers()


def test_a_talk_that_ends_without_a_wrap_up_is_theirs_too(scene: Scene) -> None:
    scene.enter("talking", "c1")
    scene.enter("paused")
    scene.clock += OWN_S - 1
    assert scene.is_hers()


def test_nobody_serves_a_queue_where_no_agents_are_known(scene: Scene) -> None:
    assert scene.own.serves("alice") == ()
    assert scene.own.call_of("c1", None) is None
