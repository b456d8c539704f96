"""Reports from rows: intervals of a place, keys, totals, pages."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from engine.errors import BadParams
from engine.reports.intervals import zone_of
from engine.reports.report_count import page
from tests.support.recorded import Recorded, ended_job, leg, recorded

LONDON = ZoneInfo("Europe/London")


def london(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


def talked(id: str, created: float, *, alone_s: float = 0.0, **more: Any) -> Any:
    """A callback that came to a talk: the agent after 2 s, the customer after 5."""
    legs = [
        leg("agent", created, created + 2, created + 60),
        leg("customer", created + 3, created + 5, created + 60),
    ]
    legs[1].leg += id
    return ended_job(
        id, created=created, ended_at=created + 60, bridged_at=created + 5 + alone_s, legs=[legs],
        **more,
    )  # fmt: skip


def waits(here: Recorded, at: float, entry: str, queue: str, waited_s: float, end: str) -> None:
    here.at(at, "queue.joined", call=entry, queue=queue)
    here.at(at + waited_s, f"queue.{end}", call=entry, queue=queue, agent="alice")


async def test_queues_by_interval(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        waits(here, 1000.0, "c1", "sales", 10.0, "answered")
        waits(here, 1100.0, "c2", "sales", 30.0, "abandoned")
        waits(here, 1899.9, "c3", "help", 40.0, "answered")
        waits(here, 1900.0, "c4", "sales", 1.0, "abandoned")
        here.at(1950.0, "queue.joined", call="c5", queue="sales")
        here.clock.now = 2000.0
        report = await here.report("queue", 900.0, 2700.0, interval="15min")
        rows = [(row["from"], row["to"], row["queue"], row["offered"]) for row in report["rows"]]
        assert rows == [
            (900.0, 1800.0, "sales", 2), (1800.0, 2700.0, "help", 1), (1800.0, 2700.0, "sales", 2),
        ]  # fmt: skip
        sales = report["totals"][1]
        assert (sales["queue"], sales["answered"], sales["abandoned"]) == ("sales", 1, 1)
        assert (sales["short_abandoned"], sales["waiting"]) == (1, 1)
        assert sales["longest_wait_s"] == 50.0  # an entry that still waits has waited this long
        assert report["total"]["offered"] == 5
        assert report["definitions"]["service_level_s"] == 20.0
        only = await here.report("queue", 900.0, 2700.0, which="help")
        assert [row["queue"] for row in only["rows"]] == ["help"]


async def test_handling_time_is_the_talk_and_wrap_up_of_the_agent_who_answered(
    tmp_path: Path,
) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        waits(here, 1000.0, "c1", "sales", 10.0, "answered")
        here.at(1010.0, "agent.talking", agent="alice", work="c1")
        here.at(1070.0, "agent.wrap_up", agent="alice", work="c1")
        here.at(1100.0, "agent.available", agent="alice")
        # The same caller again: the time of each talk belongs to its own stay.
        waits(here, 1200.0, "c1", "help", 5.0, "answered")
        here.at(1205.0, "agent.talking", agent="bob", work="c1")
        here.at(1215.0, "agent.available", agent="bob")
        here.at(1300.0, "agent.talking", agent="bob", work="c9")  # of no queue
        report = await here.report("queue", 900.0, 2700.0)
        aht = {row["queue"]: row["aht_s"] for row in report["totals"]}
        assert aht == {"sales": 90.0, "help": 10.0}


async def test_agents_over_the_edge_of_an_interval(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        here.at(1000.0, "agent.available", agent="alice")
        here.at(1700.0, "agent.ringing", agent="alice", work="j1")
        here.at(1750.0, "agent.talking", agent="alice", work="j1")
        here.at(1850.0, "agent.wrap_up", agent="alice", work="j1")
        here.at(1900.0, "agent.logged_out", agent="alice")
        here.at(500.0, "agent.available", agent="bob")
        here.clock.now = 3000.0
        report = await here.report("agent", 900.0, 2700.0, interval="15min")
        found = {(row["from"], row["agent"]): row for row in report["rows"]}
        assert set(found) == {
            (900.0, "alice"), (900.0, "bob"), (1800.0, "alice"), (1800.0, "bob"),
        }  # fmt: skip
        first, second = found[900.0, "alice"], found[1800.0, "alice"]
        assert (first["available_s"], first["talking_s"], first["calls"]) == (700.0, 50.0, 1)
        assert (second["talking_s"], second["wrap_up_s"], second["calls"]) == (50.0, 50.0, 0)
        assert first["aht_s"] == 150.0
        assert found[900.0, "bob"]["available_s"] == 900.0
        alice = await here.report("agent", 900.0, 2700.0, which="alice")
        assert [row["agent"] for row in alice["totals"]] == ["alice"]
        assert alice["totals"][0]["occupancy_percent"] == 16.67  # 150 of 900 s


async def test_jobs_open_and_ended(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0, promise_s=30.0) as here:
        here.end(talked("j1", 1000.0, site="a", queue="sales"))
        here.end(ended_job("j2", state="failed", result="busy", created=1500.0, ended_at=1590.0))
        still = ended_job("j3", created=1900.0, site="a")
        here.store.save(msgspec.structs.replace(still, state="queued", ended_at=None, result=None))
        here.clock.now = 1920.0
        total = (await here.report("job", 900.0, 2700.0))["total"]
        assert total == total | {
            "requested": 3, "completed": 1, "failed": 1, "open": 1, "promised": 3,
            "promise_kept": 1, "promise_broken": 1, "to_operator_s": 2.0, "to_talk_s": 5.0,
        }  # fmt: skip
        by_site = await here.report("job", 900.0, 2700.0, by="site")
        assert {row["site"]: row["requested"] for row in by_site["totals"]} == {"": 1, "a": 2}
        by_result = await here.report("job", 900.0, 2700.0, by="result")
        assert {row["result"] for row in by_result["totals"]} == {"completed", "busy", ""}
        by_agent = await here.report("job", 900.0, 2700.0, by="agent")
        assert {row["agent"] for row in by_agent["totals"]} == {"alice"}
        assert (await here.report("job", 2000.0, 2700.0))["total"]["requested"] == 0


async def test_customers_left_alone_by_site_and_thirty_days(tmp_path: Path) -> None:
    day = 86400.0
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number, (at, alone_s) in enumerate([(0.0, 9.0), (10 * day, 9.0), (39 * day, 0.0)]):
            here.end(talked(f"a{number}", at, alone_s=alone_s, site="a"))
        here.end(talked("b", 39 * day, alone_s=9.0, site="b"))
        here.clock.now = 41 * day
        report = await here.report("site", 38 * day, 40 * day)
        sites = {row["site"]: row for row in report["totals"]}
        assert (sites["a"]["customers_answered"], sites["a"]["left_alone"]) == (1, 0)
        # Day 10 is within the 30 days before day 40, day 0 is not.
        assert sites["a"]["customers_answered_30d"] == 2
        assert sites["a"]["left_alone_30d_percent"] == 50.0
        assert sites["b"]["left_alone_percent"] == 100.0
        only = await here.report("site", 38 * day, 40 * day, which="a")
        assert [row["site"] for row in only["rows"]] == ["a"]


async def test_a_day_is_that_of_the_place(tmp_path: Path) -> None:
    """25 hours when the clock is set back; a moment before midnight belongs to the day before."""
    async with recorded(tmp_path / "db", now=0.0, time_zone="Europe/London") as here:
        for number, text in enumerate(
            ["2026-10-24T23:59:59", "2026-10-25T00:00:00", "2026-10-25T23:59:59"]
        ):
            at = london(text)
            waits(here, at, f"c{number}", "sales", 1.0, "answered")
        here.clock.now = london("2026-10-25T12:00")
        today = here.reports.question("queue")
        assert (today.begin, today.time_zone) == (london("2026-10-25"), "Europe/London")
        days = (london("2026-10-24"), london("2026-10-26"))
        report = await here.report("queue", *days, interval="day")
        assert [(row["to"] - row["from"], row["offered"]) for row in report["rows"]] == [
            (86400.0, 1),
            (90000.0, 2),
        ]
        there = await here.report("queue", *days, interval="day", time_zone="Asia/Kathmandu")
        assert [row["offered"] for row in there["rows"]] == [2, 1]
        assert there["time_zone"] == "Asia/Kathmandu"


async def test_what_cannot_be_asked_for(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        with pytest.raises(BadParams, match="must be earlier than to"):
            here.reports.question("queue", 10.0, 10.0)
        with pytest.raises(BadParams, match="is not a time zone"):
            here.reports.question("queue", 0.0, 10.0, time_zone="Mars/Olympus")
        with pytest.raises(BadParams, match="more than 10000 intervals"):
            await here.report("queue", 0.0, 1e9, interval="15min")
    assert zone_of("") is None


async def test_definitions_hold_for_the_past_as_well(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        waits(here, 1000.0, "c1", "sales", 25.0, "answered")
        assert (await here.report("queue", 0, 2000))["total"]["service_level_percent"] == 0.0
        changed = here.reports._settings.model_copy(update={"service_level_s": 30.0})
        here.reports.configure(changed)
        assert (await here.report("queue", 0, 2000))["total"]["service_level_percent"] == 100.0


def test_a_page_ends_by_count_or_size_and_says_where_the_next_begins() -> None:
    table = {"rows": [{"n": number, "x": "x" * 100} for number in range(10)], "total": {}}
    first = page(table, 3, None, 10_000)
    assert ([row["n"] for row in first["rows"]], first["cursor"]) == ([0, 1, 2], "3")
    sized = page(table, 100, "3", 250)
    assert ([row["n"] for row in sized["rows"]], sized["cursor"]) == ([3, 4], "5")
    huge = page(table, 100, "9", 1)
    assert ([row["n"] for row in huge["rows"]], huge["cursor"]) == ([9], None)
    for cursor in ("11", "-1", "x", "٣"):
        with pytest.raises(BadParams):
            page(table, 3, cursor, 10_000)


async def test_a_customer_is_one_in_the_queue_they_came_to_first(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        here.at(1000.0, "queue.joined", call="c1", queue="sales")
        here.at(1030.0, "queue.moved", call="c1", queue="sales", to_queue="help")
        here.at(1030.0, "queue.joined", call="c1", queue="help")
        here.at(1040.0, "queue.answered", call="c1", queue="help", agent="alice")
        waits(here, 1100.0, "c2", "sales", 20.0, "abandoned")
        here.clock.now = 2000.0
        report = await here.report("queue", 900.0, 2700.0)
        assert report["total"]["offered"] == 3
        assert (report["total"]["customers"], report["total"]["customer_wait_s"]) == (2, 40.0)
        by_queue = {row["queue"]: row for row in report["totals"]}
        assert (by_queue["sales"]["customers"], by_queue["help"]["customers"]) == (2, 0)
        assert by_queue["sales"]["customers_answered"] == 1
        only = await here.report("queue", 900.0, 2700.0, which="help")
        assert only["total"]["customers"] == 0
        later = await here.report("queue", 1020.0, 2700.0)
        assert later["total"]["customers"] == 1  # the other came before


async def test_calls_by_what_is_known_of_them(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number, (route, talk_at) in enumerate((("main", 1005.0), ("main", None), ("vip", 9.0))):
            here.at(
                1000.0 + number, "call.ended", call=f"c{number}", started=1000.0 + number,
                route=route, trunk="pbx", bridged_at=talk_at, result="completed",
                context={"site": "shop"},
            )  # fmt: skip
        here.store.execute("INSERT INTO annotations VALUES ('c0', 1.0, 'sold', 5, '[]')")
        here.end(talked("j1", 1000.0))  # a callback is none of them
        report = await here.report("call", 900.0, 2700.0, by="route")
        assert [(row["route"], row["calls"], row["answered"]) for row in report["totals"]] == [
            ("main", 2, 1), ("vip", 1, 1),
        ]  # fmt: skip
        assert (report["total"]["rating"], report["total"]["outcomes"]) == (5.0, {"sold": 1})
        for by, keys in (
            ("site", ["shop"]), ("trunk", ["pbx"]), ("result", ["completed"]),
            ("rating", ["", "5"]), ("outcome", ["", "sold"]), ("queue", [""]), ("agent", [""]),
        ):  # fmt: skip
            found = await here.report("call", 900.0, 2700.0, by=by)
            assert [row[by] for row in found["totals"]] == keys


async def test_callbacks_by_outcome(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number, outcome in enumerate(("sold", "sold", "no interest")):
            here.end(talked(f"j{number}", 1000.0))
            here.store.execute(
                "INSERT INTO annotations VALUES (?, 1.0, ?, NULL, '[]')", (f"j{number}", outcome)
            )
        report = await here.report("job", 900.0, 2700.0, by="outcome")
        assert [(row["outcome"], row["requested"]) for row in report["totals"]] == [
            ("no interest", 1), ("sold", 2),
        ]  # fmt: skip
        assert report["total"]["outcomes"] == {"no interest": 1, "sold": 2}
