"""Legs of a scene, to a phone that is dialled, and to one that has answered."""

import asyncio

from engine.calls.dialling import Caller
from engine.calls.leg import Leg, Role

from .leg_owner import LegOwner
from .phones.scripted import ScriptedPhone
from .scene import Scene

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


async def dial(stage: Scene, leg: Leg, *, rings: bool = False) -> ScriptedPhone:
    """Dial the leg. Returns the phone, which has rung if it `rings`, and has answered."""
    await leg.open()
    dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
    phone = await stage.phone()
    if rings:
        phone.rings()
    phone.answers()
    await dialling
    return phone
