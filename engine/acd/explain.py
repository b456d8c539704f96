"""Explain which agents could take an entry now, and why the others could not. A dry run."""

from collections.abc import Iterator
from typing import Any, TypedDict

from .agent_pool import AgentPool, PooledAgent
from .matching.matcher import Matcher
from .matching.waiting_index import Profile
from .queue import CallQueue
from .queue_entry import Entry, Scope
from .staffing import Service
from .waiting import Leave, Offer, Waiting

MOST_AGENTS = 200
# How many free agents a sentence names one by one.
MOST_NAMED = 3


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
    can_take = queue.centre_can_take(entry, matcher.presence)
    entry.centre = waiting.centre or queue.shares.next(
        waiting.number, waiting.region, now, can_take
    )
    return _sorted(_agents_for(matcher, pool, entry, queue, now))


def of_entry(matcher: Matcher, pool: AgentPool, entry: Entry, now: float) -> list[CouldTake]:
    """The same for an entry that waits."""
    return _sorted(_agents_for(matcher, pool, entry, matcher.queues.named(entry.queue), now))


def why_waiting(matcher: Matcher, pool: AgentPool, queue: CallQueue, now: float) -> str | None:
    """Why the first who waits in `queue` waits although an agent who serves it is free, in words.

    None where nobody waits, or no such agent is free.
    """
    first = next(queue.waiting_index.first(queue.order, 1), None)
    if first is None:
        return None
    reasons: dict[str, list[str]] = {}
    for one in _agents_for(matcher, pool, first, queue, now, only_free=True):
        reasons.setdefault(one["why_not"] or "is about to be offered it", []).append(one["agent"])
    if not reasons:
        return None
    words = "; ".join(f"{_named(names)}: {reason}" for reason, names in reasons.items())
    return f"{first.id} waits although an agent is free: {words}"


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _sorted(agents: Iterator[CouldTake]) -> list[CouldTake]:
    return sorted(agents, key=lambda one: not one["could"])[:MOST_AGENTS]


def _agents_for(
    matcher: Matcher,
    pool: AgentPool,
    entry: Entry,
    queue: CallQueue,
    now: float,
    *,
    only_free: bool = False,
) -> Iterator[CouldTake]:
    scope, _changes_at = queue.scope(entry, now, matcher.presence)
    held_back = queue.held_back(now)
    free = matcher.free_agents.by_name
    for agent in pool.all():
        if only_free and (agent.name not in free or agent.state != "available"):
            continue
        profile = matcher.free_agents.profile(agent)
        service = profile.serves.get(queue.name or "")
        if service is None and not (scope.only and agent.name in scope.only):
            continue
        why_not = (
            _why_not(profile, scope, service, queue)
            or _not_now(agent, entry, now)
            or (held_back if agent.state == "available" else agent.state.replace("_", " "))
        )
        yield {
            "agent": agent.name,
            "state": agent.state,
            "could": why_not is None,
            "why_not": why_not,
        }


def _not_now(agent: PooledAgent, entry: Entry, now: float) -> str | None:
    """Why a free agent who may take the entry is not asked again yet."""
    until = entry.missed.get(agent.name, now)
    if agent.state != "available" or until <= now:
        return None
    return f"did not take it, and is asked again in {until - now:.0f} s"


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
        on_offer=_never_called,
        on_leave=_never_called,
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


def _never_called(_what: Offer | Leave) -> None:
    raise AssertionError("nobody waits here")


def _why_not(
    profile: Profile, scope: Scope, service: Service | None, queue: CallQueue
) -> str | None:
    """Why the agent may not take an entry of this scope, whether they are free or not."""
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
    return None
