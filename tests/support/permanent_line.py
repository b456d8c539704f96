"""A scene with an agent who stays on the line between calls."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from config.agents import AgentDefaults
from engine.acd.agents import AgentRegistry
from engine.calls.dialling import Caller
from engine.calls.leg import Leg
from engine.calls.legs.agent_lines import AgentLines
from engine.calls.legs.permanent_leg import PermanentLegs
from engine.routing.admission import Admission
from engine.routing.media_policy import MediaPolicy

from .floor import agent
from .leg_owner import LegOwner
from .phones.scripted import ScriptedPhone
from .scene import Scene, run_scene


class PermanentLine:
    """Anna, who stays on the line, and her phone."""

    def __init__(self, stage: Scene, **settings: Any) -> None:
        self.stage = stage
        services = stage.services
        configured = agent("anna", **({"permanent": True} | settings))
        self.agents = services.agents = AgentRegistry(
            [configured], defaults=AgentDefaults(), events=services.events
        )
        services.dialplan.set_agent("anna", configured.reached_at, media=MediaPolicy.of(configured))
        self.owner = LegOwner()
        self.lines = services.lines = AgentLines(
            self.agents,
            sip=services.sip,
            media=services.media,
            registry=services.registry,
            hold=services.hold,
        )
        self.legs = PermanentLegs(services, Admission())
        self.agents.start()
        self.legs.start()

    @property
    def state(self) -> str:
        return self.agents.known("anna").state

    async def is_up(self) -> ScriptedPhone:
        """Her phone has answered."""
        phone = await self.stage.phone()
        phone.answers()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return phone

    def borrow(self) -> Leg:
        leg = self.lines.borrow("anna", self.owner)
        assert leg is not None
        return leg

    async def in_call(self) -> Leg:
        """The leg of a call that has borrowed it, and goes on."""
        leg = self.borrow()
        await leg.open()
        await leg.dial(caller=Caller(None, default="ringback"), ring_s=20.0)
        return leg

    async def close(self) -> None:
        await self.legs.stop()
        self.stage.assert_nothing_left()


def run_line(
    tmp_path: Path, script: Callable[[PermanentLine], Awaitable[None]], **settings: Any
) -> None:
    """Run a script with the permanent line of anna, and close it."""

    async def with_line(stage: Scene) -> None:
        line = PermanentLine(stage, **settings)
        await script(line)
        await line.close()

    run_scene(tmp_path, with_line)
