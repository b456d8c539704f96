"""Random days of callers: whatever crosses, each call ends once, and nobody is left on a call."""

import asyncio
import random
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from config.queues import Queue
from media.protocol.messages import Dtmf
from tests.support.examples import at_most
from tests.support.phones.scripted import ScriptedCaller, incoming
from tests.support.reception import Reception, reception

CALLERS = 12
ROOM = {
    "callback_digit": "1",
    "regain_s": 20.0,
    "announce_frequency_s": 15.0,
    "periodic_announce": ["Still here."],
    "periodic_announce_frequency_s": 7.0,
}


async def caller(desk: Reception, rng: random.Random, number: str) -> None:
    """Somebody who calls at some time, and does at some other what callers do."""
    await asyncio.sleep(rng.choice([0.0, rng.uniform(0, 30)]))
    phone = desk.call(incoming(caller=number))
    if rng.random() < 0.1:
        phone.cancels()
        return
    await asyncio.sleep(0.01)
    if not phone.accepted.is_set():
        return
    if rng.random() < 0.05:
        phone.cancels()
        return
    phone.acknowledges()
    await asyncio.sleep(rng.choice([0.0, 1.0, rng.uniform(0, 60)]))
    if rng.random() < 0.3:
        press(desk, phone)
        await asyncio.sleep(rng.choice([0.0, 0.5, 5.0]))
    if not phone.is_hung_up:
        phone.hangs_up()


def press(desk: Reception, phone: ScriptedCaller) -> None:
    leg = phone.owner
    if leg is not None and leg.id in desk.stage.services.registry.legs:
        leg.on_media(Dtmf(leg.id, "1", 100))


async def agent_sides(desk: Reception, rng: random.Random) -> None:
    """Agents who are rung do what agents do; some go for lunch."""

    async def one() -> None:
        phone = await desk.stage.sip.phones.get()
        answering.append(asyncio.create_task(one()))
        await asyncio.sleep(rng.choice([0.0, 1.0, 1.0]))
        if phone.is_hung_up:
            return
        match rng.choice(["answers", "answers", "answers", "refuses", "rings on"]):
            case "answers":
                phone.answers()
                await asyncio.sleep(rng.choice([0.0, 1.0, rng.uniform(0, 20)]))
                if not phone.is_hung_up:
                    phone.hangs_up()
            case "refuses":
                phone.refuses(486, "Busy Here")
            case "rings on":
                phone.rings()

    answering = [asyncio.create_task(one())]
    try:
        while True:
            await asyncio.sleep(rng.uniform(1, 10))
            name = rng.choice(["alice", "bert"])
            (desk.agents.pause if rng.random() < 0.3 else desk.agents.ready)(name)
    finally:
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


@at_most(30)
@given(st.integers(0, 2**32))
def test_each_call_ends_once_and_leaves_nothing(seed: int) -> None:
    rng = random.Random(seed)

    async def script(desk: Reception) -> None:
        at_work = asyncio.create_task(agent_sides(desk, rng))
        numbers = [rng.choice(["anonymous", f"+4420794611{n % 8:02}"]) for n in range(CALLERS)]
        await asyncio.gather(*(caller(desk, rng, number) for number in numbers))
        assert await desk.inbound.idle(1000.0)
        at_work.cancel()
        await asyncio.wait([at_work])

    queue = Queue(
        name="sales",
        strategy=rng.choice(["longest_idle", "ring_several"]),
        ring_s=5.0,
        again_s=2.0,
        max_length=rng.choice([0, 4]),
        max_wait_s=rng.choice([0.0, 30.0]),
    )
    with tempfile.TemporaryDirectory() as directory:
        desk = reception(
            Path(directory), script, agents=("alice", "bert"), queues=[queue], room=ROOM
        )
    seen = Counter(desk.stage.seen())
    assert seen["call.incoming"] == seen["call.ended"] == CALLERS
    left = ("queue.answered", "queue.abandoned", "queue.left", "queue.overflowed")
    assert seen["queue.joined"] == sum(seen[kind] for kind in left)
    assert seen["agent.offered"] == seen["agent.offer_ended"] + seen["queue.answered"]
    assert len(desk.intake.rescheduled) == len(desk.intake.accepted)
