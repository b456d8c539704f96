"""A report that is counted in a process of its own is the one that is counted here."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

import engine.reports.report
import engine.reports.report_count
from engine.errors import BadParams, EngineError
from tests.support.recorded import Recorded, ended_job, leg, recorded
from tests.support.waiting import until

KINDS: list[tuple[Any, dict[str, Any]]] = [
    ("queue", {}), ("queue", {"which": "sales"}), ("agent", {}), ("agent", {"which": "alice"}),
    ("site", {}), ("site", {"which": "a"}), ("job", {"by": "agent"}), ("job", {"interval": "hour"}),
]  # fmt: skip


def past(here: Recorded) -> None:
    for number in range(30):
        at = 1000.0 + 100.0 * number
        here.at(at, "queue.joined", job=f"j{number}", queue="sales" if number % 3 else "help")
        here.at(at + 2, "agent.ringing", agent="alice", work=f"j{number}")
        here.at(at + 3, "queue.answered", job=f"j{number}", agent="alice")
        here.at(at + 3, "agent.talking", agent="alice", work=f"j{number}")
        legs = [leg("agent", at, at + 3, at + 60), leg("customer", at + 4, at + 5, at + 60)]
        here.end(ended_job(f"j{number}", created=at, ended_at=at + 60, bridged_at=at + 5,
                           legs=[legs], site="a" if number % 2 else "b"))  # fmt: skip
        here.at(at + 60, "agent.available", agent="alice")
    here.clock.now = 5000.0


async def test_it_is_the_same_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with recorded(tmp_path / "db", now=0.0, time_zone="Europe/London") as here:
        past(here)
        counted_here = [await here.report(kind, 900.0, 5000.0, **more) for kind, more in KINDS]
        monkeypatch.setattr(engine.reports.report, "ROWS_HERE", 5)
        elsewhere = [await here.report(kind, 900.0, 5000.0, **more) for kind, more in KINDS]
        assert elsewhere == counted_here
        assert counted_here[0]["total"]["offered"] == 30
        with pytest.raises(BadParams, match="is not one that this report gave"):
            await here.report("job", 900.0, 5000.0, cursor="99")
        with pytest.raises(BadParams, match="more than 10000 intervals"):
            await here.report("job", 0.0, 1e9, interval="15min")


def report_workers() -> list[psutil.Process]:
    """The report workers of this process, which may have other children."""
    return [
        child
        for child in psutil.Process().children()
        if "engine.reports.report_worker" in child.cmdline()
    ]


async def test_a_worker_that_dies_is_an_error_and_a_slow_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.reports.report, "ROWS_HERE", 5)
    async with recorded(tmp_path / "db", now=0.0) as here:
        past(here)
        asking = asyncio.create_task(here.report("job", 900.0, 5000.0))
        await until(lambda: report_workers())
        os.kill(report_workers()[0].pid, signal.SIGKILL)
        with pytest.raises(EngineError, match="could not be counted"):
            await asking
        monkeypatch.setattr(engine.reports.report, "WORKER_LIMIT_S", 0.01)
        with pytest.raises(EngineError, match="ask for less"):
            await here.report("job", 900.0, 5000.0)
        assert report_workers() == []
        monkeypatch.setattr(engine.reports.report, "WORKER_LIMIT_S", 60.0)
        asking = asyncio.create_task(here.report("job", 900.0, 5000.0))
        await until(lambda: report_workers())
        asking.cancel()
        await asyncio.wait([asking])
        assert report_workers() == []
        assert (await here.report("job", 900.0, 5000.0))["total"]["requested"] == 30


async def test_pages_are_of_one_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def count(connection: Any, asked: Any) -> Any:
        counted.append(asked.cursor)
        return engine.reports.report_count.answer(connection, asked)

    monkeypatch.setattr(engine.reports.report, "answer", count)
    async with recorded(tmp_path / "db", now=0.0) as here:
        past(here)

        async def page(cursor: str | None) -> Any:
            asked = here.reports.question(
                "job", 900.0, 5000.0, interval="15min", limit=2, cursor=cursor
            )
            return json.loads(bytes(await here.reports.answer(asked)))

        first = await page(None)
        here.end(ended_job("late", created=4999.0, ended_at=5000.0))  # changes no page
        second = await page(first["cursor"])
        assert [len(first["rows"]), len(second["rows"])] == [2, 2]
        assert second["total"]["requested"] == first["total"]["requested"] == 30
        assert counted == [None]
        # A page that was read already is counted again.
        assert (await page(first["cursor"]))["total"]["requested"] == 31
        assert counted == [None, "2"]
