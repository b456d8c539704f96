"""An agent as the control protocol shows them."""

from typing import Any

from config.agents import AgentDefaults
from engine.acd.agent import AGENT_TRANSITIONS, Agent
from engine.acd.agent_policy import AgentPolicy
from engine.acd.agent_view import agent_view
from tests.support.floor import agent as settings_of


def _agent(**settings: Any) -> Agent:
    configured = settings_of(**{"name": "alice"} | settings)
    return Agent(configured, AgentPolicy.of(configured, AgentDefaults()), 100.0)


def test_an_agent_on_a_call() -> None:
    alice = _agent(skills={"german": 5}, centre="north")
    alice.login(100.0)
    alice.reserve("job-1", 110.0)
    alice.ringing(111.0)
    alice.talking(115.0)
    view = agent_view(alice, ["sales", "help"], 125.0)
    assert (view["agent"], view["state"], view["since"]) == ("alice", "talking", 115.0)
    assert (view["work"], view["talk_s"], view["idle_since"]) == ("job-1", 10.0, 100.0)
    assert (view["queues"], view["skills"], view["centre"]) == (
        ["sales", "help"], {"german": 5}, "north",
    )  # fmt: skip
    assert view["calendar"] is None
    assert agent_view(_agent(calendar="office"), [], 125.0)["calendar"] == "office"
    assert view["times"].keys() == AGENT_TRANSITIONS.keys()
    assert (view["times"]["available"], view["times"]["talking"]) == (10.0, 10.0)


def test_an_agent_in_wrap_up_still_has_the_work_that_it_belongs_to() -> None:
    alice = _agent()
    alice.login(100.0)
    alice.reserve("job-1", 100.0)
    alice.ringing(100.0)
    alice.talking(100.0)
    alice.finished(160.0, 30.0)
    view = agent_view(alice, [], 170.0)
    assert (view["state"], view["wrap_up_until"], view["calls"]) == ("wrap_up", 190.0, 1)
    assert (view["last_ended_at"], view["work"], view["missed"]) == (160.0, "job-1", 0)


def test_addresses_stand_in_the_order_in_which_they_ring_with_those_switched_off() -> None:
    addresses = [
        {"uri": "sip:desk@192.0.2.1", "kind": "desk", "ring_s": 10.0},
        {"uri": "+442079460001", "kind": "mobile", "confirm": "1"},
    ]
    alice = _agent(uri="", addresses=addresses)
    alice.arrange([("+442079460001", True), ("sip:desk@192.0.2.1", False)])
    assert agent_view(alice, [], 100.0)["addresses"] == [
        {
            "uri": "+442079460001", "kind": "mobile", "ring_s": None, "enabled": True,
            "confirm": "1",
        },
        {
            "uri": "sip:desk@192.0.2.1", "kind": "desk", "ring_s": 10.0, "enabled": False,
            "confirm": "",
        },
    ]  # fmt: skip


def test_only_an_agent_who_stays_on_the_phone_has_a_line() -> None:
    alice, bob = _agent(), _agent(name="bob", permanent=True)
    assert (agent_view(alice, [], 0.0)["permanent"], agent_view(alice, [], 0.0)["line"]) == (
        False, None,
    )  # fmt: skip
    assert (agent_view(bob, [], 0.0)["permanent"], agent_view(bob, [], 0.0)["line"]) == (
        True, "down",
    )  # fmt: skip
    bob.line_up = True
    assert agent_view(bob, [], 0.0)["line"] == "up"
