"""`ringback calls` and `hangup`: the calls that are up, and ending one."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from .command import CALLS, Json, SocketAfter, call, call_pages
from .output.formats import between, date, value_text
from .output.tables import cell, console, details, state_cell, table

app = typer.Typer(rich_markup_mode=None)

# How to find a leg elsewhere.
_WAY = ("call_id", "trunk", "hop", "codec", "local_media", "remote_media", "srtp")


@app.command(rich_help_panel=CALLS, epilog="Example: ringback calls")
def calls(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[CALL]", help="One call, in full.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the calls that are up, or show one."""
    if call_id is not None:
        call("call.get", print_call, call=call_id)
    else:
        call_pages("call.list", "calls", print_calls)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback hangup --leg leg-5")
def hangup(
    call_id: Annotated[str | None, typer.Argument(metavar="[CALL]")] = None,
    leg: Annotated[str | None, typer.Option(metavar="LEG", help="One leg instead.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """End a call, or one leg."""
    if (call_id is None) == (leg is None):
        raise typer.BadParameter("give a call or --leg")
    call("call.hangup", print_call, call=call_id, leg=leg)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback transfer call-5 --agent bob")
def transfer(
    call_id: Annotated[str | None, typer.Argument(metavar="[CALL]")] = None,
    leg: Annotated[
        str | None,
        typer.Option(metavar="LEG", help="Whom to connect elsewhere, if not the customer."),
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="NUMBER|URI", help="The third party.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="An agent instead.")] = None,
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="A queue instead.")] = None,
    attended: Annotated[
        bool, typer.Option("--attended", help="The one who leaves talks with them first.")
    ] = False,
    warm: Annotated[bool, typer.Option("--warm", help="All three talk first.")] = False,
    refer: Annotated[
        bool, typer.Option("--refer", help="Ask the phone to call them, by SIP REFER.")
    ] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Connect one of two who talk with a third party."""
    if call_id is None and leg is None:
        raise typer.BadParameter("give a call or --leg")
    whom = {"to": to, "agent": agent, "queue": queue}
    if sum(one is not None for one in whom.values()) != 1:
        raise typer.BadParameter("give one of --to, --agent and --queue")
    if attended and warm:
        raise typer.BadParameter("give --attended or --warm")
    asked = whom | {"mode": "attended" if attended else "warm" if warm else "blind"}
    if refer:
        asked["how"] = "refer"
    call("call.transfer", print_call, call=call_id, leg=leg, **asked)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback supervise call-5 --agent carol")
def supervise(
    call_id: Annotated[str | None, typer.Argument(metavar="[CALL]")] = None,
    leg: Annotated[
        str | None, typer.Option(metavar="LEG", help="Who hears a whisper, if not the agent.")
    ] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Who supervises.")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="NUMBER|URI", help="Whom to call instead.")
    ] = None,
    mode: Annotated[str, typer.Option(metavar="listen|whisper|barge", help="Who hears them.")] = (
        "listen"
    ),
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let somebody listen to a call, whisper, or barge in."""
    if call_id is None and leg is None:
        raise typer.BadParameter("give a call or --leg")
    if (agent is None) == (to is None):
        raise typer.BadParameter("give --agent or --to")
    call("call.supervise", print_call, call=call_id, leg=leg, agent=agent, to=to, mode=mode)


def print_calls(result: Mapping[str, Any]) -> None:
    """Print the result of call.list."""
    shown = table("call", "job, or caller and number", "for", "state", "up for", "legs")
    for one in result["calls"]:
        shown.add_row(
            one["call"],
            _whose(one),
            one.get("agent") or one.get("queue") or "",
            state_cell(one["state"]),
            between(one["started"], time.time()),
            ", ".join(f"{leg['role']} {leg['state']}" for leg in one["legs"]),
        )
    console.print(shown)


def _whose(one: Mapping[str, Any]) -> str:
    """The job of a call, the caller and the number that they dialled, or who was called."""
    if one["job"]:
        return str(one["job"])
    if one.get("direction") == "outbound":
        return f"→ {one.get('to', '?')}"
    return f"{one.get('from', '?')} → {one.get('dialled', '?')}"


def print_call(one: Mapping[str, Any]) -> None:
    """Print one call in full, with the media of its legs."""
    kind = "job " if one["job"] else "" if one.get("direction") == "outbound" else "from "
    head = cell(f"call {one['call']}  {kind}{_whose(one)}  ")
    console.print(Text.assemble(head, state_cell(one["state"])))
    shown = {name: one[name] for name in ("trunk", "route", "queue", "agent") if one.get(name)}
    if one.get("attestation", "none") != "none":
        why = one.get("attestation_reason")
        shown["attestation"] = f"{one['attestation']}: {why}" if why else one["attestation"]
    if one.get("joined_at") is not None:
        shown["waits since"] = date(one["joined_at"])
    shown |= {f"context {key}": value for key, value in (one.get("context") or {}).items()}
    for one_more in one.get("supervisors") or ():
        shown[one_more["supervisor"]] = f"supervises: {one_more['mode']}, {one_more['state']}"
    if shown:
        console.print(details((name, str(value)) for name, value in shown.items()))
    print_legs(one["legs"])
    media = [leg for leg in one["legs"] if leg.get("media")]
    if not media:
        return
    counters = table("media", *(f"{leg['role']} {leg['leg']}" for leg in media))
    for name in sorted({name for leg in media for name in leg["media"]}):
        counters.add_row(name, *(value_text(leg["media"].get(name)) for leg in media))
    console.print(counters)


def print_legs(legs: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print the legs of a call or of an attempt, and how to find each in a PBX or a capture."""
    shown = table("leg", "role", "uri", "state", "sip", "rang", "talked", "reason", title=title)
    for leg in legs:
        answered = leg.get("answered")
        shown.add_row(
            leg["leg"],
            leg["role"],
            leg["uri"],
            leg["state"],
            value_text(leg.get("sip_status")),
            between(leg.get("ringing"), answered or leg.get("ended")),
            between(answered, leg.get("ended")),
            leg.get("reason") or "",
        )
    console.print(shown)
    ways = [leg for leg in legs if leg.get("call_id")]
    if not ways:
        return
    found = table("leg", "SIP Call-ID", "trunk", "to or from", "codec", "our media", "their media")
    for leg in ways:
        found.add_row(leg["leg"], *(leg.get(name) or "" for name in _WAY))
    console.print(found)
