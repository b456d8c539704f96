"""`ringback numbers`: which numbers are not to be called, and what may be called when."""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ringback_client import Client

from .command import EXIT_FAILED, Json, SocketAfter, ask, call, print_result
from .tables import console

app = typer.Typer(
    name="numbers",
    help="Numbers that are not to be called, and what may be called when.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...")]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"\+(\d+(?:\.\d+)?)([smhdw]?)")


@app.command("block")
def block(
    numbers: Numbers,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; shown to whoever asks for it.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or from now: +3600, +30d.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Put numbers on the register: nobody calls them, and what is queued is stopped."""
    given = {"reason": reason, "until": _moment(until)}
    params = {name: value for name, value in given.items() if value is not None}

    async def each(client: Client) -> list[Any]:
        return [await client.call("number.block", number=number, **params) for number in numbers]

    for entry in ask(each):
        print_result(entry, _print_blocked)


@app.command("unblock")
def unblock(numbers: Numbers, socket: SocketAfter = None, json: Json = False) -> None:
    """Take numbers off the register."""

    async def each(client: Client) -> list[Any]:
        return [await client.call("number.unblock", number=number) for number in numbers]

    for entry in ask(each):
        print_result(entry, _print_unblocked)


@app.command("list")
def list_numbers(
    prefix: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Only those that begin so.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N")] = 100,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the numbers that are not to be called."""
    call("number.list", _print_list, prefix=prefix, limit=limit, cursor=cursor)


@app.command("check")
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or from now: +3600, +1d.")
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="As if asked for by it.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="As if asked for from there.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Say whether a number may be called, when, and at what cost."""
    found = call(
        "number.check", _print_check, number=number, at=_moment(at), site=site, source=source
    )
    if not found["allowed"]:
        raise typer.Exit(EXIT_FAILED)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    if span is not None:
        return time.time() + float(span[1]) * _UNITS_S[span[2] or "s"]
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither Unix seconds nor +30d") from None


def _print_blocked(entry: Mapping[str, Any]) -> None:
    typer.echo(f"{entry['number']} is not called {_until(entry)}: {entry['reason']}")


def _print_unblocked(entry: Mapping[str, Any]) -> None:
    typer.echo(f"{entry['number']} may be called again")


def _print_list(page: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("number", "reason", "since", "", "by"):
        table.add_column(name, header_style="dim", overflow="fold")
    for entry in page["numbers"]:
        cells = (entry["number"], entry["reason"], _date(entry["since"]), _until(entry))
        table.add_row(*map(Text, cells), Text(entry["by"] or ""))
    console.print(table)
    if page["cursor"] is not None:
        console.print(f"more: --cursor {page['cursor']}", style="dim")


def _print_check(found: Mapping[str, Any]) -> None:
    if not found["allowed"]:
        answer = f"refused ({found['policy']}): {found['reason']}"
    elif found["reason"] is not None:
        answer = f"from {_date(found['not_before'])}, {found['reason']}"
    else:
        answer = "may be called"
    cost = found["cost_estimate"]
    priced = "no rate" if cost["rate"] is None else f"{cost['amount']} {cost['currency']}"
    rows = {
        "number": found["called"],
        "answer": answer,
        "line": found["line_type"].replace("_", " "),
        "region": found["region"] or "unknown",
        "time zones": ", ".join(found["zones"]) or "unknown",
        "cost, about": priced,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(name, Text(value))
    console.print(table)


def _until(entry: Mapping[str, Any]) -> str:
    return "for good" if entry["until"] is None else f"until {_date(entry['until'])}"


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
