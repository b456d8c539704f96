"""Calls that came in and were up when the engine died: the next one publishes their end."""

from pathlib import Path
from typing import Any

from tests.support.engines.in_process import running, settings_in
from tests.support.recorded import Recorded, recorded

CALL: dict[str, Any] = {"call": "c1", "context": {"site": "shop"}}
INCOMING: dict[str, Any] = {
    "number": "+442079460000",
    "dialled": "100",
    "trunk": "pbx",
    "route": "shop",
}


def begins(here: Recorded, at: float, **fields: Any) -> None:
    here.log.watch(here.interrupted_calls.watch)
    here.at(at, "call.incoming", **CALL, **INCOMING, **fields)
    here.at(at + 1, "call.answered", **CALL, queue="sales", joined_at=at + 1)
    here.at(at + 1, "queue.joined", **CALL, queue="sales", kind="call")


async def restarted(path: Path, now: float) -> list[tuple[Any, ...]]:
    """The records once the next engine has begun at `now`."""
    async with recorded(path, now=now) as here:
        here.log.watch(here.interrupted_calls.watch)
        for ended in here.interrupted_calls.cut_off(here.records.seen_until):
            here.at(now, "call.ended", **ended)
        here.at(now, "engine.started")
        assert await here.rows("SELECT * FROM documents WHERE kind = 'call_up'") == []
        stays = await here.rows("SELECT result, left_at, talk_s FROM queue_stays")
        return (
            await here.rows(
                "SELECT id, state, result, number, site, queue, created, ended_at, talk_s"
                " FROM records"
            )
            + stays
        )


async def test_a_caller_who_talked(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        begins(here, 1000.0)
        here.at(1010.0, "queue.answered", **CALL, queue="sales", agent="alice")
        here.at(1011.0, "call.bridged", **CALL, agent="alice")
        here.at(1071.0, "agent.available", agent="bob")  # the last that was seen
    assert await restarted(tmp_path / "db", 9000.0) == [
        ("c1", "completed", "completed", "+442079460000", "shop", "sales", 1000.0, 1071.0, 60.0),
        ("answered", 1010.0, 60.0),
    ]


async def test_a_caller_who_waited_is_lost(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        begins(here, 1000.0)
    assert await restarted(tmp_path / "db", 9000.0) == [
        ("c1", "failed", "failed", "+442079460000", "shop", "sales", 1000.0, 1001.0, None),
        ("lost", 1001.0, None),
    ]


async def test_an_end_that_was_published_is_not_published_again(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        begins(here, 1000.0)
        here.at(1005.0, "call.ended", **CALL, started=1000.0, result="abandoned")
    (record, *_stays) = await restarted(tmp_path / "db", 9000.0)
    assert record[2] == "abandoned"


async def test_a_daemon_publishes_the_end(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _client):
        daemon.events.publish("call.incoming", **CALL, **INCOMING)
        await daemon.events.settled()
    async with running(settings) as (_daemon, client):
        record = await client.call("record.get", id="c1")
        assert (record["result"], record["cause"]) == ("failed", "engine restarted")
        assert record["kind"] == "call" and record["dialled"] == "100"


async def test_the_end_of_a_call_by_command_is_published(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.log.watch(here.interrupted_calls.watch)
        here.at(1000.0, "call.originated", **CALL, to="100", number="+442079460000")
        here.at(1001.0, "call.answered", **CALL)
        here.at(1002.0, "call.bridged", **CALL, partner="leg-2")
    async with recorded(tmp_path / "db", now=9000.0) as here:
        (ended,) = here.interrupted_calls.cut_off(1060.0)
        kept = (ended["direction"], ended["result"], ended["to"])
        assert kept == ("outbound", "completed", "100")
        assert (ended["bridged_at"], ended["ended_at"]) == (1002.0, 1060.0)
        assert (ended["cause"], ended["context"]) == ("engine restarted", CALL["context"])
