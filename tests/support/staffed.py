"""A scripted switchboard with real agents and queues, on the virtual clock."""

import asyncio
from collections.abc import Sequence
from typing import Any

from config.agents import Agent, AgentDefaults
from config.queues import Queue
from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.routing.opening_hours import OpeningHours

from .scene import Scene


def staff(
    stage: Scene,
    *names: str,
    queues: Sequence[Queue] = (),
    calendars: dict[str, OpeningHours] | None = None,
    defaults: dict[str, Any] | None = None,
    **agent: Any,
) -> AgentRegistry:
    """Give the switchboard agents of these names, logged in, and queues that run."""
    loop = asyncio.get_running_loop()
    services = stage.services
    services.agents = AgentRegistry(
        [Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080", **agent) for name in names],
        defaults=AgentDefaults(**(defaults or {})),
        events=services.events,
        clock=loop.time,
    )
    services.queues = Queues(
        services.agents, services.events, ring_s=services.dial.ring_s, clock=loop.time
    )
    services.queues.start(queues, calendars=calendars)
    services.agents.start()
    return services.agents


def assert_nobody_is_held(agents: AgentRegistry) -> None:
    """No agent is reserved, rung or talking when all is over."""
    assert {agent.name: agent.state for agent in agents if agent.is_on_work} == {}
