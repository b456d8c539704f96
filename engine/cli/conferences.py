"""`ringback conferences`: who talks with whom in conferences, and moving them."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import Json, SocketAfter, call
from .output.formats import date
from .output.tables import console, table

app = typer.Typer(
    name="conferences",
    help="Conferences: who takes part; join, mute, lock, end.",
    epilog="Example: ringback conferences list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="CONFERENCE")]
Leg = Annotated[str, typer.Argument(metavar="LEG")]
Off = Annotated[bool, typer.Option("--off", help="End that.")]


@app.command("list", epilog="Example: ringback conferences list")
def list_conferences(socket: SocketAfter = None, json: Json = False) -> None:
    """List the conferences."""
    call("conference.list", _print_list)


@app.command("show", epilog="Example: ringback conferences show friday")
def show(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """Show one conference and its members."""
    call("conference.get", _print_one, conference=name)


@app.command("create", epilog="Example: ringback conferences create friday --most 10")
def create(
    name: Annotated[str | None, typer.Argument(metavar="[CONFERENCE]")] = None,
    most: Annotated[
        int | None, typer.Option(metavar="N", help="How many may take part at once.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Create a conference."""
    asked = {} if most is None else {"max_members": most}
    call("conference.create", _print_one, conference=name, **asked)


@app.command("join", epilog="Example: ringback conferences join friday --to +442079460123")
def join(
    name: Name,
    leg: Annotated[str | None, typer.Option(metavar="LEG", help="A leg that is up.")] = None,
    to: Annotated[str | None, typer.Option(metavar="NUMBER|URI", help="Whom to call.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="An agent to call.")] = None,
    muted: Annotated[bool, typer.Option("--muted", help="Nobody hears them.")] = False,
    deaf: Annotated[bool, typer.Option("--deaf", help="They hear nobody.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let a leg take part, or call somebody who does."""
    whom = {"leg": leg, "to": to, "agent": agent}
    if sum(one is not None for one in whom.values()) != 1:
        raise typer.BadParameter("give one of --leg, --to and --agent")
    call("conference.join", _print_joined, conference=name, muted=muted, deaf=deaf, **whom)


@app.command("kick", epilog="Example: ringback conferences kick friday leg-5")
def kick(
    name: Name,
    leg: Leg,
    keep: Annotated[bool, typer.Option("--keep", help="Do not hang up.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Take a member out."""
    call("conference.kick", _print_one, conference=name, leg=leg, hang_up=not keep)


@app.command("mute", epilog="Example: ringback conferences mute friday leg-5")
def mute(
    name: Name, leg: Leg, off: Off = False, socket: SocketAfter = None, json: Json = False
) -> None:
    """Let nobody hear a member."""
    call("conference.mute", _print_one, conference=name, leg=leg, on=not off)


@app.command("deafen", epilog="Example: ringback conferences deafen friday leg-5")
def deafen(
    name: Name, leg: Leg, off: Off = False, socket: SocketAfter = None, json: Json = False
) -> None:
    """Let a member hear nobody."""
    call("conference.deafen", _print_one, conference=name, leg=leg, on=not off)


@app.command("lock", epilog="Example: ringback conferences lock friday")
def lock(name: Name, off: Off = False, socket: SocketAfter = None, json: Json = False) -> None:
    """Let nobody more join."""
    call("conference.lock", _print_one, conference=name, on=not off)


@app.command("record", epilog="Example: ringback conferences record friday")
def record(name: Name, off: Off = False, socket: SocketAfter = None, json: Json = False) -> None:
    """Record a conference."""
    call("conference.record", _print_one, conference=name, on=not off)


@app.command("end", epilog="Example: ringback conferences end friday")
def end(
    name: Name,
    keep: Annotated[bool, typer.Option("--keep", help="Do not hang up.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """End a conference, and hang up its members."""
    call("conference.end", _print_one, conference=name, hang_up=not keep)


def _print_list(result: Mapping[str, Any]) -> None:
    shown = table("conference", "since", "members", "being called", "locked")
    for one in result["conferences"]:
        shown.add_row(
            one["conference"],
            date(one["created"]),
            f"{len(one['members'])} of {one['max_members']}",
            str(len(one["invited"])),
            "yes" if one["locked"] else "",
        )
    console.print(shown)


def _print_joined(result: Mapping[str, Any]) -> None:
    _print_one(result["conference"])


def _print_one(one: Mapping[str, Any]) -> None:
    _print_list({"conferences": [one]})
    shown = table("leg", "call", "since", "muted", "deaf")
    for member in one["members"]:
        shown.add_row(
            member["leg"],
            member["call"],
            date(member["joined_at"]),
            "yes" if member["muted"] else "",
            "yes" if member["deaf"] else "",
        )
    console.print(shown)
