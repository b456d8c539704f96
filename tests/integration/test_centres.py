"""Centres and numbers outside, with real phones: who gets whom by place, hours and waiting."""

import time
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.phone import MakeWire

PARTNER = "+44 20 7946 0888"


def through(trunk_port: int) -> dict[str, Any]:
    """Sections of the configuration in which every number goes to a trunk at this port."""
    return {
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{trunk_port}"}],
        "routes": [{"prefix": "+", "trunks": ["pbx"]}],
        "hours": {"enforce": False},
    }


def queue_story(engine: EngineClient, job: str) -> list[str]:
    """What its queue has published of a job."""
    events = [one for one in engine.line.events.items if one.get("job") == job]
    return [one["type"][6:] for one in events if one["type"].startswith("queue.")]


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
async def test_a_busy_outside_number_leaves_the_customer_to_the_agents(
    own_engine: StartEngine, wire: MakeWire, order: str
) -> None:
    trunk, anna, customer = wire("trunk"), wire("anna"), wire("customer")
    engine = await own_engine(
        **through(trunk.port),
        agents=[{"name": "anna", "uri": anna.uri, "queues": ["sales"]}],
        queues=[{"name": "sales", "overflow": [{"after_s": 0.5, "number": PARTNER}]}],
    )
    await engine.line.call("agent.pause", agent="anna")
    job = await engine.queued_callback(customer.uri, order=order)
    call = await customer.answer() if order == "customer_first" else None
    refused = await trunk.refuse(486, "Busy Here")
    assert refused.invite.start.startswith("INVITE sip:+442079460888@")
    await engine.line.call("agent.ready", agent="anna")
    await anna.answer()
    call = call or await customer.answer()
    await engine.state("bridged", job)
    call.bye()
    assert (await engine.ended(job))["state"] == "completed"
    assert queue_story(engine, job) == [
        "joined", "overflowed", "joined", "offered", "answered",
    ]  # fmt: skip
    await engine.assert_idle()


async def test_an_outside_number_answers_as_an_agent_does(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    trunk, customer = wire("trunk"), wire("customer")
    engine = await own_engine(
        **through(trunk.port),
        queues=[{"name": "sales", "overflow": [{"after_s": 0.5, "number": PARTNER}]}],
    )
    job = await engine.queued_callback(customer.uri, whisper={"tone": "440/300"})
    partner = await trunk.answer()
    call = await customer.answer()
    await engine.state("bridged", job)
    partner.bye()
    await call.receive("BYE")
    assert (await engine.ended(job))["cause"] == "agent hung up"
    await engine.assert_idle()


async def test_the_load_is_shared_by_the_customers_place_and_the_hours(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    trunk = wire("trunk")
    centres = {name: wire(name) for name in ("leeds", "paris", "night")}
    other_day = time.strftime("%a", time.gmtime(time.time() + 2 * 86400)).lower()
    engine = await own_engine(
        **through(trunk.port),
        calendars=[{"name": "night", "zone": "UTC", "hours": [f"{other_day} 00:00-24:00"]}],
        centres=[{"name": "leeds"}, {"name": "paris"}, {"name": "night", "calendar": "night"}],
        agents=[
            {"name": f"of-{name}", "uri": phone.uri, "centre": name, "queues": ["sales"]}
            for name, phone in centres.items()
        ],
        queues=[
            {
                "name": "sales",
                "shares": [
                    {"centre": "night", "percent": 90.0},
                    {"centre": "leeds", "percent": 5.0},
                    {"centre": "paris", "percent": 5.0, "regions": ["FR"]},
                ],
            }
        ],
    )
    for order in ("agent_first", "customer_first"):
        for to, centre in (("+33140000001", "paris"), ("+442079460001", "leeds")):
            job = await engine.queued_callback(to, order=order)
            call = await trunk.answer() if order == "customer_first" else None
            await centres[centre].answer()
            call = call or await trunk.answer()
            await engine.state("bridged", job)
            call.bye()
            record = await engine.ended(job)
            assert [offer["agent"] for offer in record["offers"]] == [f"of-{centre}"]
    shown = await engine.line.call("queue.get", queue="sales")
    assert shown["centres"] == {"paris": 2, "leeds": 2}
    await engine.assert_idle()
