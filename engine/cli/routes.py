"""`ringback reload` and `ringback route`: the configuration in use, and what it decides."""

import json as jsonlib
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import EXIT_FAILED, RUNNING, Json, SocketAfter, call, context_of
from .output.formats import date
from .output.tables import cell, console
from .output.time_span import FORMS, moment_of

configuration = typer.Typer(rich_markup_mode=None)


@configuration.command(rich_help_panel=RUNNING, epilog="Example: ringback reload --check")
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


# -- what would become of a request ---------------------------------------------------------------

app = typer.Typer(
    name="route",
    help="What would become of a request or call, and why.",
    epilog="Example: ringback route explain +442079460000 --queue sales",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _route() -> None:
    pass


@app.command("explain", epilog="Example: ringback route explain +442079460000 --queue sales")
def explain(
    to: Annotated[str, typer.Argument(metavar="TO", help="Whom to call; or who calls.")],
    agent: Annotated[str | None, typer.Option(metavar="A", help="As the request says.")] = None,
    queue: Annotated[str | None, typer.Option(metavar="Q", help="As above.")] = None,
    context: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Repeatable.")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE")] = None,
    source: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the visitor.")] = None,
    priority: Annotated[int | None, typer.Option()] = None,
    trunk: Annotated[str | None, typer.Option(metavar="NAME", help="The only one to use.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help=FORMS)] = None,
    from_trunk: Annotated[
        str | None, typer.Option(metavar="NAME", help="For a call that comes in by this trunk,")
    ] = None,
    dialled: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="to this number; TO is who calls.")
    ] = None,
    attestation: Annotated[
        str | None, typer.Option(metavar="A", help="Of such a call: A, B, C, failed or none.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Say which rules fire and why, and what would become of it. Nobody is called."""
    found = call(
        "route.explain",
        _print_explained,
        to=to,
        agent=agent,
        queue=queue,
        context=context_of(context),
        site=site,
        source=source,
        priority=priority,
        trunk=trunk,
        at=_moment(at),
        from_trunk=from_trunk,
        dialled=dialled,
        attestation=attestation,
    )
    if found["objections"]:
        raise typer.Exit(EXIT_FAILED)


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else moment_of(text, time.time(), None)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None


def _trunk_state(trunk: Mapping[str, Any]) -> str:
    """How a trunk stands, and why it is not used, in words."""
    why = [f"down: {trunk['down']}"] if trunk["down"] else []
    if trunk["full"]:
        why.append("full")
    if not trunk["usable"]:
        why.append("not usable" if why else f"not usable: {trunk['reason'] or 'unknown'}")
    return ", ".join([str(trunk["state"] or "unknown"), *why])


def _print_explained(found: Mapping[str, Any]) -> None:
    facts = found["facts"]
    number = facts["number"] or facts["to"]
    known = [one for one in (facts["region"], (facts["line_type"] or "").replace("_", " ")) if one]
    _line(f"{number}  {', '.join(known) or 'no telephone number'}  at {date(found['at'])}")
    if found["kind"] == "call":
        _line(
            f"a call by {facts['trunk']} to {facts['dialled']}: {_named('route', found['route'])}"
        )
    _print_rules(found)
    _print_admission(found["admission"])
    for one in found["trunks"]:
        _line(f"trunk {one['trunk']}: {_trunk_state(one)} (route {_value(one['route'])})")
    _print_queue(found["queue"])
    _print_agent(found["agent"])
    for one in found["objections"]:
        _line(f"but {one['step']}: {one['reason']}")
    if found.get("joins") and found["verdict"] != "refused":
        _line(f"→ would join the open job {found['joins']}")
    else:
        _line(f"→ {_VERDICTS[found['verdict']]}")


def _print_rules(found: Mapping[str, Any]) -> None:
    if not found["rules"]:
        _line("no rule is looked at")
        return
    for rule in found["rules"]:
        _line(f"rule {rule['rule']}: {rule['outcome'].replace('_', ' ')}: {rule['why']}")
        for name, value in rule["set"].items():
            _line(f"    sets {name} = {_value(value)}")
        for name, reason in rule["kept"].items():
            _line(f"    does not set {name}: {reason}")


def _print_admission(admission: Mapping[str, Any] | None) -> None:
    if admission is None or not admission["allowed"]:
        return
    when = "at once" if admission["not_before"] is None else date(admission["not_before"])
    _line(f"may be called {when}" + (f": {admission['reason']}" if admission["reason"] else ""))


def _print_queue(queue: Mapping[str, Any] | None) -> None:
    if queue is None:
        return
    state = "paused" if queue["paused"] else "open" if queue["open"] else "closed"
    _line(f"queue {queue['queue']}: {state}, {queue['waiting']} waiting")
    for one in queue["agents"]:
        _line(f"  {one['agent']}: " + ("could take it now" if one["could"] else one["why_not"]))


def _print_agent(agent: Mapping[str, Any] | None) -> None:
    if agent is not None:
        _line(f"agent {agent['agent']}: {agent['state'] or 'no configured agent, called as given'}")


_VERDICTS = {
    "called": "would be called at once",
    "waits": "would wait until an agent is free",
    "scheduled": "would wait for its time",
    "refused": "would be refused",
    "unavailable": "cannot be had now",
}


def _named(noun: str, name: str | None) -> str:
    return f"no {noun}" if name is None else f"{noun} {name}"


def _value(value: Any) -> str:
    return jsonlib.dumps(value, ensure_ascii=False)


def _line(text: str) -> None:
    console.print(cell(text), soft_wrap=True)
