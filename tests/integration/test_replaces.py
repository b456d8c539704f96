"""Calls that take the place of a party (RFC 3891): who may, and what the other party hears."""

import asyncio
import time

import pytest

from tests.integration.test_transfer import hears, notified, refer
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire, WireCall
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, TONES, begin_talk

CAROL_HZ = 2200


def tag_of(value: str) -> str:
    return value.partition("tag=")[2].partition(";")[0]


def replaces(call: WireCall, **changes: str) -> tuple[tuple[str, str], ...]:
    """The headers that name this call of a phone to the engine that called it."""
    members = {
        "call_id": call.invite["call-id"],
        "to": tag_of(call.invite["from"]),
        "from": call.tag,
        **changes,
    }
    value = "{call_id};to-tag={to};from-tag={from}".format(**members)
    return ("replaces", value), ("require", "replaces")


def take_place(
    engine: EngineClient, wire: MakeWire, call: WireCall, *, user: str = "carol", **changes: str
) -> WireOutgoing:
    """A phone calls the engine to take the place of this call."""
    headers = replaces(call, **changes)
    return WireOutgoing.place(wire(user), engine.process.sip_port, "anybody", headers=headers)


async def test_a_phone_takes_the_place_of_the_agents(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    carol = take_place(engine, wire, agent)
    await carol.answered()
    await agent.receive("BYE")
    carol.rtp.send_tone(CAROL_HZ)
    replaced = await engine.event("leg.replaced", job)
    assert (replaced["uri"], replaced["from_uri"]) == (carol.phone.uri, agent.phone.uri)
    completed = await engine.event("transfer.completed", job)
    assert (completed["how"], completed["by"], completed["to"]) == (
        "replaces",
        "phone",
        carol.phone.uri,
    )
    await hears(customer, carol, CAROL_HZ)
    # The old phone goes on to send: nobody hears it.
    agent.rtp.send_tone(AGENT_HZ)
    since = time.time()
    await asyncio.sleep(0.4)
    assert not customer.rtp.heard(since).hears(AGENT_HZ)
    carol.bye()
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["cause"]) == ("completed", "agent hung up")
    assert len(record["attempts"][0]["legs"]) == 2


async def test_an_attended_transfer_between_phones(engine: EngineClient, wire: MakeWire) -> None:
    """The agent's phone sends REFER to a colleague: the colleague's calls us in its place."""
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    await asyncio.sleep(0.2)
    agent.reinvite("sendonly")
    await engine.event("leg.held", job)
    carol = take_place(engine, wire, agent)
    await carol.answered()
    await agent.receive("BYE")
    await engine.event("leg.resumed", job)
    carol.rtp.send_tone(CAROL_HZ)
    await hears(customer, carol, CAROL_HZ)
    # What it has become may be transferred again.
    refer(carol, customer.phone.uri)
    await carol.receive("403")
    dave_phone = wire("dave")
    refer(carol, dave_phone.uri)
    await carol.receive("202")
    dave = await dave_phone.answer()
    assert await notified(carol, 1) == "SIP/2.0 100 Trying"
    assert await notified(carol, 2) == "SIP/2.0 200 OK"
    customer.bye()
    await dave.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_ringing_phone_is_picked_up_by_another(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.called()
    agent.ring()
    await engine.event("leg.ringing", job)
    carol = take_place(engine, wire, agent)
    await carol.answered()
    carol.rtp.send_tone(CAROL_HZ)
    await agent.receive("CANCEL")
    agent.respond(487)
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    await engine.state("bridged", job)
    await hears(customer, carol, CAROL_HZ)
    customer.bye()
    await carol.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"call_id": "guessed"}, "481"),
        ({"to": "guessed"}, "481"),
        ({"from": "guessed"}, "481"),
        ({"to": ""}, "400"),
    ],
)
async def test_the_dialog_of_somebody_else(
    changes: dict[str, str], status: str, engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    carol = take_place(engine, wire, agent, **changes)
    assert (await carol.refused()).what == status
    await hears(customer, agent, AGENT_HZ)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_call_of_another_trunk_is_not_replaced(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """The tags of a call are no proof: who calls must be a peer as the party itself is."""
    one, two = wire("+442079461111"), wire("two", host="127.0.0.3")
    engine = await own_engine(
        trunks=[
            {"name": "one", "uri": f"sip:127.0.0.1:{one.port}"},
            {"name": "two", "uri": f"sip:127.0.0.3:{two.port}"},
        ],
        inbound=[{"name": "shop", "number": "+442079460000", "queue": "sales"}],
        queues=[{"name": "sales"}],
    )
    caller = WireOutgoing.place(one, engine.process.sip_port, "+442079460000")
    ok = await caller.answered()
    named = (
        ("replaces", f"{caller.invite['call-id']};to-tag={tag_of(ok['to'])};"
                     f"from-tag={tag_of(caller.invite['from'])}"),
    )  # fmt: skip
    stranger = WireOutgoing.place(two, engine.process.sip_port, "+442079460000", headers=named)
    assert (await stranger.refused()).what == "403"
    refused = await engine.line.events.wait_for(lambda event: event["type"] == "call.refused")
    assert (refused["sip_status"], refused["trunk"]) == (403, "two")
    # The PBX of the caller may: it moves them to another of its phones, who waits in their place.
    moved = WireOutgoing.place(one, engine.process.sip_port, "+442079460000", headers=named)
    await moved.answered()
    await caller.receive("BYE")
    moved.bye()
    await engine.line.events.wait_for(lambda event: event["type"] == "call.ended")
    await engine.assert_idle()


async def test_an_offer_that_cannot_be_used(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    carol = WireOutgoing.place(
        wire("carol"),
        engine.process.sip_port,
        "anybody",
        headers=replaces(agent),
        body=body + "m=audio 4000 RTP/AVP 18\r\n",
    )
    assert (await carol.refused()).what == "488"
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"
