"""`ringback records`, `history` and `annotate`: ended callbacks and calls, and notes on them."""

import json as jsonlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any, TextIO

import typer

from ringback_client import Client

from .command import NUMBERS, REPORTS, Json, Options, SocketAfter, ask, call, context_of
from .output.export import CsvWriter
from .output.formats import duration
from .output.tables import console, cropped, fitted, table, with_last_cropped
from .output.time_span import (
    AsCsv,
    From,
    Into,
    To,
    WithBom,
    Zone,
    check_form,
    for_spreadsheet,
    moments,
    utc_offset,
    written,
    written_to,
    zone_named,
)

app = typer.Typer(rich_markup_mode=None)

PAGE = 500
MOST_AGENT = 24
# The columns of records for people: a narrow terminal goes without the last ones.
HEADS = (
    "id",
    "requested",
    "number",
    "state",
    "talk",
    "agent",
    "queue",
    "site",
    "outcome",
    "result",
    "cause",
)
# The columns of records as CSV; times are in the time zone of the report.
TIMES = ("created", "due_at", "deadline", "called_at", "operator_at", "customer_at", "talk_at",
         "ended_at")  # fmt: skip
CSV_COLUMNS = (
    "id", "kind", "number", "site", "queue", "agent", "state", "result", "cause", *TIMES,
    "utc_offset", "talk_s",
    "attempts", "offers", "stays", "alone_s", "cost", "currency", "outcome", "rating", "notes",
    "recording", "context",
)  # fmt: skip


@app.command(
    rich_help_panel=REPORTS,
    epilog="Example: ringback records --from today --csv --output today.csv",
)
def records(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One record, as JSON.")] = None,
    begin: From = None,
    end: To = None,
    zone: Zone = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Whose they are.")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE")] = None,
    queue: Annotated[str | None, typer.Option(metavar="Q")] = None,
    agent: Annotated[str | None, typer.Option(metavar="A")] = None,
    context: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Repeatable.")] = None,
    csv: AsCsv = False,
    bom: WithBom = False,
    into: Into = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show the callbacks and calls that have ended.

    They come in the order of their requests. With --json one record a line, all of it.
    """
    if id is not None:
        record = ask(lambda client: client.call("record.get", id=id))
        typer.echo(jsonlib.dumps(record, ensure_ascii=False, indent=None if Options.json else 2))
        return
    check_form(csv, bom)
    given = {
        "number": number,
        "site": site,
        "queue": queue,
        "agent": agent,
        "context": context_of(context),
    }
    wanted = {name: value for name, value in given.items() if value is not None}

    async def write(client: Client) -> None:
        bounds = await moments(client, zone, {"from": begin, "to": end})
        place = zone_named(zone or (await client.call("report.live"))["time_zone"])
        found = _all(client, {**bounds, **wanted})
        if csv:
            with written_to(into) as file:
                writer = CsvWriter(file, CSV_COLUMNS, bom=bom)
                async for record in found:
                    writer.write(_csv_row(record, place))
        elif Options.json or into is not None:
            with written_to(into) as file:
                await _write_json(file, found)
        else:
            await _print(found, place)

    ask(write)


async def _all(client: Client, wanted: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Every record that is wanted, page after page."""
    cursor: dict[str, str] = {}
    while True:
        page = await client.call("record.list", limit=PAGE, **wanted, **cursor)
        for record in page["records"]:
            yield record
        if page["cursor"] is None:
            return
        cursor = {"cursor": page["cursor"]}


async def _write_json(file: TextIO, found: AsyncIterator[dict[str, Any]]) -> None:
    async for record in found:
        file.write(jsonlib.dumps(record, ensure_ascii=False) + "\n")


async def _print(found: AsyncIterator[dict[str, Any]], zone: Any) -> None:
    """Print a line for each record, a page at a time, because there may be many."""
    rows: list[tuple[str, ...]] = []
    async for record in found:
        shown = {**record, "talk": duration(record.get("talk_s"))}
        shown["requested"] = f"{datetime.fromtimestamp(record['created'], zone):%Y-%m-%d %H:%M}"
        shown["agent"] = cropped(str(record.get("agent") or ""), MOST_AGENT)
        rows.append(tuple(str(shown.get(head) or "") for head in HEADS))
        if len(rows) == PAGE:
            _print_page(rows)
            rows.clear()
    _print_page(rows)


def _print_page(rows: list[tuple[str, ...]]) -> None:
    shown = with_last_cropped(console.width, HEADS, rows)
    console.print(fitted(console.width, HEADS, shown)[0])


def _csv_row(record: Mapping[str, Any], zone: Any) -> dict[str, Any]:
    """A record as cells. A list becomes its length, or its texts."""
    cost = record.get("cost") or {}
    times = {
        name: None if record.get(name) is None else for_spreadsheet(record[name], zone)
        for name in TIMES
    }
    return {
        **record,
        **times,
        "utc_offset": utc_offset(record["created"], zone),
        "attempts": len(record["attempts"]),
        "offers": len(record.get("offers") or []),
        "stays": len(record.get("stays") or []),
        "talk_s": None if record.get("talk_s") is None else round(record["talk_s"], 3),
        "alone_s": round(max(record.get("alone_s") or [0.0]), 3),
        "cost": cost.get("amount"),
        "currency": cost.get("currency"),
        "notes": "\n".join(record.get("notes") or []),
        "context": jsonlib.dumps(record.get("context") or {}, ensure_ascii=False),
    }


@app.command(rich_help_panel=NUMBERS, epilog="Example: ringback history +442079460000")
def history(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As people write it.")],
    limit: Annotated[int, typer.Option(metavar="N")] = 10,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show the earlier callbacks and calls of a number."""
    call("history.get", _print_history, number=number, limit=limit)


def _print_history(found: Mapping[str, Any]) -> None:
    shown = table("id", "ended", "kind", "result", "agent", "talk", "outcome", "rating", "note")
    for entry in found["history"]:
        shown.add_row(
            entry["id"],
            written(entry["ended_at"], None),
            entry["kind"],
            entry.get("result") or entry["state"],
            entry.get("agent") or "",
            duration(entry.get("talk_s")),
            entry.get("outcome") or "",
            str(entry.get("rating", "")),
            entry.get("note") or "",
        )
    console.print(shown)


@app.command(
    rich_help_panel=REPORTS, epilog="Example: ringback annotate order-17 --outcome sold --rating 9"
)
def annotate(
    id: Annotated[str, typer.Argument(metavar="ID", help="A job, or a call that came in.")],
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Added to the notes there are.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="WORD", help="As sold, no interest.")
    ] = None,
    rating: Annotated[int | None, typer.Option(metavar="N", help="0 to 10.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Add a note, an outcome or a rating to a callback or call."""
    call(
        "callback.annotate",
        lambda _result: typer.echo(f"{id} is annotated"),
        id=id,
        notes=note,
        outcome=outcome,
        rating=rating,
    )
