"""kill -9 of an engine with calls in every state: the next engine ends each of them in SIP."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.errors import PeerError
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.message import WireMessage
from tests.support.phones.wire.phone import MakeWire, WireCall, WirePhone

ON_THE_DISK_S = 0.3
"""What was published is written by then."""


@dataclass
class Left:
    """A phone whose call is up when the engine dies, and what the next engine shall say to it."""

    state: str
    call: WireCall
    what: str


async def kill(engine: EngineClient) -> None:
    await asyncio.sleep(ON_THE_DISK_S)
    engine.process.kill()
    await engine.close()


async def next_engine(engine: EngineClient) -> float:
    """Start another engine. Returns when its process began (Unix seconds)."""
    began = time.time()
    await engine.start_again()
    return began


def tag_of(value: str) -> str:
    return value.partition("tag=")[2].partition(";")[0]


def check_bye(left: Left, bye: WireMessage, known_cseq: int) -> None:
    """BYE in the dialog that the phone knows: tags, target, and a higher CSeq."""
    call = left.call
    assert bye.start == f"BYE {call.phone.uri} SIP/2.0"
    if isinstance(call, WireOutgoing):
        ours, theirs = tag_of(call.remote_to), call.tag
    else:
        ours, theirs = tag_of(call.invite["from"]), call.tag
    assert (tag_of(bye["from"]), tag_of(bye["to"])) == (ours, theirs)
    number, method = bye["cseq"].split(" ")
    assert (int(number), method) == (known_cseq + 1, "BYE")


def check_cancel(left: Left, cancel: WireMessage) -> None:
    """CANCEL of the INVITE that the phone got."""
    invite = left.call.invite
    assert cancel.branch == invite.branch
    assert cancel["cseq"].split(" ") == [invite["cseq"].split(" ")[0], "CANCEL"]
    assert (cancel["from"], cancel["to"]) == (invite["from"], invite["to"])


async def calls_in_every_state(
    engine: EngineClient, wire: MakeWire, caller: WirePhone
) -> list[Left]:
    left: list[Left] = []

    async def agent_first(upto: Callable[[WireCall], Awaitable[None]], state: str) -> None:
        phone = wire(state)
        await engine.callback(wire("customer").uri, phone.uri)
        call = await phone.called()
        await upto(call)
        left.append(Left(state, call, "CANCEL"))

    async def silent(call: WireCall) -> None:
        call.respond(100, "Trying")

    async def ringing(call: WireCall) -> None:
        call.ring()

    async def early_media(call: WireCall) -> None:
        call.respond(183, with_sdp=True)

    await agent_first(silent, "trying")
    await agent_first(ringing, "ringing")
    await agent_first(early_media, "early")

    agent, customer = wire("agent"), wire("customer")
    await engine.callback(customer.uri, agent.uri)
    left.append(Left("one leg answered", await agent.answer(), "BYE"))
    other = await customer.called()
    other.ring()
    left.append(Left("the other rings", other, "CANCEL"))

    for is_held in (False, True):
        agent, customer = wire("agent"), wire("customer")
        job = await engine.callback(customer.uri, agent.uri)
        first, second = await agent.answer(tone_hz=500), await customer.answer(tone_hz=600)
        await engine.state("bridged", job)
        if is_held:
            second.reinvite("sendonly")
            second.acknowledge(await second.receive("200"))
            await engine.event("leg.held", job)
        left += [Left(f"bridged, {is_held=}", first, "BYE")]
        left += [Left(f"customer, {is_held=}", second, "BYE")]

    waiting = WireOutgoing.place(caller, engine.process.sip_port, "100")
    await waiting.answered()
    left.append(Left("inbound", waiting, "BYE"))
    return left


async def test_every_phone_is_hung_up_within_a_second(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    caller = wire("caller")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{caller.port}"}],
        inbound=[{"name": "shop", "number": "", "queue": "sales"}],
        queues=[{"name": "sales", "agents": ["alice"]}],
        agents=[{"name": "alice", "uri": wire("nobody").uri, "login": "manual"}],
    )
    gone_agent, gone_customer = wire("agent"), wire("customer")
    job = await engine.callback(gone_customer.uri, gone_agent.uri)
    talked = await gone_agent.answer()
    await gone_customer.answer()
    await engine.state("bridged", job)
    talked.bye()
    await engine.ended(job)

    left = await calls_in_every_state(engine, wire, caller)
    await kill(engine)
    said_before = len(gone_agent.messages.items) + len(gone_customer.messages.items)
    began = await next_engine(engine)
    for one in left:
        message = await one.call.receive(one.what)
        print(f"{one.state}: {one.what} {message.time - began:.3f} s after the start")
        if one.what == "BYE":
            check_bye(one, message, 0 if isinstance(one.call, WireOutgoing) else 1)
        else:
            check_cancel(one, message)
            await one.call.receive("ACK")
    await engine.assert_idle()
    for one in left:
        said = [m.what for m in one.call.phone.messages.items if m.what in ("BYE", "CANCEL")]
        assert said == [one.what], one.state
    now_said = len(gone_agent.messages.items) + len(gone_customer.messages.items)
    assert now_said == said_before


async def test_a_phone_that_has_just_rung_or_answered_is_not_left_in_dead_air(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """The engine is killed before its store has written anything of them."""
    engine = await own_engine()
    rings, answers = wire("rings"), wire("answers")
    await engine.callback(wire("customer").uri, answers.uri)
    answered = await answers.called()
    answered.ring()
    await engine.callback(wire("customer").uri, rings.uri)
    ringing = await rings.called()
    answered.accept()
    await answered.receive("ACK")
    ringing.ring()
    engine.process.kill()
    await engine.close()
    began = await next_engine(engine)
    for call, what in ((ringing, "CANCEL"), (answered, "BYE")):
        message = await call.receive(what)
        print(f"{what} {message.time - began:.3f} s after the start")
    check_bye(Left("answered", answered, "BYE"), await answered.receive("BYE"), 1)
    check_cancel(Left("rings", ringing, "CANCEL"), await ringing.receive("CANCEL"))
    await engine.assert_idle()


async def test_a_phone_that_hangs_up_meanwhile_is_answered(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent, customer = await agent_phone.answer(), await customer_phone.answer()
    await engine.state("bridged", job)
    await kill(engine)
    starting = asyncio.ensure_future(engine.start_again())
    while not starting.done():  # as a phone does that gets no answer
        agent.request("BYE", cseq=500)
        await asyncio.sleep(0.05)
    await starting
    await customer.receive("BYE")
    await asyncio.sleep(0.3)
    statuses = [m.what for m in agent_phone.messages.items if m["cseq"] == "500 BYE"]
    assert statuses
    assert set(statuses) == {"200"}
    late = customer.request("BYE", cseq=600)
    assert late
    await customer_phone.messages.wait_for(lambda m: m.what == "200" and m["cseq"] == "600 BYE")


async def test_an_answer_that_nobody_heard_is_acknowledged_and_ended(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    phone = wire("agent")
    phone.answers_cancel = False
    await engine.callback(wire("customer").uri, phone.uri)
    call = await phone.called()
    call.ring()
    await kill(engine)
    call.accept()  # nobody is there
    starting = asyncio.ensure_future(engine.start_again())
    while not starting.done():
        call.accept()
        await asyncio.sleep(0.1)
    await starting
    await call.receive("ACK")
    bye = await call.receive("BYE")
    check_bye(Left("answered", call, "BYE"), bye, 1)
    await engine.assert_idle()
    with pytest.raises(PeerError):
        await call.receive("BYE", 0.5, nth=2)
