"""`ringback queues` and `ringback queue`: what waits where, and changing that."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from ringback_client import Client

from .command import AGENTS, Json, SocketAfter, ask, call, call_pages, print_result
from .output.formats import duration, minute, printable
from .output.tables import console, details, print_more, table

app = typer.Typer(
    name="queue",
    help="One queue: pausing it, and its entries.",
    epilog="Example: ringback queue explain sales",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Queue = Annotated[str, typer.Argument(metavar="QUEUE")]
Entry = Annotated[str, typer.Argument(metavar="ID", help="The job or call that waits.")]


listing = typer.Typer(rich_markup_mode=None)


@listing.command(rich_help_panel=AGENTS, epilog="Example: ringback queues sales")
def queues(
    name: Annotated[
        str | None, typer.Argument(metavar="[QUEUE]", help="One queue, and its entries.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="How many of its entries.")] = 20,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the queues, or show one and its entries."""
    if name is None:
        call_pages("queue.list", "queues", print_queues)
        return
    page = {"queue": name, "limit": limit} | ({} if cursor is None else {"cursor": cursor})

    async def both(client: Client) -> dict[str, Any]:
        queue: dict[str, Any] = await client.call("queue.get", queue=name)
        entries: dict[str, Any] = await client.call("queue.entries", **page)
        return queue | entries

    print_result(ask(both), print_queue)


@app.command("pause", epilog="Example: ringback queue pause sales")
def pause(queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Offer no entry of a queue to any agent; new entries wait."""
    call("queue.pause", lambda _: typer.echo(f"{queue} is paused"), queue=queue)


@app.command("resume", epilog="Example: ringback queue resume sales")
def resume(queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Offer the entries of a paused queue to agents again."""
    call("queue.resume", lambda _: typer.echo(f"{queue} is no longer paused"), queue=queue)


@app.command("explain", epilog="Example: ringback queue explain sales")
def explain(
    queue: Annotated[str | None, typer.Argument(metavar="[QUEUE]")] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="One job or call that waits.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show why each agent does not get the first entry, or that of --id."""
    if (queue is None) == (id is None):
        raise typer.BadParameter("give QUEUE or --id")
    what = {"queue": queue} if id is None else {"id": id}
    call("queue.explain", print_explained, **what)


@app.command("move", epilog="Example: ringback queue move order-17 support")
def move(id: Entry, queue: Queue, socket: SocketAfter = None, json: Json = False) -> None:
    """Move an entry to another queue. Its time decides its position there."""
    call(
        "queue.move",
        lambda entry: typer.echo(f"{id} waits in {queue}, number {entry['place']}"),
        id=id,
        queue=queue,
    )


@app.command("remove", epilog="Example: ringback queue remove order-17")
def remove(id: Entry, socket: SocketAfter = None, json: Json = False) -> None:
    """Remove an entry from its queue."""
    call("queue.remove", lambda _: typer.echo(f"{id} waits no longer"), id=id)


def print_queues(result: Mapping[str, Any]) -> None:
    """Print the result of queue.list."""
    shown = table(
        "queue", "waiting", "longest", "expected", "ringing", "talking", "free", "agents",
        "joined", "answered", "",
    )  # fmt: skip
    for queue in result["queues"]:
        staff = queue["agents"]
        shown.add_row(
            queue["queue"],
            Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else ""),
            duration(queue["longest_wait_s"] if queue["waiting"] + queue["offered"] else None),
            duration(queue["expected_wait_s"]),
            str(queue["offered"]),
            str(queue["talking"]),
            str(staff.get("available", 0)),
            str(sum(staff.values()) - staff.get("logged_out", 0)),
            str(queue["tally"]["joined"]),
            str(queue["tally"]["answered"]),
            _remarks(queue),
        )
    console.print(shown)
    for queue in result["queues"]:
        if queue["why_waiting"]:
            typer.echo(printable(f"{queue['queue']}: {queue['why_waiting']}"))


def print_explained(result: Mapping[str, Any]) -> None:
    """Print the result of queue.explain."""
    entry = result["entry"]
    if entry is None:
        typer.echo(f"nobody waits in {result['queue']}")
        return
    whose = entry["queue"] or f"agent {entry['agent']}"
    waited = duration(entry["waited_s"])
    typer.echo(printable(f"{entry['id']} waits for {whose}, number {entry['place']}, for {waited}"))
    if result["held_back"]:
        typer.echo(f"nobody is offered now: {result['held_back']}")
    shown = table("agent", "state", "")
    for agent in result["agents"]:
        shown.add_row(
            agent["agent"],
            agent["state"].replace("_", " "),
            "could take it now" if agent["could"] else agent["why_not"],
        )
    if result["agents"]:
        console.print(shown)
    else:
        typer.echo("no agent serves it")


def print_queue(queue: Mapping[str, Any]) -> None:
    """Print the results of queue.get and queue.entries."""
    staff = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in queue["agents"].items())
    tally = ", ".join(f"{number} {what}" for what, number in queue["tally"].items() if number)
    given, shared = queue["centres"], sum(queue["centres"].values())
    centres = (f"{name} {count} ({count / shared:.0%})" for name, count in given.items())
    rows = {
        "queue": queue["queue"],
        "strategy": queue["strategy"].replace("_", " "),
        "state": _remarks(queue) or "open",
        "waiting": str(queue["waiting"]),
        "ringing": str(queue["offered"]),
        "talking": str(queue["talking"]),
        "next would wait": duration(queue["expected_wait_s"]) or "not known",
        "agents": staff or "none",
        "so far": tally or "nothing",
        **({"centres": ", ".join(centres)} if shared else {}),
        **({"why": queue["why_waiting"]} if queue["why_waiting"] else {}),
    }
    console.print(details(rows.items()))
    entries = table("place", "id", "kind", "state", "waited", "expected", "priority", "number")
    for entry in queue["entries"]:
        offered_to = ", ".join(entry["offered_to"])
        entries.add_row(
            str(entry["place"]),
            entry["id"],
            entry["kind"],
            entry["state"] + (f" to {offered_to}" if offered_to else ""),
            duration(entry["waited_s"]),
            duration(entry["expected_wait_s"]),
            str(entry["priority"]),
            entry["number"] or "",
        )
    if queue["entries"]:
        console.print(entries)
    print_more(queue["cursor"] and f"'{queue['cursor']}'")


def _remarks(queue: Mapping[str, Any]) -> str:
    remarks = ["paused"] if queue["paused"] else []
    if not queue["open"]:
        opens_at = queue["opens_at"]
        until = "" if opens_at is None else f" until {minute(opens_at)}"
        remarks.append(f"closed{until}")
    if queue["removed"]:
        remarks.append("no longer configured")
    return ", ".join(remarks)
