"""What dies, and what goes on: the media worker, the engine, a phone's network; and bad starts."""

import asyncio
import os
import signal
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineProcess, StartEngine, write_config
from tests.support.phones.errors import PATIENCE_S, PeerError
from tests.support.phones.wire.phone import MakeWire, WireCall, WirePhone
from tests.support.ports import free_port, free_udp_range
from tests.support.talk import begin_talk
from tests.support.waiting import until


async def test_a_killed_media_worker_ends_its_calls_and_is_replaced(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    job, agent, customer = await begin_talk(engine, wire)
    (worker,) = engine.process.worker_pids()
    os.kill(worker, signal.SIGKILL)
    await asyncio.gather(agent.receive("BYE"), customer.receive("BYE"))
    record = await engine.ended(job)
    assert record["state"] == "failed"
    assert "media worker" in record["cause"]

    await until(lambda: engine.process.worker_pids() not in ([], [worker]))
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri, max_attempts=5)
    agent = await agent_phone.answer(tone_hz=600)
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    await asyncio.sleep(0.6)
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
    assert customer.rtp.heard().hears(600)
    await engine.assert_idle()


async def test_calls_of_another_media_worker_go_on(own_engine: StartEngine, wire: MakeWire) -> None:
    engine = await own_engine(media={"workers": 2})
    calls: list[tuple[str, WireCall, WireCall]] = []
    for _ in range(2):
        agent_phone, customer_phone = wire("agent"), wire("customer")
        job = await engine.callback(customer_phone.uri, agent_phone.uri)
        agent = await agent_phone.answer(tone_hz=600)
        customer = await customer_phone.answer()
        await engine.state("bridged", job)
        calls.append((job, agent, customer))
    os.kill(engine.process.worker_pids()[0], signal.SIGKILL)
    dead = await engine.line.events.wait_for(
        lambda event: event["type"] == "callback.failed", timeout_s=PATIENCE_S
    )
    ((job, agent, customer),) = [call for call in calls if call[0] != dead["job"]]
    since = time.time()
    await asyncio.sleep(1.5)
    assert customer.rtp.heard(since).hears(600, for_s=0.5)
    # The tone comes from this process, which may be busy: it may pause, and nothing else.
    assert not [flaw for flaw in customer.rtp.flaws() if "timestamp" not in flaw]
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
    await engine.assert_idle()


