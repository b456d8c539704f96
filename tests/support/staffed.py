"""A scene with real agents and queues, on the virtual clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from config.agents import Agent, AgentDefaults
from config.queues import Queue
from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.callbacks.dispatcher import Dispatcher
from engine.routing.hours.opening_hours import OpeningHours

from .scene import Scene, run_scene


def staff(
    stage: Scene,
    *names: str,
    queues: Sequence[Queue] = (),
    calendars: dict[str, OpeningHours] | None = None,
    defaults: dict[str, Any] | None = None,
    **agent: Any,
) -> AgentRegistry:
    """Give the scene agents of these names, logged in, and queues that run."""
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


def run_with_staff(
    directory: Path,
    script: Callable[[Scene, Dispatcher, AgentRegistry], Awaitable[None]],
    *names: str,
    queues: Sequence[Queue] = (),
    staffing: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """Run a script with agents of these names (alice), queue sales, and a dispatcher.

    `staffing` is for `staff`, `options` for the scene. In the end nobody may wait or be on a call.
    """
    names = names or ("alice",)

    async def with_staff(stage: Scene) -> None:
        known = queues or (Queue(name="sales", agents=list(names), ring_s=20.0),)
        agents = staff(stage, *names, queues=known, **(staffing or {}))
        await script(stage, stage.dispatcher(asyncio.get_running_loop().time), agents)
        await asyncio.sleep(0.1)
        assert_nobody_is_held(agents)
        assert not stage.services.queues.matcher.entries

    run_scene(directory, with_staff, agents=names, **options)
