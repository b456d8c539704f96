"""`ringback audit`: who changed something on the control socket, or was refused."""

import json as jsonlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

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
    table = Table(box=None, pad_edge=False)
    for name in ("time", "who", "role", "method", "outcome", "asked for", "why not"):
        table.add_column(name, header_style="dim", overflow="fold")
    for entry in page["entries"]:
        params = entry["params"]
        shown = params if isinstance(params, str) else jsonlib.dumps(params, ensure_ascii=False)
        again = f" (and {entry['repeated']} times before)" if entry["repeated"] else ""
        cells = (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["time"])),
            entry["who"],
            entry["role"],
            entry["method"],
            entry["outcome"],
            shown[:200],
            (entry["reason"] or "") + again,
        )
        table.add_row(*(Text(_plain(cell)) for cell in cells))
    console.print(table)
    if page["cursor"] is not None:
        console.print(f"more: --cursor {page['cursor']}", style="dim")


def _plain(text: str) -> str:
    """`text` on one line: what strangers wrote must not command the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
