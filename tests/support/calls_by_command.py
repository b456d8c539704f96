"""Calls by command around scripted phones, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from config.inbound import Inbound as Route
from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.calls.call import Call
from tests.support.phones.scripted import ScriptedPhone
from tests.support.reception import Reception, reception
from tests.support.scene import Scene, run_scene

NUMBER = "+442079460123"

Script = Callable[[Scene, ControlledCalls], Awaitable[None]]


def run_calls(tmp_path: Path, script: Script, **options: Any) -> None:
    """Run a script with calls by command. No leg or port may be left."""

    async def with_calls(stage: Scene) -> None:
        calls = ControlledCalls(stage.services, stage.admission, lambda: None)
        try:
            await script(stage, calls)
            assert await calls.idle(10_000.0)
        finally:
            await calls.stop()

    run_scene(tmp_path, with_calls, **options)


async def up(
    stage: Scene, calls: ControlledCalls, to: str, **more: Any
) -> tuple[Call, ScriptedPhone]:
    """A party that has been called and has answered."""
    call = await calls.originate(Origination(to=to, **more))
    phone = await stage.phone()
    phone.answers()
    phone.state = "confirmed"
    await asyncio.sleep(0.01)
    return call, phone


def leg_of(call: Call) -> str:
    """The id of its leg."""
    return call.legs[0].id


def handed_over(tmp_path: Path, script: Any, *routes: Route) -> Reception:
    """Run a script at a reception with these inbound routes."""
    return reception(tmp_path, script, routes=list(routes))


def call_id(desk: Reception) -> str:
    """The call that came in last."""
    return str(desk.stage.last("call.incoming")["call"])
