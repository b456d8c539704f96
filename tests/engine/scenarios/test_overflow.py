"""A call and a callback that a queue does not keep go where its overflow says, as is explained."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.calendars import Calendar
from config.inbound import Inbound
from config.queues import Overflow, Queue
from config.sections import Route, Trunk
from tests.support.engines.virtual import Script, VirtualEngine, run_engine
from tests.support.phones.virtual import SILENT, Step

SHOP, CALLER, CUSTOMER = "+442079460000", "+442079461111", "+442079460123"
SERVICE = "+442079460777"
TALKS = (Step(0.5, "answers"), Step(5, "hangs_up"))
BUSY = (Step(0.5, "is_busy"),)


def run_shop(tmp_path: Path, script: Script, *, service: Any = TALKS, **sales: Any) -> None:
    """A shop whose queue `sales` nobody serves, beside `help`, which bob serves."""
    run_engine(
        tmp_path,
        script,
        conducts={"bob": [TALKS], CUSTOMER: [TALKS], SERVICE: [service]},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        calendars=[Calendar(name="night", zone="UTC", hours=["mon-sun 22:00-06:00"])],
        queues=[Queue(name="sales", **sales), Queue(name="help")],
        inbound=[Inbound(name="shop", queue="sales")],
        agents=[Agent(name="bob", uri="sip:bob@127.0.0.1:5080", queues=["help"])],
    )


async def record(engine: VirtualEngine) -> Any:
    return (await engine.ask("record.list"))["records"][-1]


@pytest.mark.parametrize("when", ["closed", "nobody"])
def test_a_call_goes_to_the_queue_that_helps(tmp_path: Path, when: Any) -> None:
    async def script(engine: VirtualEngine) -> None:
        found = await engine.ask("route.explain", to=CALLER, from_trunk="pbx", dialled=SHOP)
        assert found["objections"] == []
        engine.sip.call(CALLER, SHOP, SILENT)
        await asyncio.sleep(20)
        ended = await record(engine)
        assert (ended["result"], ended["agent"], ended["queue"]) == ("completed", "bob", "help")
        assert [stay["result"] for stay in ended["stays"]] == ["overflowed", "answered"]

    step = Overflow(when=when, queue="help")
    calendar = "night" if when == "closed" else ""
    run_shop(tmp_path, script, calendar=calendar, overflow=[step])


def test_a_callback_to_a_closed_queue_goes_to_the_queue_that_helps(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        found = await engine.ask("route.explain", to=CUSTOMER, queue="sales")
        assert (found["verdict"], found["not_before"]) != ("unavailable", None)
        job = await engine.ask("callback.request", id="j", to=CUSTOMER, queue="sales")
        assert (job["not_before"], job["scheduled"]) == (None, None)
        await asyncio.sleep(20)
        job = await engine.ask("callback.get", id="j")
        assert (job["state"], job["offers"][-1]["agent"]) == ("completed", "bob")

    run_shop(tmp_path, script, calendar="night", overflow=[Overflow(when="closed", queue="help")])


def test_an_answering_service_takes_the_call_or_the_caller_hears_that_it_is_closed(
    tmp_path: Path,
) -> None:
    step = Overflow(when="closed", number=SERVICE)

    async def taken(engine: VirtualEngine) -> None:
        engine.sip.call(CALLER, SHOP, SILENT)
        await asyncio.sleep(20)
        assert (await record(engine))["result"] == "completed"
        assert len(engine.world.network.by_user[SERVICE]) == 1

    async def busy(engine: VirtualEngine) -> None:
        began = time.time()
        engine.sip.call(CALLER, SHOP, SILENT)
        await asyncio.sleep(30)
        ended = await record(engine)
        assert (ended["result"], ended["created"]) == ("closed", pytest.approx(began, abs=1))
        assert len(engine.world.network.by_user[SERVICE]) == 1

    run_shop(tmp_path / "a", taken, calendar="night", overflow=[step])
    run_shop(tmp_path / "b", busy, service=BUSY, calendar="night", overflow=[step])


def test_a_callback_that_nobody_takes_at_night_waits_for_the_opening(tmp_path: Path) -> None:
    step = Overflow(when="closed", number=SERVICE)

    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMER, queue="sales")
        await asyncio.sleep(60)
        job = await engine.ask("callback.get", id="j")
        assert (job["state"], job["scheduled"]) == ("queued", "queue sales is closed")
        assert job["next_attempt_at"] > time.time() + 3600
        assert len(engine.world.network.by_user[SERVICE]) == 1

    run_shop(
        tmp_path, script, service=BUSY, calendar="night", when_closed="schedule", overflow=[step]
    )
