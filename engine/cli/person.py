"""`ringback person`: what is kept of a person, and how it is erased."""

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ringback_client import Client

from .command import Json, SocketAfter, ask, print_result
from .output.tables import console, details

app = typer.Typer(
    name="person",
    help="What is kept of a person: to hand out, and to erase.",
    epilog="Example: ringback person export +442079460000",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[str, typer.Argument(metavar="NUMBER")]


@app.command("export", epilog="Example: ringback person export +442079460000 --output person.json")
def export(
    number: Number,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file; otherwise print.")
    ] = None,
    socket: SocketAfter = None,
) -> None:
    """Write all that is kept of a person, as JSON. Jobs, records, events, names of recordings."""

    async def all_pages(client: Client) -> dict[str, Any]:
        whole: dict[str, Any] = {"number": number}
        cursor: str | None = None
        while True:
            page = await client.call("person.export", number=number, cursor=cursor)
            whole["number"] = page["number"]
            for item in page["items"]:
                whole.setdefault(item["kind"], []).append(item["data"])
            cursor = page["cursor"]
            if cursor is None:
                return whole

    text = jsonlib.dumps(ask(all_pages), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)


@app.command("erase", epilog="Example: ringback person erase +442079460000 --yes")
def erase(
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Erase what is kept of a person. Counts, times and the do-not-call list stay."""
    if not yes:
        typer.confirm(f"Erase all that is kept of {number}? It cannot be undone", abort=True)

    async def once(client: Client) -> Any:
        return await client.call("person.erase", number=number)

    print_result(ask(once), _print_erased)


def _print_erased(erased: Mapping[str, Any]) -> None:
    console.print(details([(kind, str(count)) for kind, count in erased.items()]))
