"""Callers who go through scripts: what they press, and how their call ends."""

import asyncio
from pathlib import Path
from typing import Any

from config.inbound import Inbound as Route
from config.scripts import Script
from engine.scripts.actions import EndWord
from media.protocol.messages import Dtmf
from tests.support.reception import Reception, reception
from tests.support.scripts import script, step

CALLER = "+442079461111"
SHOP = Route(name="shop", queue="sales", script="test", context={"pin": "4711"})
CONNECT = step("go", "connect")


async def press(desk: Reception, *keys: str) -> None:
    """The caller presses keys, one after the other."""
    (call,) = desk.stage.services.registry.calls.values()
    for key in keys:
        await asyncio.sleep(0.5)
        call.legs[0].on_media(Dtmf(call.legs[0].id, key, 100))
    await asyncio.sleep(0.5)


def run(
    tmp_path: Path,
    conduct: Any,
    *steps: Any,
    route: Route = SHOP,
    others: tuple[Script, ...] = (),
    **more: Any,
) -> Reception:
    """A call that comes in and goes through a script of these steps, as `conduct` has it."""

    async def with_prompts(desk: Reception) -> None:
        desk.stage.media.ends_announcements = True
        await conduct(desk)

    limits = {name: more.pop(name) for name in ("max_s", "max_steps") if name in more}
    scripts = (script(*steps, **limits), *others)
    return reception(tmp_path, with_prompts, routes=[route], scripts=scripts, **more)


def ended(desk: Reception) -> tuple[str, str]:
    """The result of the call, and its cause."""
    found = desk.stage.last("call.ended")
    return found["result"], found["cause"]


def last_script(desk: Reception) -> tuple[EndWord, list[str]]:
    """How the one script of the call ended, and the steps that it went."""
    (one,) = desk.stage.last("call.ended")["scripts"]
    return one["result"], one["path"]


MENU = step("menu", "menu", keys={"1": "go", "2": "bye"}, timeout_s=5.0, tries=2)
BYE = step("bye", "hangup", text="Goodbye.", cause="as they wished")
