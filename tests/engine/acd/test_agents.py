"""The registry of agents: a change is kept, published, and offered, in that order."""

from collections.abc import Callable
from typing import Any

import pytest

from config.agents import AgentDefaults
from engine.acd.agent import AgentImage
from engine.acd.agents import AgentRegistry
from engine.errors import EngineError
from tests.support.floor import agent


class Desk:
    """A registry whose clock is the test's, with all that it published and kept."""

    def __init__(self, *agents: Any, images: dict[str, AgentImage] | None = None, **defaults: Any):
        self.now = 1000.0
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.order: list[str] = []
        self.kept: dict[str, AgentImage] = {}
        self.agents = AgentRegistry(
            agents or (agent("alice"), agent("bert")),
            defaults=AgentDefaults(**defaults),
            events=self,
            store=self,
            clock=lambda: self.now,
        )
        self.agents.subscribe(on_free=lambda name: self.order.append(f"free {name}"))
        self.agents.subscribe(on_change=lambda one, old: self.order.append(f"{one.name} was {old}"))
        self.agents.start(images)

    def publish(self, type: str, **fields: Any) -> None:
        self.seen.append((type, fields))
        self.order.append(f"published {type}")

    def put(self, kind: str, key: str, value: Any) -> None:
        assert kind == "agent" and isinstance(value, AgentImage)
        self.kept[key] = value
        self.order.append(f"kept {key} {value.state}")

    def drop(self, kind: str, key: str) -> None:
        self.kept.pop(key, None)

    def state(self, name: str = "alice") -> str:
        return self.agents.known(name).state


def test_a_change_is_kept_then_published_then_offered() -> None:
    desk = Desk(agent("alice", login="manual"))
    desk.order.clear()
    desk.agents.login("alice")
    assert desk.order == [
        "kept alice available", "published agent.available", "alice was logged_out", "free alice"
    ]  # fmt: skip
    desk.order.clear()
    desk.agents.login("alice")
    assert desk.order == ["kept alice available"], "nothing has changed"


def test_reservations_have_one_winner() -> None:
    desk = Desk()
    assert desk.agents.reserve("alice", "one")
    assert not desk.agents.reserve("alice", "two")
    assert not desk.agents.reserve("nobody", "one")
    kind, fields = desk.seen[-1]
    assert (kind, fields["work"], fields["previous"]) == ("agent.reserved", "one", "available")


def test_the_end_of_other_work_changes_nothing() -> None:
    desk = Desk()
    desk.agents.reserve("alice", "one")
    ends: list[Callable[[], bool]] = [
        lambda: desk.agents.release("alice", "two"),
        lambda: desk.agents.finished("alice", "two"),
        lambda: desk.agents.missed("alice", "two", "no answer"),
        lambda: desk.agents.ringing("alice", "two"),
        lambda: desk.agents.talking("alice", "two"),
        lambda: desk.agents.release("nobody", "one"),
    ]
    for end in ends:
        assert not end()
    assert desk.state() == "reserved"
    assert desk.agents.release("alice", "one")
    assert not desk.agents.release("alice", "one"), "no effect twice"
    assert desk.order[-1] == "free alice"


def test_a_call_and_its_wrap_up() -> None:
    desk = Desk(agent("alice", wrap_up_s=30))
    set_timers: list[float | None] = []
    desk.agents.subscribe(on_deadline=lambda: set_timers.append(desk.agents.next_deadline))
    desk.agents.reserve("alice", "job")
    desk.agents.ringing("alice", "job")
    desk.agents.talking("alice", "job")
    desk.now += 60
    assert desk.agents.finished("alice", "job")
    assert (desk.state(), desk.agents.next_deadline) == ("wrap_up", 1090.0)
    assert set_timers == [1090.0]
    desk.agents.tick(1089.9)
    assert desk.state() == "wrap_up"
    desk.agents.tick(1090.0)
    assert desk.state() == "available"
    assert desk.agents.next_deadline is None


def test_the_queues_wrap_up_wins() -> None:
    desk = Desk(agent("alice", wrap_up_s=30))
    desk.agents.reserve("alice", "job")
    desk.agents.talking("alice", "job")
    desk.agents.finished("alice", "job", 0.0)
    assert desk.state() == "available"


def test_seats() -> None:
    desk = Desk(agent("alice"), agent("bert"), agent("cleo"), seats=2)
    assert [desk.state(name) for name in ("alice", "bert", "cleo")] == [
        "available", "available", "logged_out"
    ]  # fmt: skip
    with pytest.raises(EngineError) as refused:
        desk.agents.login("cleo")
    assert (refused.value.kind, refused.value.data) == ("unavailable", {"seats": 2})
    desk.agents.login("bert")  # has the seat
    desk.agents.pause("bert")
    assert desk.agents.seats_taken == 2
    desk.agents.logout("bert")
    assert desk.agents.login("cleo").state == "available"


def test_a_logged_out_agent_is_neither_paused_nor_ready() -> None:
    desk = Desk(agent("alice", login="manual"))
    for act in (desk.agents.pause, desk.agents.ready):
        with pytest.raises(EngineError) as refused:
            act("alice")
        assert refused.value.kind == "state"


