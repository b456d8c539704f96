"""queue.* through the socket of a whole engine, and `ringback queues` and `ringback queue`."""

import time
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from engine.acd.waiting import Leave, Waiting
from engine.daemon import Daemon
from ringback_client import RequestRejected
from tests.support.command_line import ringback
from tests.support.engines.in_process import RunningEngine, refused_by_engine, settings_in

OTHER_DAY = time.strftime("%a", time.localtime(time.time() + 2 * 86400))
MORE = f"""
[[agents]]
name = "bert"
login = "manual"
uri = "sip:bert@127.0.0.1:9"
queues = ["sales"]
[[queues]]
name = "sales"
[[queues]]
name = "service"
max_length = 2
shares = [{{ centre = "leeds", percent = 70.0 }}, {{ centre = "york", percent = 30.0 }}]
[[queues]]
name = "night"
calendar = "night"
[[calendars]]
name = "night"
zone = "UTC"
hours = ["{OTHER_DAY.lower()} 22:00-23:00"]
[[centres]]
name = "leeds"
[[centres]]
name = "york"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, more=MORE)


def join(daemon: Daemon, waiting_id: str, ago_s: float, **more: Any) -> list[Leave]:
    """Let a caller wait in sales since `ago_s` seconds; gives how they leave, once they do."""
    left: list[Leave] = []
    queues = daemon.queues
    given: dict[str, Any] = {"queue": "sales", "kind": "call", "joined_at": time.time() - ago_s}
    queues.join(
        Waiting(id=waiting_id, on_offer=lambda _offer: None, on_leave=left.append, **(given | more))
    )
    return left


async def test_list_and_get(engine: RunningEngine) -> None:
    daemon, client = engine
    found = (await client.call("queue.list"))["queues"]
    page = await client.call("queue.list", limit=2)
    assert [queue["queue"] for queue in page["queues"]] == ["sales", "service"]
    page = await client.call("queue.list", limit=2, cursor=page["cursor"])
    assert [queue["queue"] for queue in page["queues"]] == ["night"]
    assert page["cursor"] is None
    assert [queue["queue"] for queue in found] == ["sales", "service", "night"]
    assert found[0]["agents"] == {"logged_out": 1}
    join(daemon, "c1", 60)
    queue = await client.call("queue.get", queue="sales")
    assert (queue["waiting"], queue["offered"], queue["tally"]["joined"]) == (1, 0, 1)
    assert queue["longest_wait_s"] == pytest.approx(60, abs=5)
    assert queue["expected_wait_s"] is None
    assert (await refused_by_engine(client, "queue.get", queue="none")).kind == "not_found"


async def test_entries_come_in_their_order_and_in_pages(engine: RunningEngine) -> None:
    daemon, client = engine
    for number in range(5):
        join(daemon, f"c{number}", 10 + number, number=f"+4420794600{number}")
    join(daemon, "vip", 1, priority=5)
    page = await client.call("queue.entries", queue="sales", limit=4)
    assert [entry["id"] for entry in page["entries"]] == ["vip", "c4", "c3", "c2"]
    assert [entry["place"] for entry in page["entries"]] == [1, 2, 3, 4]
    assert page["entries"][1]["number"] == "+44207946004"
    await client.call("queue.remove", id="c4")  # which does not disturb the next page
    page = await client.call("queue.entries", queue="sales", limit=4, cursor=page["cursor"])
    assert [entry["id"] for entry in page["entries"]] == ["c1", "c0"]
    assert page["cursor"] is None
    with pytest.raises(RequestRejected, match="cursor"):
        await client.call("queue.entries", queue="sales", cursor="x")


async def test_one_entry_is_found_by_its_id(engine: RunningEngine) -> None:
    daemon, client = engine
    for number in range(3):
        join(daemon, f"c{number}", 10 - number)
    found = await client.call("queue.entries", id="c1")
    assert (found["queue"], found["cursor"]) == ("sales", None)
    assert [(one["id"], one["place"]) for one in found["entries"]] == [("c1", 2)]
    assert (await refused_by_engine(client, "queue.entries", id="c9")).kind == "not_found"
    with pytest.raises(RequestRejected, match="only one of"):
        await client.call("queue.entries", queue="sales", id="c1")
    with pytest.raises(RequestRejected, match="give queue or id"):
        await client.call("queue.entries")


async def test_a_position_that_changes_is_an_event(
    engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.acd.queues.PERIOD_S", 0.05)
    daemon, client = engine
    async with client.events(types=["queue.moved"]) as events:
        for number in range(3):
            join(daemon, f"c{number}", 10 - number)
        daemon.queues.leave("c0", "abandoned")
        moved = [await anext(events), await anext(events)]
    told = [(one["call"], one["from_place"], one["place"], one["queue"]) for one in moved]
    assert told == [("c1", 2, 1, "sales"), ("c2", 3, 2, "sales")]
    assert all("to_queue" not in one for one in moved)


async def test_moving(engine: RunningEngine) -> None:
    daemon, client = engine
    join(daemon, "c1", 5, queue="service")
    join(daemon, "c2", 30)
    moved = await client.call("queue.move", id="c2", queue="service")
    assert (moved["queue"], moved["place"]) == ("service", 1)
    assert (await refused_by_engine(client, "queue.move", id="c2", queue="service")).kind == "state"
    assert (
        await refused_by_engine(client, "queue.move", id="c9", queue="service")
    ).kind == "not_found"
    assert (await refused_by_engine(client, "queue.move", id="c2", queue="none")).kind == "refused"
    join(daemon, "c3", 1)
    error = await refused_by_engine(client, "queue.move", id="c3", queue="service")
    assert (error.kind, error.data["reason"]) == ("unavailable", "full")


async def test_a_removed_entry_learns_of_it(engine: RunningEngine) -> None:
    daemon, client = engine
    left = join(daemon, "c1", 5)
    removed = await client.call("queue.remove", id="c1")
    assert (removed["state"], removed["id"]) == ("withdrawn", "c1")
    await client.call("ping")
    assert [leave.reason for leave in left] == ["withdrawn"]


async def test_a_paused_queue_offers_nobody_until_it_is_resumed(engine: RunningEngine) -> None:
    daemon, client = engine
    assert (await client.call("queue.pause", queue="sales"))["paused"] is True
    join(daemon, "c1", 5)
    await client.call("agent.login", agent="bert")
    assert (await client.call("agent.get", agent="bert"))["state"] == "available"
    assert (await client.call("queue.resume", queue="sales"))["paused"] is False
    agent = await client.call("agent.get", agent="bert")
    assert (agent["state"], agent["work"]) == ("reserved", "c1")
    (entry,) = (await client.call("queue.entries", queue="sales"))["entries"]
    assert (entry["state"], entry["offered_to"]) == ("offered", ["bert"])
    assert (await refused_by_engine(client, "queue.remove", id="c1")).kind == "state"


async def test_availability(engine: RunningEngine) -> None:
    daemon, client = engine
    nobody = await client.call("queue.availability", queue="sales")
    assert nobody == {
        "queue": "sales", "open": True, "opens_at": None, "agents_free": 0, "agents_present": 0,
        "waiting": 0, "waiting_since": None, "expected_wait_s": None, "hours": None,
    }  # fmt: skip
    await client.call("agent.login", agent="bert")
    free = await client.call("queue.availability", queue="sales")
    assert (free["agents_free"], free["agents_present"]) == (1, 1)
    await client.call("agent.pause", agent="bert")
    assert (await client.call("queue.availability", queue="sales"))["agents_present"] == 0
    await client.call("queue.pause", queue="sales")
    assert not (await client.call("queue.availability", queue="sales"))["open"]
    join(daemon, "c1", 5, queue="service")
    join(daemon, "c2", 5, queue="service")
    full = await client.call("queue.availability", queue="service")
    assert (full["open"], full["waiting"]) == (False, 2)
    entries = (await client.call("queue.entries", queue="service"))["entries"]
    assert full["waiting_since"] == entries[0]["joined_at"]
    more = await client.call("queue.availability", queue="night", taken=3)
    assert more["waiting"] == 3
    assert (await refused_by_engine(client, "queue.availability", queue="x")).kind == "not_found"
    with pytest.raises(RequestRejected, match="days"):
        await client.call("queue.availability", queue="sales", days=0)


async def test_availability_of_a_closed_queue_has_its_hours(engine: RunningEngine) -> None:
    _daemon, client = engine
    found = await client.call("queue.availability", queue="night", days=3)
    assert not found["open"]
    assert found["hours"] == [{"opens": found["opens_at"], "closes": found["opens_at"] + 3600}]
    assert (await client.call("queue.availability", queue="night", days=1))["hours"] == []


async def test_explaining_who_waits(engine: RunningEngine) -> None:
    daemon, client = engine
    nobody = await client.call("queue.explain", queue="sales")
    assert nobody == {
        "queue": "sales", "waiting": 0, "held_back": None, "why": None, "entry": None, "agents": []
    }  # fmt: skip
    await client.call("agent.login", agent="bert")
    join(daemon, "c1", 60, skills={"german": 3})
    join(daemon, "c2", 5, skills={"german": 3})
    found = await client.call("queue.explain", queue="sales")
    assert found["entry"]["id"] == "c1"
    assert found["agents"] == [
        {"agent": "bert", "state": "available", "could": False, "why_not": "lacks german 3"}
    ]
    why = "c1 waits although an agent is free: bert: lacks german 3"
    assert found["why"] == why
    assert (await client.call("queue.get", queue="sales"))["why_waiting"] == why
    live = {one["queue"]: one for one in (await client.call("report.live"))["queues"]}
    assert live["sales"]["why_waiting"] == why
    assert (await client.call("queue.explain", id="c2"))["entry"]["place"] == 2
    assert (await refused_by_engine(client, "queue.explain", queue="none")).kind == "not_found"
    assert (await refused_by_engine(client, "queue.explain", id="c9")).kind == "not_found"
    with pytest.raises(RequestRejected, match="give only one"):
        await client.call("queue.explain", queue="sales", id="c1")
    socket = daemon.settings.control.socket
    assert f"sales: {why}" in (await ringback(socket, "queues")).text
    assert why in (await ringback(socket, "queues", "sales")).text
    text = (await ringback(socket, "queue", "explain", "sales")).text
    assert "c1 waits for sales, number 1" in text and "lacks german 3" in text
    assert "number 2" in (await ringback(socket, "queue", "explain", "--id", "c2")).text
    assert "nobody waits in night" in (await ringback(socket, "queue", "explain", "night")).text
    await client.call("queue.pause", queue="sales")
    text = (await ringback(socket, "queue", "explain", "sales")).text
    assert "nobody is offered now: the queue is paused" in text
    await ringback(socket, "queue", "explain", status=2)


async def test_the_command_line(engine: RunningEngine) -> None:
    daemon, _client = engine
    socket = daemon.settings.control.socket
    join(daemon, "c1", 75, number="+442079460000")
    join(daemon, "c2", 5)
    text = (await ringback(socket, "queues")).text
    assert "sales" in text and "1:1" in text and "service" in text
    assert "closed until " in text
    text = (await ringback(socket, "queues", "sales", "--limit", "1")).text
    assert "+442079460000" in text and "--cursor" in text and "c2" not in text
    shown = await ringback(socket, "queues", "sales", "--json")
    assert [entry["id"] for entry in shown.json["entries"]] == ["c1", "c2"]
    assert (
        "c2 waits in service, number 1"
        in (await ringback(socket, "queue", "move", "c2", "service")).text
    )
    assert "leeds 1 (100%)" in (await ringback(socket, "queues", "service")).text
    assert "sales is paused" in (await ringback(socket, "queue", "pause", "sales")).text
    assert "paused" in (await ringback(socket, "queues")).text
    assert "no longer paused" in (await ringback(socket, "queue", "resume", "sales")).text
    assert "c1 waits no longer" in (await ringback(socket, "queue", "remove", "c1")).text
    await ringback(socket, "queue", "remove", "c1", status=1)
