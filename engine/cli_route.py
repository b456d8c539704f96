"""`ringback reload` and `ringback route`: the configuration in use, and what it decides."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import Json, SocketAfter, call


def reload(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would change; change nothing.")
    ] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let the engine read its configuration again; calls go on."""
    call("engine.reload", _print_reload, check=check or None)


def _print_reload(result: Mapping[str, Any]) -> None:
    did = "would change" if result["checked_only"] else "changed"
    if not result["changes"]:
        typer.echo(f"{result['file']}: nothing {did}")
        return
    typer.echo(f"{result['file']}: {did}")
    for words in result["words"]:
        typer.echo(f"  {words}")
    if result["restart"]:
        typer.echo("A restart is needed for: " + ", ".join(result["restart"]))
