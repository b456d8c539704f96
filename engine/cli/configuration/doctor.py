"""`ringback doctor`: what the machine and the configuration lack, and what to do about each."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ringback_client import Client, ClientError, EngineError

from ..command import EXIT_FAILED, EXIT_USAGE, RUNNING, Json, Options, SocketAfter, print_json
from ..output.tables import cell, console, table
from .settings import ConfigFile, default_config

if TYPE_CHECKING:
    from ...doctor.finding import Finding

app = typer.Typer(rich_markup_mode=None)

REPLY_S = 5.0
ALWAYS_SAID = frozenset({"relay"})
"""What is said also where it is right: which of two there are."""
STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "fault": "bold red"}


@app.command(
    rich_help_panel=RUNNING, epilog="Example: ringback doctor --config /etc/ringback/ringback.toml"
)
def doctor(
    config: ConfigFile = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings count for the exit status, too.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Show what is right as well.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Look at the machine and the configuration: what to mend.

    Changes nothing. Exit status: 0 no fault, 1 a fault (with --strict: or a warning),
    2 a configuration that cannot be read.
    """
    from config.errors import ConfigError

    from ...doctor.examination import examine

    status, refusal = _status()
    try:
        found = list(examine(config or default_config(), status))
    except ConfigError as error:
        if Options.json:
            print_json({"error": {"message": str(error), "kind": "configuration"}})
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    _print(found, show_all=all_, refusal=refusal, has_engine=status is not None)
    bad = ("fault", "warning") if strict else ("fault",)
    if any(one.level in bad for one in found):
        raise typer.Exit(EXIT_FAILED)


def _status() -> tuple[dict[str, Any] | None, str]:
    """engine.status, and why there is none where no engine gives it."""

    async def ask() -> dict[str, Any]:
        async with await Client.connect(
            Options.socket, token=Options.token, reply_s=REPLY_S
        ) as client:
            status: dict[str, Any] = await client.call("engine.status")
            return status

    try:
        return asyncio.run(ask()), ""
    except EngineError as error:
        return None, error.message
    except ClientError as error:
        return None, str(error)


def _print(found: "list[Finding]", *, show_all: bool, refusal: str, has_engine: bool) -> None:
    from ...doctor.finding import LEVELS

    counts = {level: sum(one.level == level for one in found) for level in LEVELS}
    if Options.json:
        rows = [one.view() for one in found]
        engine = None if has_engine else refusal
        print_json({"findings": rows, "counts": counts, "no_engine": engine})
        return
    shown = table("", "about", "what is, and what to do about it")
    for one in found:
        if show_all or one.level != "ok" or one.about in ALWAYS_SAID:
            words = one.what + (f" → {one.advice}" if one.advice else "")
            shown.add_row(cell(one.level, STYLES[one.level]), one.about, Text(words))
    if shown.row_count:
        console.print(shown)
    if not has_engine:
        console.print(cell(f"No engine was asked: {refusal}"))
    console.print(cell(", ".join(f"{number} {level}" for level, number in counts.items())))
