"""Hundreds of callbacks of every kind of ending; then engine and worker hold what they held."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import psutil

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire, WirePhone
from tests.support.ports import free_port

ROUNDS = 30
SPANS = 4
TALK_S = 0.05

Ending = Callable[[EngineClient, WirePhone, WirePhone], Awaitable[str]]


async def completed(engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone) -> str:
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer(tone_hz=600)
    customer = await customer_phone.answer(tone_hz=1500)
    await asyncio.sleep(TALK_S)
    agent.bye()
    await customer.receive("BYE")
    return job


async def busy(engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone) -> str:
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    await agent_phone.refuse(486, "Busy Here")
    return job


async def not_answered(
    engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone
) -> str:
    job = await engine.callback(customer_phone.uri, agent_phone.uri, ring_s=0.1)
    call = await agent_phone.called()
    call.ring()
    await call.receive("CANCEL")
    return job


async def given_up(engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone) -> str:
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    customer.ring()
    await engine.event("leg.ringing", job, role="customer")
    agent.bye()
    await customer.receive("CANCEL")
    return job


async def cancelled(engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone) -> str:
    job = await engine.callback(customer_phone.uri, agent_phone.uri, whisper={"tone": "1100/20000"})
    await agent_phone.answer()
    await engine.state("whispering", job)
    await engine.line.call("callback.cancel", id=job)
    return job


async def crossed(engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone) -> str:
    """The customer's 200 crosses the CANCEL, and two branches answer."""
    customer_phone.answers_cancel = False
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await customer_phone.called()
    for customer.tag in ("one", "two", "three"):
        customer.respond(183, with_sdp=True)
    await engine.event("leg.early_media", job, role="customer")
    agent.bye()
    await customer.receive("CANCEL")
    for nth, customer.tag in enumerate(("one", "two"), start=1):
        customer.accept()
        await customer.receive("ACK", nth=nth)
        await customer.receive("BYE", nth=nth)
    return job


async def held_to_the_end(
    engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone
) -> str:
    """The customer hangs up while holding, and the engine's answer has no ACK yet."""
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.answer(tone_hz=600)
    customer = await customer_phone.answer(tone_hz=1500)
    await engine.state("bridged", job)
    customer.reinvite("sendonly")
    await engine.event("leg.held", job, role="customer")
    customer.bye()
    await agent.receive("BYE")
    return job


async def not_followed(
    engine: EngineClient, agent_phone: WirePhone, customer_phone: WirePhone
) -> str:
    """An answer whose description is of no use."""
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.called()
    agent.respond(200)
    await agent.receive("BYE")
    return job


# -- calls that come in -------------------------------------------------------------------------

QUEUE, CLOSED = "+442079460000", "+442079469999"


async def talked(engine: EngineClient, agent_phone: WirePhone, caller_phone: WirePhone) -> None:
    """The agent, whose phone is the only one that knows nothing of callers, hangs up."""
    caller = WireOutgoing.place(caller_phone, engine.process.sip_port, QUEUE)
    await caller.answered()
    agent_side = await agent_phone.answer()
    await asyncio.sleep(TALK_S)
    agent_side.bye()
    await caller.receive("BYE")


async def abandoned(engine: EngineClient, agent_phone: WirePhone, caller_phone: WirePhone) -> None:
    caller = WireOutgoing.place(caller_phone, engine.process.sip_port, QUEUE)
    await caller.answered()
    agent_side = await agent_phone.called()
    agent_side.ring()
    await asyncio.sleep(TALK_S)
    caller.bye()
    await agent_side.receive("CANCEL")


async def refused(engine: EngineClient, _agent: WirePhone, caller_phone: WirePhone) -> None:
    caller = WireOutgoing.place(caller_phone, engine.process.sip_port, CLOSED)
    assert (await caller.refused()).what == "404"


async def sent_away(engine: EngineClient, agent_phone: WirePhone, caller_phone: WirePhone) -> None:
    """A caller presses the key and withholds the number, then a command hangs up."""
    caller = WireOutgoing.place(
        caller_phone, engine.process.sip_port, QUEUE, headers=(("privacy", "id"),)
    )
    await caller.answered()
    agent_side = await agent_phone.called()
    agent_side.ring()
    (call,) = (await engine.line.call("call.list"))["calls"]
    caller.rtp.send_digit(5)
    await engine.line.events.wait_for(
        lambda event: event["type"] == "call.callback_refused" and event["call"] == call["call"],
    )
    await engine.line.call("call.hangup", call=call["call"])
    await caller.receive("BYE")
    await agent_side.receive("CANCEL")


