"""`ringback report`: queues, agents, sites and callbacks over any span, to look at or to keep."""

import json as jsonlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ringback_client import Client

from .command import Json, Options, SocketAfter, ask
from .export import CsvWriter
from .report_tables import csv_row, print_report
from .time_span import AsCsv, From, Into, To, Zone, check_form, moments, written_to, zone_named

app = typer.Typer(
    name="report",
    help="Figures of queues, agents, sites and callbacks; of today, unless told otherwise.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MOST_ROWS = 10_000  # of a page


class Interval(StrEnum):
    """How a report is cut."""

    quarter = "15min"
    hour = "hour"
    day = "day"
    total = "total"


class By(StrEnum):
    """What callbacks are told apart by."""

    all = "all"
    site = "site"
    queue = "queue"
    agent = "agent"
    result = "result"


Cut = Annotated[Interval, typer.Option("--interval", help="How it is cut.")]


@app.command("queue")
def queue(
    name: Annotated[str | None, typer.Argument(metavar="[QUEUE]", help="One queue alone.")] = None,
    begin: From = None,
    end: To = None,
    interval: Cut = Interval.total,
    zone: Zone = None,
    csv: AsCsv = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Who was offered, answered, gave up; how long they waited; the service level."""
    _report("queue", begin, end, interval, zone, csv, into, queue=name)


@app.command("agent")
def agent(
    name: Annotated[str | None, typer.Argument(metavar="[AGENT]", help="One agent alone.")] = None,
    begin: From = None,
    end: To = None,
    interval: Cut = Interval.total,
    zone: Zone = None,
    csv: AsCsv = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """What agents were offered and took, their times in each state, their occupancy."""
    _report("agent", begin, end, interval, zone, csv, into, agent=name)


@app.command("site")
def site(
    name: Annotated[str | None, typer.Argument(metavar="[SITE]", help="One site alone.")] = None,
    begin: From = None,
    end: To = None,
    interval: Cut = Interval.total,
    zone: Zone = None,
    csv: AsCsv = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Callbacks of each site, and its customers who were left without an operator."""
    _report("site", begin, end, interval, zone, csv, into, site=name)


@app.command("job")
def job(
    by: Annotated[By, typer.Option(help="What they are told apart by.")] = By.all,
    begin: From = None,
    end: To = None,
    interval: Cut = Interval.total,
    zone: Zone = None,
    csv: AsCsv = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Callbacks: what became of them, how soon, at what cost, and whether promises were kept."""
    _report("job", begin, end, interval, zone, csv, into, by=by.value)


def _report(
    kind: str,
    begin: str | None,
    end: str | None,
    interval: Interval,
    zone: str | None,
    csv: bool,
    into: Path | None,
    **which: str | None,
) -> None:
    check_form(csv)

    async def whole(client: Client) -> dict[str, Any]:
        bounds = await moments(client, zone, {"from": begin, "to": end})
        params = {
            "limit": MOST_ROWS,
            "interval": interval.value,
            "time_zone": zone,
            **which,
            **bounds,
        }
        asked = {name: value for name, value in params.items() if value is not None}
        return await _all_pages(client, f"report.{kind}", asked)

    report = ask(whole, reply_s=None)  # that of a year may take its time
    place = zone_named(report["time_zone"])
    if csv:
        with written_to(into) as file:
            names = list(csv_row({**report["total"], "from": 0, "to": 0}, place))
            first = [name for name in names if name not in ("from", "to")]
            by = [report["by"]] if report["by"] != "all" else []
            writer = CsvWriter(file, ["from", "to", *by, *first])
            for row in report["rows"]:
                writer.write(csv_row(row, place))
    elif Options.json or into is not None:
        with written_to(into) as file:
            file.write(jsonlib.dumps(report, ensure_ascii=False) + "\n")
    else:
        print_report(kind, report, place)


async def _all_pages(client: Client, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The whole report; its end is fixed first, so that all pages are of the same one."""
    report: dict[str, Any] = await client.call(method, **params)
    bounds = {"from": report["from"], "to": report["to"]}
    cursor = report.pop("cursor")
    while cursor is not None:
        page = await client.call(method, **{**params, **bounds, "cursor": cursor})
        report["rows"] += page["rows"]
        cursor = page["cursor"]
    return report
