"""`ringback agents` and `ringback agent`: who takes calls, what each does, and changing that."""

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from .cells import cell, columns, span
from .command import Json, SocketAfter, call
from .tables import console

app = typer.Typer(
    name="agent",
    help="One agent: his coming and going, his skills and addresses.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Shown, told, and in reports.")]

STATE_STYLES = {
    "available": "green",
    "reserved": "cyan",
    "ringing": "bold cyan",
    "talking": "bold green",
    "wrap_up": "yellow",
    "paused": "red",
    "logged_out": "dim",
}


class Use(StrEnum):
    """What an agent does with one of his addresses."""

    first = "first"
    on = "on"
    off = "off"


def agents(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One agent, in full.")
    ] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only those in it.")] = None,
    queue: Annotated[str | None, typer.Option(metavar="Q", help="Only those who serve it.")] = None,
    centre: Annotated[str | None, typer.Option(metavar="C", help="Only those there.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the agents and what each does now, or show one."""
    if name is not None:
        call("agent.get", print_agent, agent=name)
    else:
        call("agent.list", print_agents, state=state, queue=queue, centre=centre)


@app.command("login")
def login(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """Log an agent in: he takes calls."""
    call("agent.login", print_agent, agent=name)


@app.command("logout")
def logout(
    name: Name, reason: Reason = None, socket: SocketAfter = None, json: Json = False
) -> None:
    """Log an agent out, after his call if he has one."""
    call("agent.logout", print_agent, agent=name, reason=reason)


@app.command("pause")
def pause(
    name: Name, reason: Reason = None, socket: SocketAfter = None, json: Json = False
) -> None:
    """Offer an agent nothing, after his call if he has one."""
    call("agent.pause", print_agent, agent=name, reason=reason)


@app.command("ready")
def ready(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """End an agent's pause or wrap-up, or take back what he asked for."""
    call("agent.ready", print_agent, agent=name)


@app.command("skills")
def skills(
    name: Name,
    given: Annotated[
        list[str] | None, typer.Argument(metavar="[SKILL=LEVEL...]", help="Level: 1 to 10.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Those of the configuration.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give an agent these skills in place of those he has."""
    if bool(given) == reset:
        raise typer.BadParameter("give SKILL=LEVEL, or --reset")
    call("agent.skills", print_agent, agent=name, skills=_levels(given) if given else None)


@app.command("address")
def address(
    name: Name,
    uri: Annotated[
        str | None, typer.Argument(metavar="[URI]", help="One of his; none: as configured.")
    ] = None,
    use: Annotated[Use, typer.Argument(help="Ring it first, or have it on or off.")] = Use.first,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Say which of an agent's addresses rings first, or is on or off."""
    call("agent.address", print_agent, agent=name, uri=uri, use=use.value if uri else None)


@app.command("add")
def add(
    name: Name,
    uris: Annotated[
        list[str], typer.Argument(metavar="URI...", help="Where he is reached, first one first.")
    ],
    queues: Annotated[
        list[str] | None, typer.Option("--queue", metavar="Q", help="He serves it; repeatable.")
    ] = None,
    skill: Annotated[
        list[str] | None, typer.Option(metavar="SKILL=LEVEL", help="Repeatable.")
    ] = None,
    centre: Annotated[str | None, typer.Option(metavar="C", help="Where he works.")] = None,
    wrap_up_s: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="After a call; -1: until ready.")
    ] = None,
    permanent: Annotated[
        bool, typer.Option("--permanent", help="He stays on the line between calls.")
    ] = False,
    manual: Annotated[bool, typer.Option("--manual", help="Do not log him in.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Have one more agent, for good."""
    call(
        "agent.add",
        print_agent,
        agent=name,
        addresses=[{"uri": uri} for uri in uris],
        queues=queues,
        skills=_levels(skill) if skill else None,
        centre=centre,
        wrap_up_s=wrap_up_s,
        permanent=permanent or None,
        login="manual" if manual else None,
    )


@app.command("remove")
def remove(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """Remove an agent who was added by command."""
    call("agent.remove", lambda _: typer.echo(f"{name} is no agent any more"), agent=name)


def _levels(pairs: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for pair in pairs:
        skill, _, level = pair.partition("=")
        if not skill or not level.isdecimal():
            raise typer.BadParameter(f"{pair!r} is not SKILL=LEVEL")
        found[skill] = int(level)
    return found


def print_agents(result: Mapping[str, Any]) -> None:
    """The result of agent.list."""
    table = columns("agent", "state", "for", "reason", "work", "calls", "talked", "queues")
    now = time.time()
    for agent in result["agents"]:
        table.add_row(
            cell(agent["agent"]),
            _state(agent),
            cell(span(now - agent["since"])),
            cell(_reason(agent)),
            cell(agent["work"] or ""),
            str(agent["calls"]),
            cell(span(agent["talk_s"])),
            cell(", ".join(agent["queues"])),
        )
    console.print(table)
    if result["seats"]:
        console.print(f"{result['taken']} of {result['seats']} seats are taken", style="dim")


def print_agent(agent: Mapping[str, Any]) -> None:
    """One agent in full: the result of agent.get and its like."""
    now = time.time()
    table = Table.grid(padding=(0, 2))
    table.add_row("agent", cell(agent["agent"]))
    table.add_row("state", _state(agent))
    table.add_row("for", cell(span(now - agent["since"])))
    if _reason(agent):
        table.add_row("reason", cell(_reason(agent)))
    if agent["work"]:
        table.add_row("work", cell(agent["work"]))
    if agent["wrap_up_until"] is not None:
        table.add_row("wrap-up ends", cell(f"in {span(agent['wrap_up_until'] - now)}"))
    if agent["line"] is not None:
        table.add_row("line", cell(agent["line"]))
    table.add_row("today", cell(f"{agent['calls']} calls, talked {span(agent['talk_s'])}"))
    times = {state: spent_s for state, spent_s in agent["times"].items() if spent_s}
    table.add_row("times", cell(", ".join(f"{s} {span(t)}" for s, t in times.items())))
    skills = ", ".join(f"{skill} {level}" for skill, level in agent["skills"].items())
    for title, value in (
        ("skills", skills), ("queues", ", ".join(agent["queues"])), ("centre", agent["centre"])
    ):  # fmt: skip
        if value:
            table.add_row(title, cell(value))
    for number, one in enumerate(agent["addresses"], 1):
        rings = "" if one["ring_s"] is None else f", for {one['ring_s']:g} s"
        off = "" if one["enabled"] else ", off"
        table.add_row(f"address {number}", cell(f"{one['uri']} ({one['kind']}{rings}{off})"))
    console.print(table)


def _reason(agent: Mapping[str, Any]) -> str:
    reason = agent["reason"] or ""
    if agent["wish"] is None:
        return reason
    wish = agent["wish"].replace("_", " ")
    why = f" ({agent['wish_reason']})" if agent["wish_reason"] else ""
    return f"{reason}; " * bool(reason) + f"then {wish}{why}"


def _state(agent: Mapping[str, Any]) -> Text:
    return Text(agent["state"].replace("_", " "), style=STATE_STYLES.get(agent["state"], ""))
