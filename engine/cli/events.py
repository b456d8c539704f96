"""`ringback events`: what happens, one line an event."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from ringback_client import Client

from .command import GIVE_UP_S, RUNNING, Json, SocketAfter, ask, print_result
from .output.formats import clock, pairs
from .output.tables import STATE_STYLES, cell, console

app = typer.Typer(rich_markup_mode=None)

# Shown in columns of their own, or of no use to a person.
_STANDARD_FIELDS = frozenset({"seq", "epoch", "time", "type", "job", "call", "leg", "context"})


@app.command(
    rich_help_panel=RUNNING, epilog="Example: ringback events --types callback.,queue. --since 0"
)
def events(
    types: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="Only these; repeatable, or a,b.")
    ] = None,
    since: Annotated[int | None, typer.Option(metavar="SEQ", help="Replay from there.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Follow the events as they come."""
    prefixes = [part for text in types or [] for part in text.split(",") if part]

    async def follow(client: Client) -> None:
        async with client.events(prefixes, since=since, give_up_s=GIVE_UP_S) as stream:
            async for event in stream:
                print_result(event, print_event)

    ask(follow)


def print_event(event: Mapping[str, Any]) -> None:
    """Print one event, on one line."""
    if event["type"] == "client.gap":
        last = event["to"] if event["to"] is not None else "?"
        missed = cell(f"missed events {event['from']} to {last}", "yellow")
        console.print(Text.assemble(missed, f" ({event['reason']})"))
        return
    where = " ".join(str(event[name]) for name in ("job", "call", "leg") if name in event)
    _print_line(
        cell(f"{event['seq']:>6}", "dim"),
        cell(f" {clock(event['time'])} "),
        _event_type(event["type"]),
        cell("  "),
        cell(where, "dim"),
        cell(f"  {_details(event)}".rstrip()),
    )


def print_progress(event: Mapping[str, Any]) -> None:
    """Print one event of a callback that somebody waits for, on one line."""
    kind = str(event["type"])
    if kind.startswith(("callback.", "leg.", "bridge.")):
        _print_line(
            cell(f"{clock(event['time'])} "),
            _event_type(kind),
            cell(f"  {_details(event)}".rstrip()),
        )


def _print_line(*parts: Text) -> None:
    console.print(Text.assemble(*parts), soft_wrap=True)


def _event_type(kind: str) -> Text:
    group, _, state = kind.partition(".")
    return cell(kind, STATE_STYLES.get(state, "cyan") if group == "callback" else "default")


def _details(event: Mapping[str, Any]) -> str:
    return pairs({k: _short(v) for k, v in event.items() if k not in _STANDARD_FIELDS})


def _short(value: Any) -> Any:
    """A list of legs, offers or earlier calls is shown as its length. The JSON has all of it."""
    is_of_objects = isinstance(value, list) and value and isinstance(value[0], Mapping)
    return len(value) if is_of_objects else value