INBOUND = [talked, abandoned, refused, sent_away]

ENDINGS: list[Ending] = [
    completed, busy, not_answered, given_up, cancelled, crossed, held_to_the_end, not_followed,
]  # fmt: skip


def held(engine: EngineClient) -> list[tuple[int, int]]:
    """Open files and threads of the daemon and of each media worker."""
    pids = [engine.process.pid, *engine.process.worker_pids()]
    return [(psutil.Process(pid).num_fds(), psutil.Process(pid).num_threads()) for pid in pids]


def is_more(now: tuple[int, int], then: tuple[int, int]) -> bool:
    """Whether there are more files or threads than there were."""
    return any(one > other for one, other in zip(now, then, strict=True))


async def all_ports_rested(engine: EngineClient, patience_s: float = 10.0) -> None:
    """Return once no RTP port rests any more: until then its sockets are kept open."""
    deadline = time.monotonic() + patience_s
    while True:
        workers = (await engine.line.call("engine.status"))["media"]["workers"]
        if not sum(worker["ports_quarantined"] for worker in workers):
            return
        assert time.monotonic() < deadline, workers
        await asyncio.sleep(0.1)


async def assert_nothing_grows(engine: EngineClient, calls: Callable[[], Awaitable[None]]) -> None:
    """After the calls there are as many files and threads as before them.

    On a busy machine more sounds may be read at once than ever before, by a thread and a process
    more, which stay for the next: these come once, and what leaks comes each time.
    """
    for _ in range(SPANS):
        await all_ports_rested(engine)
        before = held(engine)
        await calls()
        await engine.assert_idle()
        await all_ports_rested(engine)
        grown = [now for now, then in zip(held(engine), before, strict=True) if is_more(now, then)]
        if not grown:
            break
    assert grown == []


async def test_every_kind_of_ending_gives_everything_back(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()

    async def play(ending: Ending) -> None:
        agent_phone, customer_phone = wire("agent"), wire("customer")
        try:
            job = await ending(engine, agent_phone, customer_phone)
            await engine.ended(job)
        finally:
            agent_phone.close()
            customer_phone.close()

    async def round_of_all() -> None:
        await asyncio.gather(*(play(ending) for ending in ENDINGS))

    rounds = 0

    async def rounds_of_all(count: int) -> None:
        nonlocal rounds
        for _ in range(count):
            await round_of_all()
            rounds += 1

    await rounds_of_all(1)
    await assert_nothing_grows(engine, lambda: rounds_of_all(ROUNDS))
    status = await engine.line.call("engine.status")
    assert sum(status["jobs"].values()) == rounds * len(ENDINGS)
    assert status["sip"]["counters"]["internal_errors"] == 0
    assert status["sip"]["counters"]["malformed"] == 0


async def test_calls_that_come_in_give_everything_back(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    agent_phone = wire("alice")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        inbound=[{"name": "shop", "number": QUEUE, "queue": "sales"}],
        queues=[{"name": "sales"}],
        agents=[{"name": "alice", "uri": agent_phone.uri, "queues": ["sales"]}],
        rooms=[{"name": "sales", "callback_digit": "5", "regain_s": 0.5}],
    )

    async def round_of_all(nth: int) -> None:
        for number, story in enumerate(INBOUND):
            caller_phone = wire(f"+4420794{nth:03}{number:02}")
            await story(engine, agent_phone, caller_phone)
            caller_phone.close()
            await engine.assert_idle()

    numbers = itertools.count()

    async def rounds_of_all(count: int) -> None:
        for _ in range(count):
            await round_of_all(next(numbers))

    await rounds_of_all(1)
    await assert_nothing_grows(engine, lambda: rounds_of_all(ROUNDS // 2 - 1))
    status = await engine.line.call("engine.status")
    assert status["inbound"]["calls"] == 0
    assert status["sip"]["counters"]["internal_errors"] == 0
    agents = (await engine.line.call("agent.list"))["agents"]
    assert [agent["state"] for agent in agents] == ["available"]
