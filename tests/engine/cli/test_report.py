"""`ringback report`, `records`, `history` and `annotate` against an engine with a past."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from config.reporting import Reports
from engine.cli import report
from engine.daemon import Daemon
from ringback_client import Client
from tests.support.command_line import Finished, ringback_process
from tests.support.engines.in_process import running, settings_in
from tests.support.recorded import ended_job, leg

BEGAN = 1_774_746_000.0  # 2026-03-29 01:00 UTC, when London's clocks are set forward
JOBS = 1200


class Past:
    """An engine that has had some callbacks."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    async def ask(self, *arguments: str, columns: int = 200) -> Finished:
        socket = str(self.daemon.settings.control.socket)
        return await ringback_process(
            "--socket", socket, *arguments, TZ="America/New_York", COLUMNS=str(columns)
        )


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[Past]:
    settings = settings_in(tmp_path).model_copy(
        update={"reports": Reports(time_zone="Europe/London")}
    )
    async with running(settings) as (daemon, _client):
        for number in range(JOBS):
            created = BEGAN + 10.0 * number
            legs = [
                leg("agent", created, created + 2, created + 60),
                leg("customer", created + 3, created + 5, created + 60),
            ]
            legs[1].leg = f"leg-{number}"
            site = "=cmd|' /C calc'!A0" if number % 2 else "shop.example"
            job = ended_job(
                f"j{number}", created=created, ended_at=created + 60, bridged_at=created + 5,
                legs=[legs], site=site, context={"site": site},
            )  # fmt: skip
            daemon.store.save(job)
            daemon.events.publish("callback.completed", job=job.id)
        yield Past(daemon)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_reports_for_people_spreadsheets_and_programs(past: Past, tmp_path: Path) -> None:
    span = ("--from", "2026-03-29T02:00", "--to", "2026-03-29T06:00")
    shown = await past.ask("report", "site", *span)
    assert shown.status == 0
    assert "2026-03-29 02:00:00+01:00 to 2026-03-29 06:00:00+01:00" in shown.out
    assert "shop.example" in shown.out and "1200" in shown.out and "total" in shown.out

    narrow = await past.ask("report", "job", *span, "--interval", "hour", columns=60)
    lines = narrow.out.splitlines()
    assert all(len(line.rstrip()) <= 60 for line in lines)
    assert lines[2].split()[:4] == ["03-29", "02:00", "360", "360"]
    assert "--csv has everything" in " ".join(lines[-2:])

    table = await past.ask("report", "job", *span, "--interval", "hour", "--csv")
    found = rows(table.out)
    assert [(row["from"], row["requested"]) for row in found] == [
        ("2026-03-29 02:00:00", "360"), ("2026-03-29 03:00:00", "360"),
        ("2026-03-29 04:00:00", "360"), ("2026-03-29 05:00:00", "120"),
    ]  # fmt: skip
    assert {row["to_talk_s"] for row in found} == {"5.0"}

    by_site = rows((await past.ask("report", "site", *span, "--csv")).out)
    assert {row["site"] for row in by_site} == {"shop.example", "'=cmd|' /C calc'!A0"}

    path = tmp_path / "report.json"
    written = await past.ask("report", "job", *span, "--json", "--output", str(path))
    assert (written.status, written.out) == (0, "")
    assert json.loads(path.read_text())["total"]["requested"] == JOBS

    one = await past.ask("report", "site", "shop.example", *span, "--json")
    assert [row["requested"] for row in one.json["rows"]] == [600]


async def test_every_page_of_the_records(past: Past, tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    assert (await past.ask("records", "--csv", "--output", str(path))).status == 0
    found = rows(path.read_text())
    assert [row["id"] for row in found] == [f"j{number}" for number in range(JOBS)]
    assert found[1]["site"] == "'=cmd|' /C calc'!A0"
    assert found[0]["number"] == "+442079460000"
    assert found[0]["created"] == "2026-03-29 02:00:00"
    assert found[0]["utc_offset"] == "UTC+01:00"
    assert (found[0]["attempts"], found[0]["talk_s"]) == ("1", "55.0")
    lines = (await past.ask("records", "--json", "--from", "2026-03-29T05:00")).out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"j{n}" for n in range(1080, JOBS)]
    shown = await past.ask("records", "--to", "2026-03-29T02:01")
    assert "j5" in shown.out and "j6" not in shown.out


async def test_what_people_say_of_a_callback(past: Past) -> None:
    said = await past.ask("annotate", "j3", "--note", "[red]likes blue", "--rating", "5")
    assert (said.status, said.out) == (0, "j3 is annotated\n")
    await past.ask("annotate", "j3", "--outcome", "sold")
    record = json.loads((await past.ask("records", "j3")).out)
    assert (record["notes"], record["rating"], record["outcome"]) == (
        ["[red]likes blue"], 5, "sold",
    )  # fmt: skip
    history = (await past.ask("history", "+442079460000", "--limit", "100", "--json")).json
    entries: dict[str, Any] = {entry["id"]: entry for entry in history["history"]}
    assert len(entries) == 100
    shown = await past.ask("history", "+442079460000", "--limit", "2")
    assert f"j{JOBS - 1}" in shown.out
    for wrong, status in ((("annotate", "j9999", "--rating", "1"), 1), (("annotate", "j3"), 2)):
        assert (await past.ask(*wrong)).status == status


async def test_wrong_usage(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        for arguments in (
            ("report", "queue", "--from", "soon"),
            ("report", "queue", "--from", "today", "--zone", "Mars/Olympus"),
            ("report", "queue", "--csv", "--json"),
            ("records", "--csv", "--json"),
            ("records", "--bom"),
            ("report", "queue", "--from", "2026-01-01", "--to", "2025-01-01"),
        ):
            assert (await Past(daemon).ask(*arguments)).status == 2, arguments


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        for command in (("report", "queue", "--csv"), ("records", "--csv")):
            result = await Past(daemon).ask(*command, "--output", str(tmp_path / "no" / "x"))
            assert result.status == 1
            assert "No such file" in result.err


async def test_reports_of_agents_and_of_calls_name_what_they_are_about(past: Past) -> None:
    assert (await past.ask("report", "agent", "alice", "--json")).json["rows"] is not None
    by_route = await past.ask("report", "call", "--by", "route", "--json")
    assert by_route.json["total"]["calls"] == 0


async def test_the_pages_of_a_report_have_the_bounds_of_the_first() -> None:
    asked: list[dict[str, Any]] = []

    class Pages:
        async def call(self, _method: str, **params: Any) -> dict[str, Any]:
            asked.append(params)
            cursor = None if "cursor" in params else "7"
            return {"from": 1.0, "to": 2.0, "rows": [len(asked)], "cursor": cursor}

    found = await report._all_pages(cast(Client, Pages()), "report.job", {"by": "site"})
    assert found == {"from": 1.0, "to": 2.0, "rows": [1, 2]}
    assert asked[1] == {"by": "site", "from": 1.0, "to": 2.0, "cursor": "7"}
