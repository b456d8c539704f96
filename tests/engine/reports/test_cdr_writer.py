"""The keeper of records: from events to rows, in any order and over a restart."""

import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from config.policy import Rate
from engine.job import OfferRecord
from engine.routing.rates import Rates
from tests.support.recorded import Recorded, ended_job, leg, recorded

STAYS = "SELECT entry, queue, kind, joined_at, left_at, result, reason, agent, talk_s FROM queue_stays ORDER BY joined_at, rowid"  # noqa: E501
PERIODS = "SELECT agent, state, since, reason, work FROM agent_periods ORDER BY number"


async def stays(here: Recorded) -> list[dict[str, Any]]:
    names = ("entry", "queue", "kind", "joined_at", "left_at", "result", "reason", "agent",
             "talk_s")  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in await here.rows(STAYS)]


async def test_a_callback_from_its_queue_to_its_record(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.costs.job = {"amount": 0.5, "currency": "EUR"}
        here.at(1000.0, "queue.joined", job="j1", queue="sales", context={"site": "shop"})
        here.at(1005.0, "queue.answered", job="j1", queue="sales", agent="alice")
        legs = [leg("agent", 1001.0, 1005.0, 1080.0), leg("customer", 1006.0, 1010.0, 1080.0)]
        here.end(ended_job(legs=[legs], bridged_at=1010.0, ended_at=1080.0))
        (stay,) = await stays(here)
        assert stay == stay | {
            "kind": "callback", "joined_at": 1000.0, "left_at": 1005.0, "result": "answered",
            "agent": "alice", "talk_s": 70.0,
        }  # fmt: skip
        ((id, number, cost, talk_s, body),) = await here.rows(
            "SELECT id, number, cost, talk_s, body FROM records"
        )
        assert (id, number, cost, talk_s) == ("j1", "+442079460000", 0.5, 70.0)
        assert msgspec.json.decode(body)["stays"][0]["site"] == "shop"
        job = here.store.find("j1")
        assert job is not None and job.cost == {"amount": 0.5, "currency": "EUR"}
        assert await here.rows("SELECT record, alone_s FROM customer_answers") == [("j1", 0.0)]


@pytest.mark.parametrize(
    ("kind", "type", "fields", "result"),
    [
        ("call", "queue.abandoned", {"reason": "abandoned"}, "abandoned"),
        ("job", "queue.abandoned", {"reason": "abandoned"}, "withdrawn"),
        ("job", "queue.left", {"reason": "cancelled"}, "withdrawn"),
        ("call", "queue.left", {"reason": "timeout"}, "expired"),
        ("call", "queue.left", {"reason": "closed"}, "expired"),
        ("call", "queue.left", {"reason": "callback"}, "overflowed"),
        ("call", "queue.overflowed", {"target": "+44207"}, "overflowed"),
    ],
)
async def test_how_a_stay_can_end(
    tmp_path: Path, kind: str, type: str, fields: dict[str, Any], result: str
) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", **{kind: "x"}, queue="sales")
        here.at(1009.0, type, **{kind: "x"}, queue="sales", **fields)
        (stay,) = await stays(here)
        assert (stay["result"], stay["left_at"]) == (result, 1009.0)


async def test_a_moved_entry_has_two_stays(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", call="c1", queue="sales")
        here.at(1030.0, "queue.overflowed", call="c1", queue="sales", to_queue="all")
        here.at(1030.0, "queue.joined", call="c1", queue="all", from_queue="sales")
        here.at(1040.0, "queue.moved", call="c1", queue="all", to_queue="vip")
        here.at(1040.0, "queue.joined", call="c1", queue="vip", from_queue="all")
        here.at(1050.0, "queue.abandoned", call="c1", queue="vip")
        found = [(one["queue"], one["result"], one["reason"]) for one in await stays(here)]
        assert found == [
            ("sales", "overflowed", "all"), ("all", "overflowed", "vip"),
            ("vip", "abandoned", None),
        ]  # fmt: skip


async def test_who_waits_for_one_agent_alone_is_in_no_queue(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", job="j1")
        here.at(1001.0, "queue.answered", job="j1", agent="alice")
        assert await stays(here) == []


async def test_a_job_that_ends_in_a_queue_leaves_it(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", job="j1", queue="sales")
        here.end(ended_job(state="cancelled", ended_at=1008.0))
        (stay,) = await stays(here)
        assert (stay["result"], stay["left_at"]) == ("withdrawn", 1008.0)


async def test_a_retry_is_a_stay_of_its_own_and_the_talk_belongs_to_the_last(
    tmp_path: Path,
) -> None:
    async with recorded(tmp_path / "db") as here:
        for began in (1000.0, 1100.0):
            here.at(began, "queue.joined", job="j1", queue="sales", context={"site": "shop"})
            here.at(began + 5, "queue.answered", job="j1", queue="sales", agent="alice")
        legs = [
            [leg("agent", 1001.0, 1005.0, 1030.0), leg("customer", 1006.0, None, 1030.0)],
            [leg("agent", 1101.0, 1105.0, 1150.0), leg("customer", 1106.0, 1110.0, 1150.0)],
        ]
        context = {"site": "shop", "basket": ["a", "b"]}
        here.end(ended_job(legs=legs, bridged_at=1110.0, ended_at=1150.0, context=context))
        assert [one["talk_s"] for one in await stays(here)] == [None, 40.0]
        ((body,),) = await here.rows("SELECT body FROM records")
        record = msgspec.json.decode(body)
        # What was asked with travels through every attempt.
        assert record["context"] == context
        assert len(record["attempts"]) == len(record["stays"]) == 2


async def test_a_call_that_came_in_has_a_record(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", call="c1", queue="sales", kind="call")
        here.at(1004.0, "queue.answered", call="c1", queue="sales", agent="alice")
        here.at(
            1064.0, "call.ended", call="c1", started=999.0, answered_at=999.5, bridged_at=1004.0,
            number="+442079460000", result="completed", context={"site": "shop"},
        )  # fmt: skip
        here.at(1070.0, "call.ended", call="c2", started=1065.0, result="refused")
        here.at(1071.0, "call.ended", call="c3", job="j1")  # that of a callback
        found = await here.rows(
            "SELECT id, kind, state, queue, agent, site, talk_s, created FROM records"
        )
        assert found == [
            ("c1", "call", "completed", "sales", "alice", "shop", 60.0, 999.0),
            ("c2", "call", "failed", None, None, None, None, 1065.0),
        ]
        (stay,) = await stays(here)
        assert stay["talk_s"] == 60.0


async def test_a_call_has_the_talk_until_one_hung_up_and_the_cost_of_its_outside_number(
    tmp_path: Path,
) -> None:
    async with recorded(tmp_path / "db") as here:
        here.costs.of_legs = Rates([Rate(prefix="+44", per_minute=Decimal(6))]).cost_of_legs
        caller = leg("customer", 1000.0, 1000.0, 1064.0, uri="sip:+447700900001@trunk")
        agent = leg("agent", 1001.0, 1004.0, 1064.5, uri="sip:+442079460000@trunk")
        here.at(
            1069.0, "call.ended", call="c1", started=1000.0, answered_at=1004.0, bridged_at=1004.0,
            result="completed", legs=[caller, agent],
        )  # fmt: skip
        assert await here.rows("SELECT talk_s, cost, currency FROM records") == [(60.0, 6.1, "EUR")]
        ((body,),) = await here.rows("SELECT body FROM records")
        cost = json.loads(body)["cost"]
        assert cost["amount"] == "6.1000"
        assert [one["leg"] for one in cost["legs"]] == [agent.leg]


async def test_agents_periods_follow_their_events(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        alice = SimpleNamespace(name="alice", state="available", reason=None, work=None)
        here.records.begin([alice], 1000.0)
        here.at(1010.0, "agent.reserved", agent="alice", since=1009.9, work="j1")
        here.at(1011.0, "agent.skills", agent="alice", skills={})  # no state
        here.at(1012.0, "agent.paused", agent="alice", reason="lunch")
        here.records.begin([alice], 1000.0)
        assert await here.rows(PERIODS) == [
            ("alice", "available", 1000.0, None, None),
            ("alice", "reserved", 1009.9, None, "j1"),
            ("alice", "paused", 1012.0, "lunch", None),
            ("alice", "available", 1000.0, None, None),
        ]


async def test_a_customer_who_was_called_first_and_cut_off_has_both_stays(tmp_path: Path) -> None:
    waits = {"job": "j1", "queue": "sales", "kind": "call"}
    async with recorded(tmp_path / "db") as here:
        here.store.save(msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None))
        here.at(1000.0, "queue.joined", **waits)
    async with recorded(tmp_path / "db", now=2000.0) as here:
        here.at(2000.0, "engine.started")
        here.at(2001.0, "queue.joined", **waits)
        here.at(2002.0, "queue.answered", **waits, agent="alice")
        here.end(ended_job("j1", created=1000.0, ended_at=2050.0))
        ((body,),) = await here.rows("SELECT body FROM records")
        assert [stay["result"] for stay in json.loads(body)["stays"]] == ["lost", "answered"]


async def test_a_restart_keeps_who_joins_again_and_closes_the_others(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.store.save(msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None))
        here.at(1000.0, "queue.joined", job="j1", queue="sales")
        here.at(1001.0, "queue.joined", call="c1", queue="sales")
        here.at(1002.0, "agent.talking", agent="alice", work="j1")
        here.at(1003.0, "agent.logged_out", agent="bob")
        here.at(1050.0, "leg.dtmf")  # the last that was heard of the first engine
    async with recorded(tmp_path / "db", now=2000.0) as here:
        here.at(2000.0, "queue.joined", job="j1", queue="sales")
        here.at(2001.0, "engine.started")
        here.at(2010.0, "queue.answered", job="j1", queue="sales", agent="bob")
        found = {one["entry"]: one for one in await stays(here)}
        assert len(found) == 2
        assert found["j1"] == found["j1"] | {
            "joined_at": 1000.0, "left_at": 2010.0, "result": "answered"
        }  # fmt: skip
        assert found["c1"] == found["c1"] | {
            "left_at": 1050.0, "result": "lost", "reason": "engine restarted"
        }  # fmt: skip
        assert (await here.rows(PERIODS))[2:] == [("alice", "down", 1050.0, None, None)]


async def test_one_who_joins_again_only_later_keeps_the_stay(tmp_path: Path) -> None:
    waits = {"job": "j1", "queue": "sales"}
    async with recorded(tmp_path / "db") as here:
        for entry in ("j1", "j2"):
            job = msgspec.structs.replace(ended_job(entry), state="queued", ended_at=None)
            here.store.save(job)
            here.at(1000.0, "queue.joined", job=entry, queue="sales")
    async with recorded(tmp_path / "db", now=2000.0) as here:
        coming = {"j1", "j2"}
        here.records.begin([], 2000.0, coming.__contains__)
        here.records.all_came_back()
        here.at(2000.0, "engine.started")
        assert {one["result"] for one in await stays(here)} == {None}
        here.at(2001.0, "queue.joined", **waits)
        coming.clear()
        here.records.all_came_back()
        here.at(2010.0, "queue.answered", **waits, agent="bob")
        found = {one["entry"]: one for one in await stays(here)}
        assert found["j1"] == found["j1"] | {"joined_at": 1000.0, "result": "answered"}
        assert found["j2"] == found["j2"] | {"result": "lost", "reason": "engine restarted"}


async def test_stays_of_a_job_before_a_restart_are_in_its_record(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.store.save(msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None))
        here.at(1000.0, "queue.joined", job="j1", queue="sales")
        here.at(1005.0, "queue.answered", job="j1", queue="sales", agent="alice")
    async with recorded(tmp_path / "db", now=2000.0) as here:
        here.at(2001.0, "engine.started")
        here.end(ended_job(
            state="failed", ended_at=2002.0, offers=[OfferRecord(agent="alice", offered=1000.0)],
        ))  # fmt: skip
        ((body,),) = await here.rows("SELECT body FROM records")
        assert [stay["queue"] for stay in msgspec.json.decode(body)["stays"]] == ["sales"]


async def test_a_job_that_is_not_there_or_not_over_has_no_record(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "callback.completed", job="unknown")
        here.store.save(msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None))
        here.at(1001.0, "callback.failed", job="j1")
        assert await here.rows("SELECT id FROM records") == []


async def test_one_who_joins_another_queue_has_left_the_first(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.at(1000.0, "queue.joined", call="c1", queue="sales")
        here.at(1010.0, "queue.joined", call="c1", queue="support", reason="transferred")
        here.at(1020.0, "queue.answered", call="c1", queue="support", agent="bob")
        first, second = sorted(await stays(here), key=lambda one: one["joined_at"])
        assert (first["queue"], first["result"], first["left_at"]) == ("sales", "overflowed", 1010)
        assert (second["queue"], second["result"]) == ("support", "answered")
