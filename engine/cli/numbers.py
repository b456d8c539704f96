"""`ringback numbers`: which numbers are not to be called, and what may be called when."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from config.number_csv import NumberRow, rows_of
from ringback_client import Client

from .command import EXIT_FAILED, Json, SocketAfter, ask, call, print_result
from .output.formats import minute
from .output.tables import console, details, print_more, table
from .output.time_span import time_of

app = typer.Typer(
    name="numbers",
    help="The do-not-call list, and what may be called when.",
    epilog="Example: ringback numbers check +442079460000",
    no_args_is_help=True,
    rich_markup_mode=None,
)

# So many are sent in one request.
AT_ONCE = 500

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...")]


@app.command("block", epilog="Example: ringback numbers block +442079460000 --until +30d")
def block(
    numbers: Numbers,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why; shown to anyone who requests a blocked number."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or from now: +3600, +30d.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Put numbers on the do-not-call list. Queued callbacks to them are cancelled."""
    given = {"reason": reason, "until": time_of(until)}
    params = {name: value for name, value in given.items() if value is not None}

    async def each(client: Client) -> list[Any]:
        return [await client.call("number.block", number=number, **params) for number in numbers]

    for entry in ask(each):
        print_result(entry, _print_blocked)


@app.command("import", epilog="Example: ringback numbers import register.csv --reason register")
def import_numbers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="- is standard input.")],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of those without a reason of their own.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of those without a time of their own.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="XX", help="The country in which they are written.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Put the numbers of a file on the do-not-call list.

    One number a line, or CSV with the columns number, reason and until, in any order with headings.
    """
    rows = _rows_in(file)
    given = {"reason": reason, "until": time_of(until), "region": region}
    params = {name: value for name, value in given.items() if value is not None}
    usable = [row for row in rows if row.fault is None]
    lost = [(row.line, row.number, row.fault) for row in rows if row.fault is not None]

    async def whole(client: Client) -> dict[str, Any]:
        counts = {"blocked": 0, "unchanged": 0}
        for begin in range(0, len(usable), AT_ONCE):
            part = usable[begin : begin + AT_ONCE]
            numbers = [_entry(row) for row in part]
            found = await client.call("number.import", numbers=numbers, **params)
            for name in counts:
                counts[name] += found[name]
            lost.extend(
                (part[one["index"]].line, one["number"], one["reason"]) for one in found["not_read"]
            )
        shown = [
            {"line": line, "number": number, "reason": why} for line, number, why in sorted(lost)
        ]
        return {**counts, "not_read": shown}

    result = ask(whole)
    print_result(result, _print_imported)
    if result["not_read"]:
        raise typer.Exit(EXIT_FAILED)


@app.command("unblock", epilog="Example: ringback numbers unblock +442079460000")
def unblock(numbers: Numbers, socket: SocketAfter = None, json: Json = False) -> None:
    """Take numbers off the do-not-call list."""

    async def each(client: Client) -> list[Any]:
        return [await client.call("number.unblock", number=number) for number in numbers]

    for entry in ask(each):
        print_result(entry, _print_unblocked)


@app.command("list", epilog="Example: ringback numbers list --prefix +44")
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


@app.command("check", epilog="Example: ringback numbers check +442079460000 --at +1d")
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or from now: +3600, +1d.")
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="As if asked for by it.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="As if asked for from there.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="XX", help="The country in which it is written.")
    ] = None,
    trunk: Annotated[
        str | None, typer.Option(metavar="NAME", help="What this trunk would be sent.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show how a text is read, whether it may be called, and when.

    Also at what cost, and what each trunk would be sent.
    """
    found = call(
        "number.check",
        _print_check,
        number=number,
        region=region,
        at=time_of(at),
        site=site,
        source=source,
        trunk=trunk,
    )
    if not found["allowed"]:
        raise typer.Exit(EXIT_FAILED)


def _rows_in(file: Path) -> list[NumberRow]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from None
    return list(rows_of(text.splitlines()))


def _entry(row: NumberRow) -> dict[str, Any]:
    given = {"number": row.number, "reason": row.reason, "until": row.until}
    return {name: value for name, value in given.items() if value is not None}


def _print_imported(result: Mapping[str, Any]) -> None:
    typer.echo(f"{result['blocked']} blocked, {result['unchanged']} were blocked already")
    for one in result["not_read"]:
        typer.echo(f"line {one['line']}: {one['number']!r}: {one['reason']}", err=True)


def _print_blocked(entry: Mapping[str, Any]) -> None:
    typer.echo(f"{entry['number']} is not called {_until(entry)}: {entry['reason']}")


def _print_unblocked(entry: Mapping[str, Any]) -> None:
    typer.echo(f"{entry['number']} may be called again")


def _print_list(page: Mapping[str, Any]) -> None:
    shown = table("number", "reason", "since", "", "by")
    for entry in page["numbers"]:
        since, until = minute(entry["since"]), _until(entry)
        shown.add_row(entry["number"], entry["reason"], since, until, entry["by"] or "")
    console.print(shown)
    print_more(page["cursor"])


def _print_check(found: Mapping[str, Any]) -> None:
    if not found["allowed"]:
        policy = f" ({found['policy']})" if found["policy"] else ""
        answer = f"refused{policy}: {found['reason']}"
    elif found["reason"] is not None:
        answer = f"from {minute(found['not_before'])}, {found['reason']}"
    else:
        answer = "may be called"
    reading, cost = found.get("reading"), found["cost_estimate"]
    rows = {"read as": reading["words"] if reading else "nothing that is dialled", "answer": answer}
    if found["line_type"] is not None:
        rows["line"] = found["line_type"].replace("_", " ")
    if cost is not None:
        rows["region"] = found["region"] or "unknown"
        rows["time zones"] = ", ".join(found["zones"]) or "unknown"
        priced = "no rate" if cost["rate"] is None else f"{cost['amount']} {cost['currency']}"
        rows["cost, about"] = priced
    for sent in found.get("sent", ()):
        shown = sent["reason"] or sent["number"]
        if sent["caller_id"] is not None:
            shown += f", caller id {sent['caller_id']}"
        rows[f"sent to {sent['trunk']}"] = shown
    console.print(details(rows.items()))


def _until(entry: Mapping[str, Any]) -> str:
    return "for good" if entry["until"] is None else f"until {minute(entry['until'])}"
