"""Transfers over real sockets: by REFER of a phone and by command, answered and not."""

import asyncio
import time
from urllib.parse import unquote

import pytest

from tests.support.control_line import Refused
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.message import WireMessage, audio_address
from tests.support.phones.wire.phone import MakeWire, WireCall
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, TONES, begin_talk
from tests.support.waiting import DEADLINE_S

CAROL_HZ = 2200


async def hears(customer: WireCall, other: WireCall, hz: float) -> None:
    """The customer hears the tone of the other, who hears the customer's. A busy machine is given
    time to play them without a gap."""
    until = time.monotonic() + DEADLINE_S
    while True:
        since = time.time() + 0.1
        await asyncio.sleep(0.6)
        heard = customer.rtp.heard(since).hears(hz), other.rtp.heard(since).hears(CUSTOMER_HZ)
        if all(heard):
            return
        assert time.monotonic() < until, f"heard by customer and other: {heard}"


def refer(call: WireCall, target: str, **headers: str) -> None:
    """The phone asks that its partner be connected with `target`."""
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    call.request("REFER", headers=(("Refer-To", f"<{target}>"), *fields))


async def notified(call: WireCall, nth: int) -> str:
    """The nth NOTIFY, answered: what it says."""
    notify = await call.receive("NOTIFY", nth=nth)
    call.respond(200, request=notify)
    return notify.body.strip()


async def test_a_phone_transfers_its_partner_by_refer(engine: EngineClient, wire: MakeWire) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    refer(agent, carol_phone.uri)
    assert (await agent.receive("202")).what == "202"
    assert await notified(agent, 1) == "SIP/2.0 100 Trying"
    started = await engine.event("transfer.started", job)
    assert (started["by"], started["mode"], started["to"]) == ("phone", "blind", carol_phone.uri)
    carol = await carol_phone.answer(tone_hz=CAROL_HZ)
    assert await notified(agent, 2) == "SIP/2.0 200 OK"
    completed = await engine.event("transfer.completed", job)
    await agent.receive("BYE")
    await hears(customer, carol, CAROL_HZ)
    assert carol.invite["x-ringback-job"]
    call = await engine.line.call("call.get", call=completed["call"])
    assert call["state"] == "bridged"
    customer.bye()
    await carol.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["cause"]) == ("completed", "customer hung up")
    assert len(record["attempts"][0]["legs"]) == 3