def test_a_state_asked_for_during_a_call_is_published_at_once() -> None:
    desk = Desk()
    desk.agents.reserve("alice", "job")
    desk.agents.pause("alice", "lunch")
    desk.agents.pause("alice", "lunch")
    asked = [fields for kind, fields in desk.seen if kind == "agent.asked"]
    assert asked == [{"agent": "alice", "wish": "paused", "reason": "lunch"}]
    desk.agents.release("alice", "job")
    assert desk.seen[-1][0] == "agent.paused"
    assert "free alice" not in desk.order[-3:]


def test_new_skills_are_offered_to_those_who_wait() -> None:
    desk = Desk()
    desk.order.clear()
    desk.agents.set_skills("alice", {"german": 5})
    assert desk.order == [
        "kept alice available", "published agent.skills", "alice was available", "free alice"
    ]  # fmt: skip
    desk.agents.pause("alice")
    desk.order.clear()
    desk.agents.set_skills("alice", None)
    assert "free alice" not in desk.order


def test_the_day_begins_at_midnight_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.agents.reserve("alice", "job")
    desk.agents.talking("alice", "job")
    desk.agents.finished("alice", "job")
    assert desk.agents.known("alice").calls == 1
    desk.now += 86400
    desk.agents.begin_day(desk.now)
    assert desk.agents.known("alice").calls == 0
    assert desk.kept["alice"].calls == 0


def test_a_restart_restores_every_agent() -> None:
    desk = Desk(agent("alice", wrap_up_s=30), agent("bert"), agent("cleo"))
    for name in ("alice", "bert"):
        desk.agents.reserve(name, "job")
    desk.agents.talking("alice", "job")
    desk.agents.logout("cleo", "home")
    again = Desk(
        agent("alice", wrap_up_s=30), agent("bert"), agent("cleo"), agent("dora"), images=desk.kept
    )
    assert [one.state for one in again.agents] == [
        "wrap_up", "available", "logged_out", "available"
    ]  # fmt: skip
    assert again.agents.next_deadline == 1030.0
    assert "free bert" in again.order
    assert again.agents.known("cleo").reason == "home"


def test_a_listener_may_change_agents_in_turn() -> None:
    desk = Desk()

    def take(name: str) -> None:
        assert desk.agents.reserve(name, "next")

    desk.agents.subscribe(on_free=take)
    desk.agents.pause("alice")
    desk.agents.ready("alice")
    assert (desk.state(), desk.agents.known("alice").work) == ("reserved", "next")


def test_a_miss_is_published_as_that_whatever_was_asked_for_meanwhile() -> None:
    desk = Desk()
    for missed in (True, False):
        desk.agents.ready("alice")
        desk.agents.reserve("alice", "j1")
        desk.agents.ringing("alice", "j1")
        desk.agents.pause("alice", "lunch")
        if missed:
            desk.agents.missed("alice", "j1", "no answer")
        else:
            desk.agents.release("alice", "j1")
        kind, seen = desk.seen[-1]
        assert (kind, seen["reason"]) == ("agent.paused", "lunch")
        assert seen.get("missed", False) is missed


def test_a_step_of_the_clock_moves_what_each_agent_remembers() -> None:
    desk = Desk(agent("alice", wrap_up_s=60), agent("bert"))
    desk.agents.reserve("alice", "j1")
    desk.agents.talking("alice", "j1")
    desk.agents.finished("alice", "j1")
    desk.order.clear()
    desk.now += 10.0
    desk.now -= 500.0
    desk.agents.shift(-500.0)
    assert desk.agents.next_deadline == 560.0
    view = desk.agents.view(desk.agents.known("alice"))
    assert (view["since"], view["wrap_up_until"], view["idle_since"]) == (500.0, 560.0, 500.0)
    assert view["times"]["wrap_up"] == 10.0
    assert desk.kept["alice"].wrap_up_until == 560.0
    assert not [one for one in desk.order if one.startswith("published")]
    desk.agents.tick(559.0)
    assert desk.state() == "wrap_up"
    desk.agents.tick(560.0)
    assert desk.state() == "available"


def test_an_agent_who_owes_an_outcome_is_not_ready() -> None:
    desk = Desk()
    desk.agents.reserve("alice", "j1")
    desk.agents.talking("alice", "j1")
    desk.agents.finished("alice", "j1", 5.0, needs_outcome=True)
    assert desk.seen[-1][1]["outcome_due"] == "j1"
    desk.now += 100
    desk.agents.tick(desk.now)
    with pytest.raises(EngineError, match="the outcome of j1 first") as refused:
        desk.agents.ready("alice")
    assert (refused.value.kind, refused.value.data) == ("state", {"outcome_due": "j1"})
    assert desk.agents.next_deadline is None
    desk.agents.outcome_written("j1")
    assert desk.state() == "available"


def test_a_pause_has_one_of_the_reasons_that_there_are() -> None:
    desk = Desk(pause_reasons=["lunch", "training"])
    for reason in (None, "tea"):
        with pytest.raises(EngineError, match="must be one of lunch, training") as refused:
            desk.agents.pause("alice", reason)
        assert (refused.value.field, refused.value.data["reasons"]) == (
            "reason", ["lunch", "training"],
        )  # fmt: skip
    assert desk.agents.pause("alice", "lunch").reason == "lunch"
