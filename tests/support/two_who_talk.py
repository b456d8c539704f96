"""Two who talk in virtual time: a callback whose agent and customer were joined."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.call import TransferOrder
from engine.job import Job

from .jobs import callback_job
from .phones.scripted import ScriptedPhone
from .scene import Scene
from .staffed import run_with_staff

CAROL = "sip:carol@127.0.0.1"


class Stage:
    """A callback whose agent and customer talk."""

    def __init__(
        self, scene: Scene, dispatcher: Dispatcher, agents: AgentRegistry, job: Job
    ) -> None:
        self.scene = scene
        self.dispatcher = dispatcher
        self.agents = agents
        self.job = job
        self.agent: ScriptedPhone
        self.customer: ScriptedPhone

    async def begin(self) -> None:
        self.dispatcher.submit(self.job)
        self.agent = await self.scene.phone()
        self.agent.answers()
        self.customer = await self.scene.phone()
        self.customer.answers()
        await asyncio.sleep(0.1)
        assert self.job.state == "bridged"

    def transfer(self, to: str = CAROL, **order: Any) -> None:
        """As call.transfer does."""
        (call,) = self.scene.services.registry.calls.values()
        attempt = self.dispatcher.callback_of(call.id)
        assert attempt is not None
        plan = self.scene.services.dialplan
        destination = None
        if not order.pop("is_queue", False):
            is_agent = plan.is_agent(to)
            destination = (
                plan.agent_destinations(to)[0] if is_agent else plan.destination(to, field="to")
            )
        attempt.transfer(TransferOrder(order.pop("leg", None), to, destination, **order))

    def last(self, kind: str) -> dict[str, Any]:
        return self.scene.last(kind)

    async def completed(self) -> Job:
        await self.scene.ended(self.job)
        assert self.job.state == "completed"
        return self.job


def run_talk(
    tmp_path: Path,
    script: Callable[[Stage], Awaitable[None]],
    *names: str,
    options: dict[str, Any] | None = None,
    **job: Any,
) -> None:
    """Run a script with two who talk. `options` are those of `run_with_staff`."""

    async def with_talk(scene: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        stage = Stage(scene, dispatcher, agents, callback_job(**job))
        await stage.begin()
        await script(stage)

    run_with_staff(tmp_path, with_talk, *names, **(options or {}))
