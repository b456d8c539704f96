"""Callers of a shop: its route, the key for a callback, and a talk with its agent."""

import asyncio

from config.inbound import Inbound as Route
from media.protocol.messages import Dtmf
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone
from tests.support.reception import Reception

CALLER = "+442079461111"
SHOP = Route(name="shop", queue="sales", whisper="For {context.site}", context={"site": "shop"})
KEY = {"callback_digit": "1", "texts": {"callback_taken": "Bye.", "callback_refused": "No."}}


async def talking(desk: Reception) -> tuple[ScriptedCaller, ScriptedPhone]:
    """A caller who has been joined with an agent."""
    caller = await desk.waiting()
    agent = await desk.answering_agent()
    await asyncio.sleep(3)
    return caller, agent


def presses(desk: Reception, digit: str, nth: int = 0) -> None:
    """The nth leg that is up presses a key."""
    leg = list(desk.stage.services.registry.legs.values())[nth]
    leg.on_media(Dtmf(leg.id, digit, 100))
