"""`ringback queues` and `ringback queue`: who waits where, and changing that."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ringback_client import Client

from .cells import cell, columns, span
from .command import Json, SocketAfter, ask, call, print_result
from .tables import console

app = typer.Typer(
    name="queue",
    help="One queue: pausing it; and who waits in it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Queue = Annotated[str, typer.Argument(metavar="QUEUE")]
Entry = Annotated[str, typer.Argument(metavar="ID", help="The job or call that waits.")]


def queues(
    name: Annotated[
        str | None, typer.Argument(metavar="[QUEUE]", help="One queue, and who waits in it.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="How many of those who wait.")] = 20,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the queues, or show one and who waits in it."""
    if name is None:
        call("queue.list", print_queues)
        return
    page = {"queue": name, "limit": limit} | ({} if cursor is None else {"cursor": cursor})

    async def both(client: Client) -> dict[str, Any]:
        queue: dict[str, Any] = await client.call("queue.get", queue=name)
        entries: dict[str, Any] = await client.call("queue.entries", **page)
        return queue | entries

    print_result(ask(both), print_queue)


@app.command("pause")
def pause(queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Offer nobody of a queue to anybody; who joins it waits."""
    call("queue.pause", lambda _: typer.echo(f"{queue} is paused"), queue=queue)


@app.command("resume")
def resume(queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Offer those who wait in a queue again."""
    call("queue.resume", lambda _: typer.echo(f"{queue} is no longer paused"), queue=queue)


@app.command("move")
def move(id: Entry, queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Let one wait in another queue, in the place that his time gives him there."""
    call(
        "queue.move",
        lambda entry: typer.echo(f"{id} waits in {queue}, number {entry['place']}"),
        id=id,
        queue=queue,
    )


@app.command("remove")
def remove(id: Entry, socket: SocketAfter = None, json: Json = False) -> None:
    """Send one who waits away."""
    call("queue.remove", lambda _: typer.echo(f"{id} waits no longer"), id=id)


def print_queues(result: Mapping[str, Any]) -> None:
    """The result of queue.list."""
    table = columns(
        "queue", "waiting", "longest", "expected", "ringing", "talking", "free", "agents",
        "joined", "answered", "",
    )  # fmt: skip
    for queue in result["queues"]:
        staff = queue["agents"]
        table.add_row(
            cell(queue["queue"]),
            Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else ""),
            span(queue["longest_wait_s"] if queue["waiting"] + queue["offered"] else None),
            span(queue["expected_wait_s"]),
            str(queue["offered"]),
            str(queue["talking"]),
            str(staff.get("available", 0)),
            str(sum(staff.values()) - staff.get("logged_out", 0)),
            str(queue["tally"]["joined"]),
            str(queue["tally"]["answered"]),
            cell(_remarks(queue)),
        )
    console.print(table)


def print_queue(queue: Mapping[str, Any]) -> None:
    """The results of queue.get and queue.entries."""
    staff = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in queue["agents"].items())
    rate_limits = ", ".join(f"{number} {what}" for what, number in queue["tally"].items() if number)
    given, shared = queue["centres"], sum(queue["centres"].values())
    centres = (f"{name} {count} ({count / shared:.0%})" for name, count in given.items())
    table = Table.grid(padding=(0, 2))
    for title, value in {
        "queue": queue["queue"],
        "strategy": queue["strategy"].replace("_", " "),
        "state": _remarks(queue) or "open",
        "waiting": str(queue["waiting"]),
        "ringing": str(queue["offered"]),
        "talking": str(queue["talking"]),
        "next would wait": span(queue["expected_wait_s"]) or "not known",
        "agents": staff or "none",
        "so far": rate_limits or "nothing",
        **({"centres": ", ".join(centres)} if shared else {}),
    }.items():
        table.add_row(title, cell(value))
    console.print(table)
    entries = columns("place", "id", "kind", "state", "waited", "expected", "priority", "number")
    for entry in queue["entries"]:
        offered_to = ", ".join(entry["offered_to"])
        entries.add_row(
            str(entry["place"]),
            cell(entry["id"]),
            entry["kind"],
            cell(entry["state"] + (f" to {offered_to}" if offered_to else "")),
            span(entry["waited_s"]),
            span(entry["expected_wait_s"]),
            str(entry["priority"]),
            cell(entry["number"] or ""),
        )
    if queue["entries"]:
        console.print(entries)
    if queue["cursor"] is not None:
        console.print(Text(f"more: --cursor '{queue['cursor']}'", style="dim"))


def _remarks(queue: Mapping[str, Any]) -> str:
    remarks = ["paused"] if queue["paused"] else []
    if not queue["open"]:
        opens_at = queue["opens_at"]
        until = (
            ""
            if opens_at is None
            else time.strftime(" until %Y-%m-%d %H:%M", time.localtime(opens_at))
        )
        remarks.append(f"closed{until}")
    if queue["removed"]:
        remarks.append("no longer configured")
    return ", ".join(remarks)
