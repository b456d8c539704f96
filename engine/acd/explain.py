"""Explain which agents could take an entry now, and why the others could not. A dry run."""

from typing import Any, TypedDict

from .agent_pool import AgentPool
from .matcher import Matcher
from .queue import CallQueue
from .queue_entry import Entry, Scope
from .staffing import Service
from .waiting import Leave, Offer, Waiting
from .waiting_index import Profile

MOST_AGENTS = 200


class CouldTake(TypedDict):
    """One agent, and whether they could take a given entry now."""

    agent: str
    """The name."""
    state: str
    """What they do now."""
    could: bool
    """Whether they could take it now."""
    why_not: str | None
    """Why not, in words."""


def could_take(matcher: Matcher, pool: AgentPool, waiting: Waiting, now: float) -> list[CouldTake]:
    """Each agent who may ever serve `waiting`: whether they could now, and if not, why.

    Those who could come first. Raises EngineError `not_found` where there is no such queue.
    """
    queue = matcher.queues.named(waiting.queue)
    entry = Entry(
        waiting=waiting,
        seq=0,
        arrived_at=now,
        entered_at=waiting.joined_at,
        priority=waiting.priority,
        queue=waiting.queue,
        skills=dict(waiting.skills),
    )
    queue.receive(entry)
    entry.centre = waiting.centre or queue.shares.next(waiting.number, waiting.region, now)

    def is_logged_in(name: str) -> bool:
        agent = pool.get(name)
        return agent is not None and agent.state != "logged_out"

    scope, _changes_at = queue.scope(entry, now, is_logged_in)
    held_back = queue.held_back(now)
    found: list[CouldTake] = []
    for agent in pool.all():
        profile = matcher.free_agents.profile(agent)
        service = profile.serves.get(queue.name or "")
        if service is None and not (scope.only and agent.name in scope.only):
            continue
        why_not = _why_not(profile, scope, service, queue, held_back)
        found.append(
            {
                "agent": agent.name,
                "state": agent.state,
                "could": why_not is None,
                "why_not": why_not,
            }
        )
    found.sort(key=lambda one: not one["could"])
    return found[:MOST_AGENTS]


def waiting_as_if(
    *,
    kind: str,
    queue: str | None,
    agent: str | None,
    now: float,
    priority: int,
    skills: dict[str, int],
    number: str | None,
    region: str | None,
    context: dict[str, Any],
    known_agent: str | None,
    centre: str | None,
    known_agent_s: float | None = None,
) -> Waiting:
    """An entry that might wait; no function of it is called."""
    return Waiting(
        id="",
        kind="call" if kind == "call" else "callback",
        on_offer=_not_told,
        on_leave=_not_told,
        queue=queue,
        agent=agent,
        joined_at=now,
        priority=priority,
        skills=skills,
        number=number,
        region=region,
        context=context,
        known_agent=known_agent,
        known_agent_s=known_agent_s,
        centre=centre,
    )


def _not_told(_what: Offer | Leave) -> None:
    raise AssertionError("nobody waits here")


def _why_not(
    profile: Profile, scope: Scope, service: Service | None, queue: CallQueue, held_back: str | None
) -> str | None:
    state = profile.agent.state
    if scope.only is not None:
        if profile.name not in scope.only:
            return f"kept for {' or '.join(scope.only)}"
    elif service is not None and not profile.is_within(scope, service):
        _is_own, tier = service
        if scope.centre is not None and profile.centre != scope.centre:
            return f"the turn of centre {scope.centre}"
        return (
            f"helps from {queue.config.tiers[tier - 1].after_s:g} s of waiting on"
            if (0 < tier <= len(queue.config.tiers))
            else "helps only after an overflow"
        )
    elif not profile.has(scope.names, scope.levels):
        lacking = [
            f"{name} {level}"
            for name, level in zip(scope.names, scope.levels, strict=True)
            if profile.skills.get(name, 0) < level
        ]
        return f"lacks {', '.join(lacking)}"
    return held_back if state == "available" else state.replace("_", " ")
