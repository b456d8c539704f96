"""Skills that nobody has: asked for by a queue, a route or a rule."""

from typing import Any

import pytest

from config.all_sections import AllSections
from config.checks.skills import skill_faults

ALICE: Any = {
    "name": "alice",
    "uri": "sip:alice@192.0.2.2",
    "skills": {"german": 5},
    "centre": "north",
}
BOB: Any = {"name": "bob", "uri": "sip:bob@192.0.2.3", "skills": {"french": 3}}
NEEDS_GERMAN = {"name": "sales", "skills": {"german": 5}}


def keys(**sections: Any) -> list[str]:
    """The keys that ask for a skill that nobody has."""
    given = {"agents": [ALICE, BOB], "queues": [], **sections}
    return [fault.key for fault in skill_faults(AllSections(**given))]


def test_all_skills_have_to_be_those_of_one_agent() -> None:
    both: Any = {"name": "sales", "agents": ["alice", "bob"], "skills": {"german": 1, "french": 1}}
    (fault,) = skill_faults(AllSections(agents=[ALICE, BOB], queues=[both]))
    assert fault.key == "queues[0].skills"
    assert fault.reason == "no agent has french = 1, german = 1, so nobody could be offered it"


@pytest.mark.parametrize(
    "reaches_alice",
    [
        {"agents": ["alice"]},
        {"tiers": [{"after_s": 5.0, "agents": ["alice"]}]},
        {"tiers": [{"after_s": 5.0, "centres": ["north"]}]},
        {"tiers": [{"after_s": 5.0, "queues": ["help"]}]},
        {"overflow": [{"after_s": 5.0, "centre": "north"}]},
    ],
)
def test_every_agent_who_may_ever_be_offered_it_counts(reaches_alice: dict[str, Any]) -> None:
    helpers = {"name": "help", "agents": ["alice"]}
    serves_bob = {**NEEDS_GERMAN, "agents": ["bob"]}
    assert keys(queues=[serves_bob, helpers]) == ["queues[0].skills"]
    assert keys(queues=[{**serves_bob, **reaches_alice}, helpers]) == []


def test_an_agent_who_names_the_queue_counts() -> None:
    own = {**ALICE, "queues": ["sales"]}
    assert keys(agents=[own, BOB], queues=[{**NEEDS_GERMAN, "agents": ["bob"]}]) == []


def test_a_route_asks_for_what_its_queue_asks_for_besides() -> None:
    queue = {"name": "sales", "agents": ["alice", "bob"], "skills": {"german": 1}}
    route = {"name": "a", "queue": "sales", "skills": {"french": 1}}
    assert keys(queues=[queue], inbound=[route]) == ["inbound[0].skills"]
    assert keys(queues=[queue], inbound=[{**route, "skills": {"german": 5}}]) == []


def test_a_rule_asks_the_agents_of_the_queue_that_it_sets() -> None:
    queue = {"name": "sales", "agents": ["bob"]}
    rule = {"name": "r", "set": {"queue": "sales", "skills": {"german": 1}}}
    assert keys(queues=[queue], rules=[rule]) == ["rules[0].set.skills"]
    anywhere = {"name": "r", "set": {"skills": {"german": 1}}}
    assert keys(queues=[queue], rules=[anywhere]) == []


def test_without_configured_agents_nothing_is_known_of_skills() -> None:
    assert keys(agents=[], queues=[NEEDS_GERMAN]) == []


def test_skills_that_a_later_tier_no_longer_needs_are_no_fault() -> None:
    tiers = [{"after_s": 1.0, "lower_skills": 2}, {"after_s": 2.0, "lower_skills": 2}]
    queue: Any = {"name": "sales", "agents": ["alice"], "skills": {"german": 9}}
    assert keys(queues=[{**queue, "tiers": tiers}]) == []
    (fault,) = skill_faults(AllSections(agents=[ALICE], queues=[queue]))
    assert (fault.key, fault.reason) == (
        "queues[0].skills",
        "no agent has german = 9, so nobody could be offered it",
    )
    # Agents may be added by command where none is configured.
    assert keys(queues=[{**queue, "agents": []}], agents=[]) == []
