"""An agent as the control protocol shows them. Times are Unix seconds."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from config.agents import ReachedKind
from config.streams import shown_url

from .agent import AGENT_TRANSITIONS, Agent, AgentState, Wish


class AddressView(TypedDict):
    """One address of an agent."""

    uri: str
    """A sip: URI, a number that a route takes, or the URL of a service, without its query."""
    kind: ReachedKind
    """What rings there."""
    ring_s: float | None
    """How long it rings before the next address does; null: as the offer says."""
    enabled: bool
    """Whether it is rung."""
    confirm: str
    """The key that accepts a call there; empty: answering does."""


class AgentView(TypedDict):
    """An agent."""

    agent: str
    """The name."""
    state: AgentState
    """What they do now."""
    since: float
    """Since when."""
    reason: str | None
    """The reason of a pause, logout or return."""
    work: str | None
    """The job or call that they are on."""
    wish: Wish | None
    """The state that they asked for while on a call, and enter after it."""
    wish_reason: str | None
    """The reason that goes with it."""
    wrap_up_until: float | None
    """When the wrap-up ends by itself."""
    outcome_due: str | None
    """The job or call whose outcome they have to write back before they are available again."""
    missed: int
    """How many calls in a row they did not answer."""
    idle_since: float
    """Since when they have had no call."""
    last_ended_at: float | None
    """When their last call ended."""
    calls: int
    """Their calls of today."""
    talk_s: float
    """How long they talked today."""
    times: dict[AgentState, float]
    """Seconds in each state today."""
    skills: dict[str, int]
    """The level of each skill, 1 to 10."""
    centre: str | None
    """Where they work."""
    calendar: str | None
    """When they may be asked for by name: their hours and slots; null: always."""
    addresses: list[AddressView]
    """In the order in which they ring."""
    permanent: bool
    """Whether they stay on the phone between calls."""
    line: Literal["up", "down"] | None
    """The permanent line; null for an agent without one."""
    added: bool
    """Whether a command added them: the configuration has no such agent."""
    queues: Sequence[str]
    """The queues that they serve."""
    queue_priority: dict[str, int]
    """Their own priority in queues, where it is not 0: the higher, the sooner."""


def agent_view(agent: Agent, queues: Sequence[str], now: float) -> AgentView:
    """The agent as they are at `now`; `queues` are those that they serve."""
    return {
        "agent": agent.name,
        "state": agent.state,
        "since": agent.since,
        "reason": agent.reason,
        "work": agent.work,
        "wish": agent.wish,
        "wish_reason": agent.wish_reason,
        "wrap_up_until": agent.wrap_up_until,
        "outcome_due": agent.outcome_due,
        "missed": agent.missed_in_a_row,
        "idle_since": agent.idle_since,
        "last_ended_at": agent.last_ended_at,
        "calls": agent.calls,
        "talk_s": agent.time_in("talking", now),
        "times": {state: agent.time_in(state, now) for state in AGENT_TRANSITIONS},
        "skills": dict(agent.skills),
        "centre": agent.centre,
        "calendar": agent.calendar or None,
        "addresses": [
            {
                "uri": one.uri if one.stream is None else shown_url(one.uri),
                "kind": one.kind,
                "ring_s": one.ring_s,
                "enabled": one.enabled,
                "confirm": one.confirm,
            }
            for one in agent.all_addresses
        ],
        "permanent": agent.permanent,
        "line": ("up" if agent.line_up else "down") if agent.permanent else None,
        "added": agent.added,
        "queues": queues,
        "queue_priority": dict(agent.queue_priority),
    }
