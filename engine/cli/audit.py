"""`ringback audit`: who changed something on the control socket, or was refused."""

import json as jsonlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import RUNNING, Json, SocketAfter, call
from .output.formats import date
from .output.tables import console, print_more, table

app = typer.Typer(rich_markup_mode=None)


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback audit --hours 24 --outcome refused")
def audit(
    who: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what they asked for.")
    ] = None,
    method: Annotated[str | None, typer.Option(metavar="PREFIX", help="Only these.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="WORD", help="done, refused, conflict, state, ...")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(metavar="HOURS", help="Only the last HOURS hours.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show who changed something or was refused, newest first."""
    since = None if hours is None else time.time() - hours * 3600
    query = {"from": since, "who": who, "method": method, "outcome": outcome}
    call("audit.list", _print, limit=limit, cursor=cursor, **query)


def _print(page: Mapping[str, Any]) -> None:
    shown = table("time", "who", "role", "method", "outcome", "asked for", "why not")
    for entry in page["entries"]:
        params = entry["params"]
        text = params if isinstance(params, str) else jsonlib.dumps(params, ensure_ascii=False)
        again = f" (and {entry['repeated']} times before)" if entry["repeated"] else ""
        shown.add_row(
            date(entry["time"]),
            entry["who"],
            entry["role"],
            entry["method"],
            entry["outcome"],
            text[:200],
            (entry["reason"] or "") + again,
        )
    console.print(shown)
    print_more(page["cursor"])
