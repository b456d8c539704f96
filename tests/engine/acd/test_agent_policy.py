"""What holds for an agent: their own settings, and the defaults for the rest."""

from config.agents import AgentDefaults
from engine.acd.agent_policy import AgentPolicy
from tests.support.floor import agent

DEFAULTS = AgentDefaults(
    login="manual", wrap_up_s=20, max_wrap_up_s=60, missed_limit=5, comfort="music"
)


def test_the_defaults_hold_where_the_agent_has_none() -> None:
    terms = AgentPolicy.of(agent("ann"), DEFAULTS)
    assert terms == AgentPolicy(
        auto_login=False, wrap_up_s=20, max_wrap_up_s=60, missed_limit=5, comfort="music"
    )


def test_the_agents_own_go_before_them_also_where_they_are_zero() -> None:
    own = agent(
        "ann", login="auto", wrap_up_s=0, max_wrap_up_s=0, missed_limit=0, comfort="silence"
    )
    assert AgentPolicy.of(own, DEFAULTS) == AgentPolicy(
        auto_login=True, wrap_up_s=0, max_wrap_up_s=0, missed_limit=0, comfort="silence"
    )
