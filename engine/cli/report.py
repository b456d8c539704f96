"""`ringback report`: figures of queues, agents, sites, callbacks and calls over any time."""

import inspect
import json as jsonlib
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ringback_client import Client

from ..reports.intervals import GroupBy, GroupCallsBy, Interval
from .command import Json, Options, SocketAfter, ask
from .output.export import CsvWriter
from .output.report_tables import csv_row, print_report
from .output.time_span import (
    AsCsv,
    From,
    Into,
    To,
    WithBom,
    Zone,
    check_form,
    moments,
    written_to,
    zone_named,
)

app = typer.Typer(
    name="report",
    help="Figures of queues, agents, sites and calls. Of today by default.",
    epilog="Example: ringback report queue --from yesterday",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MOST_ROWS = 10_000  # of a page


Cut = Annotated[Interval, typer.Option("--interval", help="How it is cut.")]
Which = dict[str, str | None]


# Given by `report_command`; every other parameter of `_report` is an option of each command.
GIVEN = ("kind", "which")


def report_command(kind: str, example: str) -> Callable[[Callable[..., Which]], None]:
    """Make a command that prints reports of `kind`.

    The decorated function has the one parameter of the command's own. It returns the parameters of
    the request that say of what the report is, and its docstring is the help of the command.
    """

    def add(which: Callable[..., Which]) -> None:
        own = inspect.signature(which).parameters
        shared = inspect.signature(_report).parameters
        parameters = [*own.values(), *(shared[name] for name in shared if name not in GIVEN)]

        def command(**values: Any) -> None:
            chosen = which(**{name: values.pop(name) for name in own})
            _report(kind, chosen, **values)

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.__doc__ = which.__doc__
        app.command(kind, epilog=f"Example: ringback report {example}")(command)

    return add


def _report(
    kind: str,
    which: Which,
    begin: From = None,
    end: To = None,
    interval: Cut = "total",
    zone: Zone = None,
    csv: AsCsv = False,
    bom: WithBom = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    check_form(csv, bom)

    async def whole(client: Client) -> dict[str, Any]:
        bounds = await moments(client, zone, {"from": begin, "to": end})
        params = {
            "limit": MOST_ROWS,
            "interval": interval,
            "time_zone": zone,
            **which,
            **bounds,
        }
        asked = {name: value for name, value in params.items() if value is not None}
        return await _all_pages(client, f"report.{kind}", asked)

    report = ask(whole, reply_s=None)  # a report of a year may take long
    place = zone_named(report["time_zone"])
    if csv:
        with written_to(into) as file:
            names = list(csv_row({**report["total"], "from": 0, "to": 0}, place))
            by = [report["by"]] if report["by"] != "all" else []
            first = ["from", "to", "utc_offset", *by]
            rest = [name for name in names if name not in first]
            writer = CsvWriter(file, [*first, *rest], bom=bom)
            for row in report["rows"]:
                writer.write(csv_row(row, place))
    elif Options.json or into is not None:
        with written_to(into) as file:
            file.write(jsonlib.dumps(report, ensure_ascii=False) + "\n")
    else:
        print_report(kind, report, place)


@report_command("queue", "queue sales --from -7d --interval day")
def _queue(
    name: Annotated[str | None, typer.Argument(metavar="[QUEUE]", help="One queue alone.")] = None,
) -> Which:
    """Entries of queues: answered, abandoned, waits, service level."""
    return {"queue": name}


@report_command("agent", "agent --from yesterday --to today")
def _agent(
    name: Annotated[str | None, typer.Argument(metavar="[AGENT]", help="One agent alone.")] = None,
) -> Which:
    """Agents: offers, answers, times in each state, occupancy."""
    return {"agent": name}


@report_command("site", "site --from -30d --csv --output sites.csv")
def _site(
    name: Annotated[str | None, typer.Argument(metavar="[SITE]", help="One site alone.")] = None,
) -> Which:
    """Callbacks of each site, and customers left without an agent."""
    return {"site": name}


@report_command("job", "job --by result --from -7d")
def _job(
    by: Annotated[GroupBy, typer.Option(help="What they are grouped by.")] = "all",
) -> Which:
    """Callbacks: results, how soon, at what cost. Also whether promised times were kept."""
    return {"by": by}


@report_command("call", "call --by route --from -7d")
def _call(
    by: Annotated[GroupCallsBy, typer.Option(help="What they are grouped by.")] = "all",
) -> Which:
    """Calls that came in: how many talked, how soon, how rated."""
    return {"by": by}


async def _all_pages(client: Client, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The whole report. The first page fixes its bounds, so that all pages belong together."""
    report: dict[str, Any] = await client.call(method, **params)
    bounds = {"from": report["from"], "to": report["to"]}
    cursor = report.pop("cursor")
    while cursor is not None:
        page = await client.call(method, **{**params, **bounds, "cursor": cursor})
        report["rows"] += page["rows"]
        cursor = page["cursor"]
    return report