async def test_the_two_talk_again_when_nobody_answers(engine: EngineClient, wire: MakeWire) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    refer(agent, carol_phone.uri)
    await agent.receive("202")
    await carol_phone.refuse(486, "Busy Here")
    assert await notified(agent, 1) == "SIP/2.0 100 Trying"
    assert await notified(agent, 2) == "SIP/2.0 486 Busy Here"
    failed = await engine.event("transfer.failed", job)
    assert (failed["result"], failed["sip_status"]) == ("busy", 486)
    await hears(customer, agent, AGENT_HZ)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_where_a_phone_may_not_transfer_to(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    for nth, target in enumerate(
        [
            "sip:+449091234567@192.0.2.66",
            "tel:+449091234567",
            "sip:carol@192.0.2.66",
            agent.phone.uri,
            customer.phone.uri,
            "mailto:carol@example.com",
        ],
        start=1,
    ):
        refer(agent, target)
        refused = await agent.receive("403", nth=nth)
        assert refused["warning"], target
    assert not [one for one in engine.line.events.items if one["type"] == "transfer.started"]
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_storm_of_referrals_calls_one_phone_once(
    engine: EngineClient, wire: MakeWire
) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    for _ in range(20):
        refer(agent, carol_phone.uri)
    await agent.receive("202")
    await agent.receive("491", nth=19)
    carol = await carol_phone.called()
    assert len([one for one in carol_phone.messages.items if one.what == "INVITE"]) == 1
    carol.respond(603, "Decline")
    await engine.event("transfer.failed", job)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_phone_that_hangs_up_at_once_leaves_its_partner_to_the_third(
    engine: EngineClient, wire: MakeWire
) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    refer(agent, carol_phone.uri, Refer_Sub="false")
    await agent.receive("200", nth=1)
    agent.bye()
    carol = await carol_phone.answer()
    await engine.event("transfer.completed", job)
    carol.bye()
    await customer.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_transfer_by_command_to_an_agent(own_engine: StartEngine, wire: MakeWire) -> None:
    alice_phone, bob_phone, customer_phone = wire("alice"), wire("bob"), wire("customer")
    engine = await own_engine(
        agents=[
            {"name": "alice", "uri": alice_phone.uri},
            {"name": "bob", "uri": bob_phone.uri},
        ]
    )
    job = await engine.callback(customer_phone.uri, "alice")
    alice = await alice_phone.answer()
    customer = await customer_phone.answer()
    bridged = await engine.event("callback.bridged", job)
    call = bridged["call"]
    with pytest.raises(Refused):
        await engine.line.call("call.transfer", call=call, to="sip:x@192.0.2.66")
    with pytest.raises(Refused):
        await engine.line.call("call.transfer", call=call, to="1", agent="bob")
    await engine.line.call("call.transfer", call=call, agent="bob")
    bob = await bob_phone.answer()
    await alice.receive("BYE")
    completed = await engine.event("transfer.completed", job)
    assert (completed["to"], completed["by"], completed["how"]) == ("bob", "command", "bridge")
    bob.bye()
    await customer.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_an_attended_transfer_by_command(engine: EngineClient, wire: MakeWire) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    call = (await engine.event("callback.bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol_phone.uri, mode="attended")
    carol = await carol_phone.answer()
    await asyncio.sleep(0.3)
    assert not [one for one in engine.line.events.items if one["type"] == "transfer.completed"]
    agent.bye()
    await engine.event("transfer.completed", job)
    customer.bye()
    await carol.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_an_attended_transfer_that_the_third_refuses(
    engine: EngineClient, wire: MakeWire
) -> None:
    carol_phone = wire("carol")
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    call = (await engine.event("callback.bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol_phone.uri, mode="attended")
    carol = await carol_phone.answer()
    carol.bye()
    await engine.event("transfer.failed", job)
    agent.bye()
    await customer.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_a_caller_of_a_trunk_is_transferred_by_the_agents_phone(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """The caller has session timers and reliable responses; the agent transfers to an extension."""
    alice_phone, bob_phone, trunk = wire("alice"), wire("bob"), wire("+442079461111")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{trunk.port}", "session_expires_s": 600}],
        inbound=[{"name": "shop", "number": "+442079460000", "queue": "sales"}],
        queues=[{"name": "sales"}],
        agents=[
            {"name": "alice", "uri": alice_phone.uri, "queues": ["sales"]},
            {"name": "bob", "uri": bob_phone.uri},
        ],
    )
    caller = WireOutgoing.place(
        trunk,
        engine.process.sip_port,
        "+442079460000",
        headers=(("supported", "100rel, timer"), ("session-expires", "7200")),
    )
    ringing = await caller.receive("180")
    caller.remote_to = ringing["to"]
    caller.request("PRACK", headers=(("RAck", f"{ringing['rseq']} 1 INVITE"),))
    ok = await trunk.messages.wait_for(lambda m: m.what == "200" and m["cseq"] == "1 INVITE")
    assert ok["session-expires"] == "600;refresher=uac"
    caller.rtp.remote = audio_address(ok.body)
    caller.acknowledge_ok(ok)
    alice = await alice_phone.answer(tone_hz=AGENT_HZ)
    bridged = await engine.line.events.wait_for(lambda event: event["type"] == "call.bridged")
    # What a user would dial: the engine's own address, and the name of an agent.
    refer(alice, f"sip:bob@127.0.0.1:{engine.process.sip_port}")
    bob = await bob_phone.answer(tone_hz=CAROL_HZ)
    await alice.receive("BYE")
    caller.rtp.send_tone(CUSTOMER_HZ)
    await hears(caller, bob, CAROL_HZ)
    bob.bye()
    await caller.receive("BYE")
    ended = await engine.line.events.wait_for(lambda event: event["type"] == "call.ended")
    assert (ended["call"], ended["result"]) == (bridged["call"], "completed")
    assert len(ended["legs"]) == 3
    await engine.assert_idle()


async def answer_refer(call: WireCall, status: int = 202) -> WireMessage:
    refer = await call.receive("REFER")
    call.respond(status, request=refer)
    return refer


def tell(call: WireCall, line: str, *, is_over: bool = True) -> None:
    """NOTIFY: how the call goes that the REFER has asked for."""
    state = "terminated;reason=noresource" if is_over else "active;expires=60"
    call.request(
        "NOTIFY",
        f"SIP/2.0 {line}\r\n",
        content_type="message/sipfrag;version=2.0",
        headers=(("Event", "refer"), ("Subscription-State", state)),
    )


async def test_a_transfer_by_refer(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    carol_phone = wire("carol")
    call = (await engine.event("callback.bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol_phone.uri, how="refer")
    referred = await answer_refer(customer)
    assert referred["refer-to"] == f"<{carol_phone.uri}>"
    tell(customer, "180 Ringing", is_over=False)
    await customer.receive("200", nth=1)
    await asyncio.sleep(0.3)
    assert not [one for one in engine.line.events.items if one["type"] == "transfer.completed"]
    assert not carol_phone.messages.items, "the phone calls her, not we"
    tell(customer, "200 OK")
    await engine.event("transfer.completed", job)
    await agent.receive("BYE")
    await customer.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["cause"]) == ("completed", "transferred")


async def test_after_a_refer_that_fails_the_two_talk_again(
    engine: EngineClient, wire: MakeWire
) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    carol_phone = wire("carol")
    call = (await engine.event("callback.bridged", job))["call"]
    with pytest.raises(Refused):
        await engine.line.call("call.transfer", call=call, to="sip:x@192.0.2.66", how="refer")
    with pytest.raises(Refused):
        await engine.line.call("call.transfer", call=call, queue="sales", how="refer")
    await engine.line.call("call.transfer", call=call, to=carol_phone.uri, how="refer")
    await answer_refer(customer)
    tell(customer, "486 Busy Here")
    failed = await engine.event("transfer.failed", job)
    assert (failed["result"], failed["sip_status"]) == ("busy", 486)
    await hears(customer, agent, AGENT_HZ)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_an_attended_transfer_by_refer(engine: EngineClient, wire: MakeWire) -> None:
    job, agent, customer = await begin_talk(engine, wire, tones=TONES)
    carol_phone = wire("carol")
    call = (await engine.event("callback.bridged", job))["call"]
    await engine.line.call(
        "call.transfer", call=call, to=carol_phone.uri, how="refer", mode="attended"
    )
    carol = await carol_phone.answer()
    await engine.line.events.wait_for(
        lambda event: event["type"] == "leg.answered" and event["uri"] == carol_phone.uri,
    )
    agent.bye()
    refer_to = (await answer_refer(customer))["refer-to"]
    uri, _, replaces = refer_to.strip("<>").partition("?Replaces=")
    ours = carol.invite["from"].partition("tag=")[2]
    assert uri == carol_phone.uri
    assert unquote(replaces) == f"{carol.invite['call-id']};to-tag={carol.tag};from-tag={ours}"
    tell(customer, "200 OK")
    await engine.event("transfer.completed", job)
    await carol.receive("BYE")
    await customer.receive("BYE")
    assert (await engine.ended(job))["cause"] == "transferred"


async def test_a_transfer_to_a_queue(own_engine: StartEngine, wire: MakeWire) -> None:
    alice_phone, bob_phone, customer_phone = wire("alice"), wire("bob"), wire("customer")
    engine = await own_engine(
        queues=[{"name": "support"}],
        agents=[
            {"name": "alice", "uri": alice_phone.uri},
            {"name": "bob", "uri": bob_phone.uri, "queues": ["support"]},
        ],
    )
    job = await engine.callback(customer_phone.uri, "alice", context={"order": "17"})
    alice = await alice_phone.answer()
    customer = await customer_phone.answer(tone_hz=CUSTOMER_HZ)
    call = (await engine.event("callback.bridged", job))["call"]
    with pytest.raises(Refused):
        await engine.line.call("call.transfer", call=call, queue="nowhere")
    await engine.line.call("call.transfer", call=call, queue="support")
    await alice.receive("BYE")
    completed = await engine.event("transfer.completed", job)
    assert (completed["to_queue"], completed["context"]) == ("support", {"order": "17"})
    bob = await bob_phone.answer(tone_hz=CAROL_HZ)
    await engine.line.events.wait_for(
        lambda event: event["type"] == "bridge.joined" and event["uri"] == bob_phone.uri,
    )
    await hears(customer, bob, CAROL_HZ)
    bob.bye()
    await customer.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"