async def test_a_killed_engine_publishes_after_restart_what_was_cut_off(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    later = await engine.callback(customer_phone.uri, agent_phone.uri, not_before=4e9)
    done = await engine.callback(wire().uri, f"sip:gone@127.0.0.1:{free_port()}")
    await engine.ended(done)
    job = await engine.callback(customer_phone.uri, agent_phone.uri, id="mine")
    await agent_phone.answer()
    await customer_phone.answer()
    await engine.state("bridged", job)
    workers = engine.process.worker_pids()
    await engine.event("callback.bridged", job)  # which is published once it is on the disk
    await engine.restart()
    cut_off = await engine.job("mine")
    assert (cut_off["state"], cut_off["cause"]) == ("failed", "engine restarted")
    assert (await engine.job(later))["state"] == "queued"
    assert (await engine.job(done))["state"] == "failed"
    listed = (await engine.line.call("callback.list"))["jobs"]
    assert {entry["id"] for entry in listed} == {"mine", later, done}
    # A request that was answered before the crash is known after it.
    again = await engine.line.call(
        "callback.request", to=customer_phone.uri, agent=agent_phone.uri, id="mine"
    )
    assert again["replayed"] is True
    assert not set(workers) & set(engine.process.worker_pids())
    await engine.assert_idle()


async def test_an_engine_killed_as_the_phone_begins_to_ring_does_not_call_again(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone = wire("agent")
    await engine.callback(wire().uri, agent_phone.uri, id="mine")
    await agent_phone.called()
    await engine.restart()
    cut_off = await engine.job("mine")
    assert (cut_off["state"], cut_off["cause"]) == ("failed", "engine restarted")
    with pytest.raises(PeerError, match="was not called"):
        await agent_phone.called(timeout_s=1.0)


async def test_a_callback_that_is_to_be_retried_is_called_once_nobody_can_be_on_the_line(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(dial={"crash_pause_s": 1.0})
    phone, customer_phone = wire("agent"), wire("customer")
    asked = {"to": customer_phone.uri, "agent": phone.uri, "id": "mine", "on_crash": "retry"}
    await engine.line.call("callback.request", **asked)
    (await phone.called()).ring()
    await engine.event("leg.ringing", "mine")  # which is published once it is on the disk
    await engine.restart()
    assert (await engine.line.call("callback.request", **asked))["replayed"] is True
    agent = await phone.answer()
    await customer_phone.answer()
    await engine.state("bridged", "mine")
    agent.bye()
    record = await engine.ended("mine")
    assert (record["state"], len(record["attempts"])) == ("completed", 2)
    first, second = record["attempts"]
    assert first["cause"] == "engine restarted"
    assert second["legs"][0]["started"] >= first["ended"] + 1.0
    with pytest.raises(PeerError, match="was not called"):
        await phone.called(timeout_s=0.3)
    await engine.assert_idle()


async def test_a_callback_that_asks_is_called_when_it_is_decided(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(dial={"crash_pause_s": 0.2, "on_crash": "ask"})
    phone = wire("agent")
    await engine.callback(wire("customer").uri, phone.uri, id="mine")
    await phone.called()
    await engine.restart()
    job = await engine.job("mine")
    assert (job["state"], job["decision"]) == ("queued", "needed")
    with pytest.raises(PeerError, match="was not called"):
        await phone.called(timeout_s=0.6)
    await engine.line.call("callback.decide", id="mine", decision="retry")
    call = await phone.called()
    call.ring()
    await engine.event("leg.ringing", "mine")
    await engine.line.call("callback.cancel", id="mine")
    await call.receive("CANCEL")
    call.respond(487)
    await engine.assert_idle()


async def test_places_in_a_queue_outlive_the_engine(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    phone = wire("anna")
    engine = await own_engine(
        agents=[{"name": "anna", "uri": phone.uri, "login": "manual"}],
        queues=[{"name": "sales", "agents": ["anna"]}],
    )
    for job_id, number in (("one", 0), ("two", 0), ("urgent", 5)):
        await engine.line.call(
            "callback.request", to=wire(job_id).uri, queue="sales", id=job_id, priority=number
        )
    await engine.event("queue.joined", "urgent")
    await engine.restart()
    again = await engine.line.call("queue.entries", queue="sales")
    assert [entry["id"] for entry in again["entries"]] == ["urgent", "one", "two"]
    await engine.line.call("agent.login", agent="anna")
    for job_id in ("urgent", "one", "two"):
        await phone.refuse(486, "Busy Here")
        await engine.state("dialing_agent", job_id)
        await engine.line.call("callback.cancel", id=job_id)
    await engine.assert_idle()


async def test_a_stopped_engine_hangs_up_and_records_it(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    _job, agent, customer = await begin_talk(engine, wire)
    await engine.close()
    stopping = asyncio.to_thread(engine.process.stop)
    await asyncio.gather(stopping, agent.receive("BYE"), customer.receive("BYE"))
    with sqlite3.connect(engine.process.directory / "run" / "ringback.db") as store:
        (check,) = store.execute("pragma integrity_check").fetchone()
    assert check == "ok"


async def until_ringing(phone: WirePhone) -> WireCall:
    call = await phone.called()
    call.ring()
    return call


@pytest.mark.parametrize("on_crash", ["fail", "retry"])
@pytest.mark.parametrize("rings", ["agent", "customer"])
async def test_a_restart_loses_no_callback(
    own_engine: StartEngine, wire: MakeWire, rings: str, on_crash: str
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    await engine.callback(
        customer_phone.uri, agent_phone.uri, id="mine", on_crash=on_crash, context={"cart": 3}
    )
    if rings == "customer":
        agent = await agent_phone.answer()
        call = await until_ringing(customer_phone)
    else:
        call = await until_ringing(agent_phone)
    await engine.event("leg.ringing", "mine", role=rings)
    await engine.restart(kill=False)
    await call.receive("CANCEL")
    if rings == "customer":
        await agent.receive("BYE")
    agent = await agent_phone.answer()
    await customer_phone.answer()
    await engine.state("bridged", "mine")
    agent.bye()
    job = await engine.ended("mine")
    assert (job["state"], job["context"]) == ("completed", {"cart": 3})
    first, second = job["attempts"]
    assert (first["result"], first["cause"]) == ("interrupted", "engine stopped")
    assert second["legs"][0]["started"] >= first["ended"]
    assert len(agent_phone.calls) == 2
    await engine.assert_idle()


async def test_a_service_manager_that_stops_every_process_at_once_loses_no_callback(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    await engine.callback(customer_phone.uri, agent_phone.uri, id="mine")
    await agent_phone.answer()
    await until_ringing(customer_phone)
    await engine.event("leg.ringing", "mine", role="customer")
    await engine.close()
    await asyncio.to_thread(engine.process.stop, group=True)
    assert "media_worker_died" not in engine.process.log()
    await engine.start_again()
    agent = await agent_phone.answer()
    await customer_phone.answer()
    await engine.state("bridged", "mine")
    agent.bye()
    job = await engine.ended("mine")
    interrupted, completed = job["attempts"]
    assert (interrupted["result"], completed["result"]) == ("interrupted", "completed")
    assert all(leg["media"] for leg in interrupted["legs"]), "no last figures"


async def test_a_customer_who_waited_for_an_agent_is_called_again_after_a_restart(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    phone, customer_phone = wire("anna"), wire("customer")
    engine = await own_engine(
        agents=[{"name": "anna", "uri": phone.uri, "login": "manual"}],
        queues=[{"name": "sales", "agents": ["anna"]}],
    )
    await engine.line.call(
        "callback.request",
        to=customer_phone.uri, queue="sales", id="mine", order="customer_first",
    )  # fmt: skip
    customer = await customer_phone.answer()
    await engine.event("queue.joined", "mine")
    await engine.restart(kill=False)
    await customer.receive("BYE")
    await customer_phone.answer()
    await engine.line.call("agent.login", agent="anna")
    agent = await phone.answer()
    await engine.state("bridged", "mine")
    agent.bye()
    job = await engine.ended("mine")
    assert job["state"] == "completed"
    # The customer had answered: that attempt counts.
    assert job["attempts"][0]["retry_cause"] == "failed"
    await engine.assert_idle()


async def test_who_talks_as_the_engine_stops_is_not_called_again(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    await engine.callback(customer_phone.uri, agent_phone.uri, id="mine", max_attempts=5)
    agent, customer = await agent_phone.answer(), await customer_phone.answer()
    await engine.state("bridged", "mine")
    await engine.restart(kill=False)
    await asyncio.gather(agent.receive("BYE"), customer.receive("BYE"))
    job = await engine.job("mine")
    assert (job["state"], job["cause"]) == ("failed", "engine stopped")
    with pytest.raises(PeerError, match="was not called"):
        await agent_phone.called(timeout_s=0.5)


async def test_a_phone_that_ignores_cancel_is_not_called_again_at_once(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(dial={"crash_pause_s": 5.0})
    phone = wire("agent")
    phone.answers_cancel = False
    await engine.callback(wire("customer").uri, phone.uri, id="mine")
    await until_ringing(phone)
    await engine.event("leg.ringing", "mine")
    await engine.restart(kill=False)
    again = await phone.called()
    (interrupted, _second) = (await engine.job("mine"))["attempts"]
    assert again.invite.time >= interrupted["ended"] + 5.0
    await engine.line.call("callback.cancel", id="mine")


async def test_a_drained_engine_finishes_its_calls_and_accepts_no_more(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent, _customer = await agent_phone.answer(), await customer_phone.answer()
    await engine.state("bridged", job)
    draining = asyncio.create_task(engine.line.call("engine.drain", timeout_s=PATIENCE_S))
    await engine.line.events.wait_for(
        lambda e: e["type"] == "engine.draining", timeout_s=PATIENCE_S
    )
    with pytest.raises(Exception, match="drain"):
        await engine.callback(customer_phone.uri, agent_phone.uri)
    agent.bye()
    assert (await draining)["drained"] is True
    assert (await engine.ended(job))["state"] == "completed"


async def fails_to_start(process: EngineProcess) -> str:
    """The one line with which an engine ends that cannot start."""
    process.socket.parent.mkdir(exist_ok=True)
    child = process.launch()
    status = await asyncio.to_thread(child.wait, 60)
    log = process.log()
    assert status == 2, log
    lines = [line for line in log.splitlines() if line.strip()]
    assert len(lines) == 1, log
    return lines[0]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_sip_port_in_use_is_one_line_and_status_2(tmp_path: Path, transport: str) -> None:
    process = EngineProcess(tmp_path / "engine")
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", process.sip_port))
        if transport == "tcp":
            taken.listen()
        line = await fails_to_start(process)
    assert "sip.listen" in line and str(process.sip_port) in line and "in use" in line


WRONG_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"sip": {"listen": ["udp:127.0.0.1:notaport"]}}, "sip.listen"),
    ({"media": {"prots": [1, 2]}}, "media.prots"),
    ({"control": {"socket": "/proc/none/control.sock"}}, "control.socket"),
    ({"control": {"socket": "/etc/passwd/control.sock"}}, "control.socket"),
    ({"store": {"path": "/proc/none/ringback.db"}}, "store.path"),
    ({"routes": [{"prefix": "+", "trunks": ["none"]}]}, "routes"),
]


@pytest.mark.parametrize(("settings", "key"), WRONG_SETTINGS)
async def test_wrong_settings_are_one_line_and_status_2(
    tmp_path: Path, settings: dict[str, Any], key: str
) -> None:
    process = EngineProcess(tmp_path / "engine", **settings)
    line = await fails_to_start(process)
    assert key in line
    assert process.config_path.name in line


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE jobs SET body = x'00'",
        "INSERT OR REPLACE INTO documents (kind, key, body) VALUES ('agent', 'anna', x'00')",
    ],
)
async def test_a_damaged_store_is_one_line_and_status_2(
    own_engine: StartEngine, wire: MakeWire, damage: str
) -> None:
    phone = wire("anna")
    engine = await own_engine(agents=[{"name": "anna", "uri": phone.uri}])
    await engine.callback(wire("customer").uri, "anna", not_before=4e9)
    await engine.close()
    await asyncio.to_thread(engine.process.stop)
    with sqlite3.connect(engine.process.directory / "run" / "ringback.db") as store:
        store.execute(damage)
    engine.process.log_path.unlink()
    assert "store.path" in await fails_to_start(engine.process)


async def test_a_second_engine_on_the_same_socket_is_refused(own_engine: StartEngine) -> None:
    engine = await own_engine()
    second = EngineProcess(engine.process.directory.parent / "second")
    write_config(second.config_path, {
        "control": {"socket": str(engine.process.socket)},
        "sip": {"listen": [f"udp:127.0.0.1:{second.sip_port}"]},
    })  # fmt: skip
    line = await fails_to_start(second)
    assert "control.socket" in line
    assert (await engine.line.call("ping"))["version"]


async def test_no_rtp_port_left_fails_the_attempt_and_leaks_nothing(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(media={"ports": list(free_udp_range(4))})  # two legs
    job, agent, _customer = await begin_talk(engine, wire)
    crowded = await engine.callback(wire("c").uri, wire("a").uri)
    record = await engine.ended(crowded)
    assert (record["state"], record["result"]) == ("failed", "unavailable")
    assert "port" in record["cause"]
    agent.bye()
    assert (await engine.ended(job))["state"] == "completed"
    await engine.assert_idle()
