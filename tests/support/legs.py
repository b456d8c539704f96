"""Legs of a scene, to a phone that is dialled, and to one that has answered."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.calls.dialling import Caller
from engine.calls.leg import Leg, Role

from .leg_owner import LegOwner
from .phones.scripted import ScriptedPhone
from .scene import Scene, run_scene

Published = list[tuple[str, dict[str, Any]]]
Script = Callable[[Scene, Leg, Published], Awaitable[None]]

CALLER = Caller(None, "ringback")


def leg_to(
    stage: Scene,
    address: str = "sip:bob@127.0.0.1",
    *,
    leg_id: str = "leg-1",
    role: Role = "customer",
    owner: LegOwner | None = None,
) -> Leg:
    """A leg to `address`, in the registry of the scene and not dialled yet."""
    leg = Leg(
        leg_id=leg_id,
        role=role,
        destination=stage.services.dialplan.destination(address, field="to"),
        sip=stage.services.sip,
        media=stage.services.media,
        owner=owner or LegOwner(),
    )
    stage.services.registry.legs[leg_id] = leg
    return leg


async def dialled(
    stage: Scene, leg: Leg, *, ring_s: float = 30.0
) -> tuple[asyncio.Task[None], ScriptedPhone]:
    """Begin to dial the leg. Returns the dialling, and the phone, which has said nothing yet."""
    await leg.open()
    dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=ring_s))
    return dialling, await stage.phone()


async def dial(stage: Scene, leg: Leg, *, rings: bool = False) -> ScriptedPhone:
    """Dial the leg. Returns the phone, which has rung if it `rings`, and has answered."""
    dialling, phone = await dialled(stage, leg)
    if rings:
        phone.rings()
    phone.answers()
    await dialling
    return phone


async def answered(stage: Scene, leg: Leg) -> ScriptedPhone:
    """Dial the leg. Returns the phone, which has rung and answered."""
    return await dial(stage, leg, rings=True)


def run_leg(tmp_path: Path, script: Script) -> None:
    """Run a script with one leg to bob; it must give everything back."""

    async def with_leg(stage: Scene) -> None:
        owner = LegOwner()
        leg = leg_to(stage, owner=owner)
        await script(stage, leg, owner.published)
        await leg.release()
        stage.services.registry.legs.clear()
        assert leg.record.state == "ended"

    run_scene(tmp_path, with_leg)


def kinds(published: Published) -> list[str]:
    """The types of what was published."""
    return [kind for kind, _fields in published]
