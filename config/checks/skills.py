"""Skills that a request or rule needs and no agent has: its entry would wait without end."""

from collections.abc import Iterable, Iterator, Mapping

from ..agents import Agent
from ..all_sections import AllSections
from ..errors import Fault
from ..queues import Queue


def skill_faults(settings: AllSections) -> Iterator[Fault]:
    """A fault for each queue, inbound route and rule that needs what no agent of it can do.

    Where no agent is configured, agents are added by command, and nothing is known of them.
    """
    queues = {queue.name: queue for queue in settings.queues}
    served = {name: _agents_of(queue, settings) for name, queue in queues.items()}
    for index, queue in enumerate(settings.queues):
        yield from _fault(f"queues[{index}].skills", queue.skills, queue, served[queue.name])
    for index, route in enumerate(settings.inbound):
        entered = queues.get(route.queue)
        if entered is not None and route.skills:
            needed = {**entered.skills, **route.skills}
            yield from _fault(f"inbound[{index}].skills", needed, entered, served[entered.name])
    for index, rule in enumerate(settings.rules):
        needed = rule.set.skills or {}
        into = queues.get(rule.set.queue or "")
        agents = settings.agents if into is None else served[into.name]
        yield from _fault(f"rules[{index}].set.skills", needed, into, agents)


def _agents_of(queue: Queue, settings: AllSections) -> list[Agent]:
    """Everybody who may ever be offered an entry of a queue."""
    names, queues = set(queue.agents), {queue.name}
    centres = {step.centre for step in queue.overflow if step.centre}
    for tier in queue.tiers:
        names.update(tier.agents)
        queues.update(tier.queues)
        centres.update(tier.centres)
    for other in settings.queues:
        if other.name in queues:
            names.update(other.agents)
    return [
        agent
        for agent in settings.agents
        if agent.name in names or queues & set(agent.queues) or agent.centre in centres
    ]


def _fault(
    key: str, needed: Mapping[str, int], queue: Queue | None, agents: Iterable[Agent]
) -> Iterator[Fault]:
    lowered = sum(tier.lower_skills for tier in queue.tiers) if queue else 0
    agents = list(agents)
    left = {skill: level - lowered for skill, level in needed.items() if level > lowered}
    if not left or not agents:
        return
    if any(all(agent.skills.get(s, 0) >= level for s, level in left.items()) for agent in agents):
        return
    wanted = ", ".join(f"{skill} = {level}" for skill, level in sorted(left.items()))
    yield Fault(key, f"no agent has {wanted}, so nobody could be offered it")
