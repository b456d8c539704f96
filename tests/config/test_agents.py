"""[[agents]] and [agent_defaults]: what is taken, and what makes no sense together."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.agents import Agent, AgentDefaults

DESK, MOBILE = "sip:alice@127.0.0.1:5080", "+447700900123"


def agent(**values: Any) -> Agent:
    return Agent(**{"name": "alice"} | values)


def test_a_uri_is_short_for_one_address() -> None:
    (address,) = agent(uri=DESK).reached_at
    assert (address.uri, address.kind, address.ring_s, address.confirm) == (DESK, "desk", None, "")


def test_addresses_ring_in_their_order() -> None:
    several = [{"uri": DESK, "ring_s": 15.0}, {"uri": MOBILE, "kind": "mobile", "confirm": "1"}]
    first, second = agent(addresses=several).reached_at
    assert (first.uri, first.ring_s) == (DESK, 15.0)
    assert (second.uri, second.kind, second.confirm) == (MOBILE, "mobile", "1")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "give uri, or addresses"),
        ({"uri": DESK, "addresses": [{"uri": MOBILE}]}, "uri and addresses are both given"),
        ({"addresses": [{"uri": DESK}, {"uri": DESK}]}, f"'{DESK}' stands twice"),
        ({"uri": DESK, "queues": ["sales", "support", "sales"]}, "queue 'sales' stands twice"),
        ({"uri": "sip:127.0.0.1"}, "an agent's URI names a user"),
        ({"uri": DESK, "skills": {"german": 11}}, "less than or equal to 10"),
        ({"uri": DESK, "wrap_up_s": -2}, "-1"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        agent(**values)


def test_what_an_agent_does_not_say_is_as_in_the_defaults() -> None:
    quiet = agent(uri=DESK)
    assert (quiet.login, quiet.wrap_up_s, quiet.missed_limit, quiet.comfort) == (None,) * 4
    defaults = AgentDefaults()
    assert (defaults.login, defaults.wrap_up_s, defaults.missed_limit) == ("auto", 0.0, 3)


@pytest.mark.parametrize("key", ["pause_reasons", "outcomes"])
def test_a_word_that_stands_twice_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="'lunch' stands twice"):
        AgentDefaults.model_validate({key: ["lunch", "break", "lunch"]})
