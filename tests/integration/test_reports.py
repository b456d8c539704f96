"""What records, reports, metrics and webhooks say of a day is what the phones of that day saw."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.webhooks.signature import key_of, verify
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.phone import MakeWire, WirePhone
from tests.support.ports import free_port
from tests.support.receiver import Receiver

SECRET = "a secret of some length"
SITE = {"site": "shop.example", "basket": "3 items"}


async def callback(engine: EngineClient, customer: WirePhone, **params: Any) -> str:
    asked = {"to": customer.uri, "queue": "sales", "context": SITE} | params
    return str((await engine.line.call("callback.request", **asked))["id"])


async def metrics(listen: str) -> dict[str, float]:
    """The sum of each series by its name."""
    found: dict[str, float] = {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{listen}/metrics") as response,
    ):
        text = await response.text()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


async def test_the_day_as_the_phones_saw_it(own_engine: StartEngine, wire: MakeWire) -> None:
    agent_side, customers = wire("anna"), [wire(f"customer{number}") for number in range(3)]
    listen = f"127.0.0.1:{free_port()}"
    async with Receiver() as receiver:
        engine = await own_engine(
            agents=[{"name": "anna", "uri": agent_side.uri}],
            queues=[{"name": "sales", "agents": ["anna"]}],
            reports={"alone_s": 0.3, "short_abandon_s": 0.1, "time_zone": "UTC"},
            metrics={"listen": listen},
            webhooks=[{"name": "crm", "url": receiver.url, "secret": SECRET, "retry_s": 0.1}],
        )
        began = time.time()
        talks = [
            await _talked(engine, agent_side, customers[0]),
            await _talked_at_the_second_attempt(engine, agent_side, customers[1]),
        ]
        waited_s = await _gave_up(engine, agent_side, customers[2])
        await _reports(engine, began, talks, waited_s)
        await _live_and_metrics(engine, listen)
        await _webhooks(receiver)
        await engine.assert_idle()


async def _talked(engine: EngineClient, agent_side: WirePhone, customer: WirePhone) -> float:
    """Both answer, and talk. Returns for how long, as the phones have it."""
    job = await callback(engine, customer, id="talked")
    agent = await agent_side.answer(ring_s=0.3)
    call = await customer.answer()
    answered = time.time()
    await asyncio.sleep(0.6)
    call.bye()
    talked_s = time.time() - answered
    await agent.receive("BYE")
    await engine.ended(job)
    return talked_s


async def _talked_at_the_second_attempt(
    engine: EngineClient, agent_side: WirePhone, customer: WirePhone
) -> float:
    """The customer is busy, and is called again: what was known of them is known still."""
    job = await callback(engine, customer, id="retried", max_attempts=2)
    agent = await agent_side.answer()
    await customer.refuse(486, "Busy Here")
    await agent.receive("BYE")
    agent = await agent_side.called()
    offer = await engine.event("agent.offered", job, nth=2)
    assert offer["context"] == SITE
    assert agent.invite["x-ringback-site"] == "shop.example"
    agent.accept()
    await agent.acknowledged()
    call = await customer.answer()
    answered = time.time()
    await asyncio.sleep(0.3)
    agent.bye()
    talked_s = time.time() - answered
    await call.receive("BYE")
    await engine.ended(job)
    return talked_s


async def _gave_up(engine: EngineClient, agent_side: WirePhone, customer: WirePhone) -> float:
    """A customer called first waits for an agent in vain. Returns for how long."""
    await engine.line.call("agent.pause", agent="anna", reason="lunch")
    job = await callback(engine, customer, id="gave-up", order="customer_first")
    call = await customer.answer()
    answered = time.time()
    await asyncio.sleep(0.6)
    call.bye()
    waited_s = time.time() - answered
    await engine.ended(job)
    return waited_s


async def _reports(engine: EngineClient, began: float, talks: list[float], waited_s: float) -> None:
    ask = engine.line.call
    span = {"from": began - 1.0}
    jobs = (await ask("report.job", **span))["total"]
    assert jobs == jobs | {
        "requested": 3, "completed": 2, "failed": 1, "open": 0, "attempts": 4, "called": 3,
    }  # fmt: skip
    assert jobs["talk_s"] == pytest.approx(sum(talks), abs=0.3)
    queue = (await ask("report.queue", **span))["total"]
    # Two stays of the one who was called again, one of each other.
    assert queue == queue | {"offered": 4, "answered": 3, "abandoned": 1, "waiting": 0}
    assert queue["talk_s"] == pytest.approx(sum(talks), abs=0.3)
    assert queue["abandon_p50_s"] == pytest.approx(waited_s, abs=0.3)
    agent = (await ask("report.agent", **span))["total"]
    assert agent == agent | {"offered": 3, "answered": 3, "missed": 0, "calls": 3}
    assert set(agent["pauses"]) == {"lunch"}
    (site,) = (await ask("report.site", **span))["totals"]
    assert site == site | {
        "site": "shop.example", "customers_answered": 3, "left_alone": 1,
        "left_alone_30d": 1, "left_alone_percent": 33.33,
    }  # fmt: skip
    records = {one["id"]: one for one in (await ask("record.list"))["records"]}
    assert set(records) == {"talked", "retried", "gave-up"}
    retried = records["retried"]
    assert [len(attempt["legs"]) for attempt in retried["attempts"]] == [2, 2]
    assert [stay["result"] for stay in retried["stays"]] == ["answered", "answered"]
    assert len(retried["offers"]) == 2 and retried["context"] == SITE
    assert records["gave-up"]["alone_s"] == [pytest.approx(waited_s, abs=0.3)]


async def _live_and_metrics(engine: EngineClient, listen: str) -> None:
    live = await engine.line.call("report.live")
    (queue,) = live["queues"]
    assert (queue["offered"], queue["answered"], queue["abandoned"]) == (4, 3, 1)
    assert live["jobs_today"] == {"completed": 2, "failed": 1}
    assert [agent["state"] for agent in live["agents"]] == ["paused"]
    found = await metrics(listen)
    assert found["ringback_callbacks_ended_total"] == 3
    assert found["ringback_queue_joined_total"] == 4
    assert found["ringback_queue_left_total"] == 4
    assert found["ringback_talk_seconds_count"] == 2
    assert found["ringback_legs_ended_total"] == 7  # the phones were called so often
    assert found["ringback_sip_internal_errors_total"] == 0


async def _webhooks(receiver: Receiver) -> None:
    """Every event of each callback arrived, in order."""
    async with asyncio.timeout(40):
        while sum(r.event["type"] in ("callback.completed", "callback.failed")
                  for r in receiver.requests.items) < 3:  # fmt: skip
            await receiver.got(len(receiver.requests.items) + 1)
    for received in receiver.requests.items:
        verify(key_of(SECRET), received.headers, received.body, time.time())
        assert received.event["context"] == SITE
    story = [r.event["type"] for r in receiver.requests.items if r.event["job"] == "retried"]
    assert story == [
        f"callback.{state}"
        for state in (
            "queued", "dialing_agent", "whispering", "dialing_customer",
            "queued", "dialing_agent", "whispering", "dialing_customer", "bridged", "completed",
        )
    ]  # fmt: skip
