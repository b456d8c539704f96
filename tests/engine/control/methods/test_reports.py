"""report.* as a client asks them: spans, pages, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.control.methods.reports import ReportMethods
from engine.errors import BadParams
from tests.support.method_call import call_method
from tests.support.recorded import Recorded, ended_job, recorded

NOON = 20_000 * 86400.0 + 43200.0


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Recorded]:
    async with recorded(tmp_path / "db", now=NOON) as here:
        yield here


async def report(here: Recorded, name: str, **params: Any) -> Any:
    return await call_method(
        ReportMethods(here.reports, here.live, list).table(), f"report.{name}", **params
    )


async def test_today_unless_asked_otherwise(here: Recorded) -> None:
    here.end(ended_job("yesterday", created=NOON - 86400.0, ended_at=NOON - 86300.0))
    here.end(ended_job("today", created=NOON - 60.0, ended_at=NOON))
    found = await report(here, "job")
    assert found["total"]["requested"] == 1
    assert (found["from"], found["to"], found["time_zone"]) == (NOON - 43200.0, NOON, "UTC")
    both = await report(here, "job", **{"from": NOON - 90000.0, "by": "site"})
    assert both["total"]["requested"] == 2
    assert both["by"] == "site"


async def test_pages_of_rows(here: Recorded) -> None:
    for number in range(10):
        created = NOON - 3600.0 * number - 1.0
        here.end(ended_job(f"j{number}", created=created, ended_at=created + 1))
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = {"from": NOON - 36000.0, "to": NOON, "interval": "hour", "limit": 4}
        page = await report(here, "job", cursor=cursor, **asked)
        rows += page["rows"]
        cursor = page["cursor"]
        if cursor is None:
            break
        assert len(page["rows"]) == 4
    assert [row["requested"] for row in rows] == [1] * 10
    assert [row["from"] for row in rows] == sorted({row["from"] for row in rows})


async def test_of_one_queue_agent_or_site(here: Recorded) -> None:
    here.clock.now = NOON - 10.0
    for name in ("a", "b"):
        here.at(NOON - 10.0, "queue.joined", call=f"c{name}", queue=name)
        here.at(NOON - 9.0, "agent.available", agent=name)
        here.end(ended_job(name, created=NOON - 8.0, ended_at=NOON - 7.0, site=name))
    here.clock.now = NOON
    for kind in ("queue", "agent", "site"):
        found = await report(here, kind, **{kind: "a"})
        assert [row[kind] for row in found["totals"]] == ["a"]


async def test_live_is_of_now(here: Recorded) -> None:
    here.present.engine = {"version": "1"}
    here.present.agents = [{"agent": "alice", "state": "available"}]
    here.at(NOON, "queue.joined", call="c1", queue="sales")
    live = await report(here, "live")
    assert [(view["queue"], view["waiting"]) for view in live["queues"]] == [("sales", 1)]
    assert (live["agents"][0]["agent"], live["engine"]) == ("alice", {"version": "1"})
    assert live["time"] == NOON


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": NOON, "to": NOON}, "from"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"from": 0.0, "interval": "15min"}, "interval"),
        ({"cursor": "7"}, "cursor"),
    ],
)
async def test_what_is_refused(here: Recorded, params: dict[str, Any], field: str) -> None:
    with pytest.raises(BadParams) as raised:
        await report(here, "job", **params)
    assert raised.value.field == field


@pytest.mark.parametrize("params", [{"interval": "week"}, {"by": "number"}, {"limit": 0}, {"x": 1}])
async def test_what_is_no_parameter(here: Recorded, params: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        await report(here, "job", **params)
