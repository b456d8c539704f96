"""A callback between two wire phones that talk, at any kind of engine process."""

import asyncio
from typing import Any, NamedTuple

from .engines.process import EngineClient
from .phones.wire.phone import MakeWire, WireCall

AGENT_HZ, CUSTOMER_HZ = 600, 1500
"""The tones of the two, unless a test wants others or none."""

TONES = (AGENT_HZ, CUSTOMER_HZ)
SILENT = (None, None)


class Talk(NamedTuple):
    """The job, and the call as each of the two phones has it."""

    job: str
    agent: WireCall
    customer: WireCall


async def begin_talk(
    engine: EngineClient,
    wire: MakeWire,
    *,
    tones: tuple[float | None, float | None] = SILENT,
    ring_s: float = 0.0,
    **callback: Any,
) -> Talk:
    """Call a new agent, then a new customer, whose phone rings for `ring_s`; they are joined."""
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, **callback)
    agent = await agent_phone.answer(tone_hz=tones[0])
    customer = await customer_phone.answer(ring_s=ring_s, tone_hz=tones[1])
    await engine.state("bridged", job)
    return Talk(job, agent, customer)


async def begin_loud_talk(engine: EngineClient, wire: MakeWire) -> Talk:
    """A talk in which each has sent its tone for a moment."""
    talk = await begin_talk(engine, wire, tones=TONES)
    await asyncio.sleep(0.3)
    return talk


async def end_talk(engine: EngineClient, job: str, agent: WireCall) -> None:
    """The agent hangs up, and the job is completed."""
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
