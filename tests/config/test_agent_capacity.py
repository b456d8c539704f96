"""Agents who take several calls at once are several agents."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.agents import Agent
from config.settings import Settings

BOT: dict[str, Any] = {"name": "bot", "stream": "wss://bots.example/", "capacity": 3}


def settings_of(**sections: Any) -> Settings:
    return Settings(**sections)


def test_each_call_of_a_bot_has_an_agent_wherever_the_bot_is_named() -> None:
    settings = settings_of(
        agents=[BOT, {"name": "alice", "uri": "sip:alice@127.0.0.1"}],
        queues=[
            {
                "name": "sales",
                "agents": ["alice", "bot"],
                "tiers": [{"after_s": 5.0, "agents": ["bot"]}],
                "vip": [{"min_priority": 5, "agents": ["bot"], "within_s": 5.0}],
            }
        ],
    )
    assert [agent.name for agent in settings.agents] == ["bot", "bot.2", "bot.3", "alice"]
    assert {agent.stream for agent in settings.agents[:3]} == {"wss://bots.example/"}
    (queue,) = settings.queues
    assert queue.agents == ["alice", "bot", "bot.2", "bot.3"]
    assert queue.tiers[0].agents == queue.vip[0].agents == ["bot", "bot.2", "bot.3"]


def test_a_name_that_is_taken_already_is_a_fault() -> None:
    with pytest.raises(ValidationError, match=r"makes an agent bot\.2"):
        settings_of(agents=[BOT, {"name": "bot.2", "uri": "sip:bo@127.0.0.1"}])


def test_a_fallback_names_what_there_is() -> None:
    for fallback in ({"queue": "nowhere"}, {"agent": "nobody"}):
        with pytest.raises(ValidationError, match="there is no"):
            settings_of(agents=[BOT | {"fallback": fallback}])


@pytest.mark.parametrize(
    "more",
    [
        {"uri": "sip:a@127.0.0.1"},
        {"addresses": [{"uri": "sip:a@127.0.0.1"}]},
        {"permanent": True},
        {"stream": "http://bots.example/"},
        {"stream": ""},
        {"capacity": 0},
    ],
)
def test_a_bot_is_no_phone(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Agent.model_validate(BOT | more)


@pytest.mark.parametrize(
    "more", [{"capacity": 2}, {"rate_hz": 8000}, {"fallback": {"hang_up": True}}]
)
def test_a_person_has_nothing_of_a_bot(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="goes with stream alone"):
        Agent.model_validate({"name": "alice", "uri": "sip:a@127.0.0.1"} | more)
