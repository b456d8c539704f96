"""`ringback agents` and `ringback agent`: who takes calls, what each does, and changing that."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from config.choices import AddressUse

from .command import AGENTS, Json, SocketAfter, call, call_pages
from .output.formats import duration
from .output.tables import console, details, table

app = typer.Typer(
    name="agent",
    help="One agent: login, pauses, skills and addresses.",
    epilog="Example: ringback agent pause alice --reason lunch",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME")]
Reason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Shown, in events, and in reports.")
]

STATE_STYLES = {
    "available": "green",
    "reserved": "cyan",
    "ringing": "bold cyan",
    "talking": "bold green",
    "wrap_up": "yellow",
    "paused": "red",
    "logged_out": "dim",
}


listing = typer.Typer(rich_markup_mode=None)


@listing.command(rich_help_panel=AGENTS, epilog="Example: ringback agents --queue sales")
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
        call_pages("agent.list", "agents", print_agents, state=state, queue=queue, centre=centre)


@app.command("login", epilog="Example: ringback agent login alice")
def login(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """Log an agent in, so that they take calls."""
    call("agent.login", print_agent, agent=name)


@app.command("logout", epilog='Example: ringback agent logout alice --reason "end of shift"')
def logout(
    name: Name, reason: Reason = None, socket: SocketAfter = None, json: Json = False
) -> None:
    """Log an agent out, after their call if they have one."""
    call("agent.logout", print_agent, agent=name, reason=reason)


@app.command("pause", epilog="Example: ringback agent pause alice --reason lunch")
def pause(
    name: Name, reason: Reason = None, socket: SocketAfter = None, json: Json = False
) -> None:
    """Offer an agent nothing, after their call if they have one."""
    call("agent.pause", print_agent, agent=name, reason=reason)


@app.command("ready", epilog="Example: ringback agent ready alice")
def ready(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """End a pause or wrap-up, or undo what was asked for during a call."""
    call("agent.ready", print_agent, agent=name)


@app.command("skills", epilog="Example: ringback agent skills alice english=8 billing=5")
def skills(
    name: Name,
    given: Annotated[
        list[str] | None, typer.Argument(metavar="[SKILL=LEVEL...]", help="Level: 1 to 10.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Those of the configuration.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give an agent these skills in place of those they have."""
    if bool(given) == reset:
        raise typer.BadParameter("give SKILL=LEVEL, or --reset")
    call("agent.skills", print_agent, agent=name, skills=_levels(given) if given else None)


@app.command("address", epilog="Example: ringback agent address alice sip:alice@10.0.0.7 first")
def address(
    name: Name,
    uri: Annotated[
        str | None, typer.Argument(metavar="[URI]", help="One of theirs; none: as configured.")
    ] = None,
    use: Annotated[
        AddressUse,
        typer.Argument(metavar="first|on|off", help="Ring it first, or have it on or off."),
    ] = "first",
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let one of an agent's addresses ring first, or switch it on or off."""
    call("agent.address", print_agent, agent=name, uri=uri, use=use if uri else None)


@app.command("add", epilog="Example: ringback agent add dora sip:dora@10.0.0.9 --queue sales")
def add(
    name: Name,
    uris: Annotated[
        list[str], typer.Argument(metavar="URI...", help="Where they are reached, first one first.")
    ],
    queues: Annotated[
        list[str] | None, typer.Option("--queue", metavar="Q", help="They serve it; repeatable.")
    ] = None,
    skill: Annotated[
        list[str] | None, typer.Option(metavar="SKILL=LEVEL", help="Repeatable.")
    ] = None,
    centre: Annotated[str | None, typer.Option(metavar="C", help="Where they work.")] = None,
    wrap_up_s: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="After a call; -1: until ready.")
    ] = None,
    permanent: Annotated[
        bool, typer.Option("--permanent", help="They stay on the line between calls.")
    ] = False,
    manual: Annotated[bool, typer.Option("--manual", help="Do not log them in.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Add an agent, until `agent remove`."""
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


@app.command("remove", epilog="Example: ringback agent remove dora")
def remove(name: Name, socket: SocketAfter = None, json: Json = False) -> None:
    """Remove an agent who was added by `agent add`."""
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
    """Print the result of agent.list."""
    shown = table("agent", "state", "for", "reason", "work", "calls", "talked", "queues")
    now = time.time()
    for agent in result["agents"]:
        shown.add_row(
            agent["agent"],
            _state(agent),
            duration(now - agent["since"]),
            _reason(agent),
            agent["work"] or "",
            str(agent["calls"]),
            duration(agent["talk_s"]),
            ", ".join(agent["queues"]),
        )
    console.print(shown)
    if result["seats"]:
        console.print(f"{result['taken']} of {result['seats']} seats are taken", style="dim")


def print_agent(agent: Mapping[str, Any]) -> None:
    """Print one agent in full: the result of agent.get and its like."""
    console.print(details(_details(agent, time.time())))


def _details(agent: Mapping[str, Any], now: float) -> Iterator[tuple[str, str | Text]]:
    yield "agent", agent["agent"]
    yield "state", _state(agent)
    yield "for", duration(now - agent["since"])
    if _reason(agent):
        yield "reason", _reason(agent)
    if agent["work"]:
        yield "work", agent["work"]
    if agent["wrap_up_until"] is not None:
        yield "wrap-up ends", f"in {duration(agent['wrap_up_until'] - now)}"
    if agent["line"] is not None:
        yield "line", agent["line"]
    yield "today", f"{agent['calls']} calls, talked {duration(agent['talk_s'])}"
    times = {state: spent_s for state, spent_s in agent["times"].items() if spent_s}
    yield "times", ", ".join(f"{state} {duration(spent)}" for state, spent in times.items())
    if agent["skills"]:
        yield "skills", ", ".join(f"{skill} {level}" for skill, level in agent["skills"].items())
    if agent["queues"]:
        yield "queues", ", ".join(agent["queues"])
    if agent["centre"]:
        yield "centre", agent["centre"]
    for number, one in enumerate(agent["addresses"], 1):
        rings = "" if one["ring_s"] is None else f", for {one['ring_s']:g} s"
        off = "" if one["enabled"] else ", off"
        yield f"address {number}", f"{one['uri']} ({one['kind']}{rings}{off})"


def _reason(agent: Mapping[str, Any]) -> str:
    reason = agent["reason"] or ""
    if agent["wish"] is None:
        return reason
    wish = agent["wish"].replace("_", " ")
    why = f" ({agent['wish_reason']})" if agent["wish_reason"] else ""
    return f"{reason}; " * bool(reason) + f"then {wish}{why}"


def _state(agent: Mapping[str, Any]) -> Text:
    return Text(agent["state"].replace("_", " "), style=STATE_STYLES.get(agent["state"], ""))
