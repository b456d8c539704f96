"""`ringback audit`: who changed something on the control socket, or was refused."""

import json as jsonlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .cells import cell, columns
from .command import Json, SocketAfter, call
from .tables import console


def audit(
    who: Annotated[str | None, typer.Option(metavar="NAME", help="Only what he asked for.")] = None,
    method: Annotated[str | None, typer.Option(metavar="PREFIX", help="Only these.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="WORD", help="done, refused, conflict, state, ...")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(metavar="HOURS", help="Only of the last so many hours.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show who changed something, or was refused; the newest first."""
    since = None if hours is None else time.time() - hours * 3600
    query = {"from": since, "who": who, "method": method, "outcome": outcome}
    call("audit.list", _print, limit=limit, cursor=cursor, **query)


def _print(page: Mapping[str, Any]) -> None:
    table = columns("time", "who", "role", "method", "outcome", "asked for", "why not")
    for entry in page["entries"]:
        params = entry["params"]
        shown = params if isinstance(params, str) else jsonlib.dumps(params, ensure_ascii=False)
        again = f" (and {entry['repeated']} times before)" if entry["repeated"] else ""
        told = (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["time"])),
            entry["who"],
            entry["role"],
            entry["method"],
            entry["outcome"],
            shown[:200],
            (entry["reason"] or "") + again,
        )
        table.add_row(*map(cell, told))
    console.print(table)
    if page["cursor"] is not None:
        console.print(f"more: --cursor {page['cursor']}", style="dim")
