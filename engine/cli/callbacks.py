"""`ringback callback` and `jobs`, and what is done with jobs: cancel, reschedule and the like."""

import re
import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from ringback_client import ENDED, Client

from . import tables
from .command import (
    EXIT_FAILED,
    GIVE_UP_S,
    Json,
    Options,
    SocketAfter,
    ask,
    call,
    context_of,
    print_result,
)

app = typer.Typer(rich_markup_mode=None)


class Order(StrEnum):
    """Who is called first."""

    agent_first = "agent_first"
    customer_first = "customer_first"


class OnCrash(StrEnum):
    """What becomes of it when the engine dies and somebody may have been called."""

    retry = "retry"
    fail = "fail"
    ask = "ask"


class Decide(StrEnum):
    """What becomes of it now."""

    retry = "retry"
    fail = "fail"


Id = Annotated[str, typer.Argument(metavar="ID")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--number", metavar="NUMBER", help="Tried when TO does not answer; repeatable."),
]


@app.command()
def callback(
    to: Annotated[str, typer.Argument(metavar="TO", help="Number, sip: URI or agent to call.")],
    agent: Annotated[str | None, typer.Option(metavar="A", help="Agent, number or URI.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="Q", help="Queue, instead of an agent.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(metavar="ID", help="Key that makes it happen once.")
    ] = None,
    order: Annotated[Order | None, typer.Option(help="Who is called first.")] = None,
    context: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Repeatable.")] = None,
    whisper: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Spoken to the agent.")
    ] = None,
    whisper_file: Annotated[str | None, typer.Option(metavar="WAV", help="Played instead.")] = None,
    whisper_tone: Annotated[
        str | None, typer.Option(metavar="TONE", help="Played instead.")
    ] = None,
    caller_id: Annotated[str | None, typer.Option(metavar="NUMBER")] = None,
    trunk: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher goes first.")] = None,
    not_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or +SECONDS from now.")
    ] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="Likewise.")] = None,
    max_attempts: Annotated[int | None, typer.Option(metavar="N")] = None,
    ring_s: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    max_duration_s: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    record: Annotated[bool, typer.Option("--record", help="Record the talk.")] = False,
    number: Numbers = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Who asks for it.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of the visitor who asks for it.")
    ] = None,
    skill: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=LEVEL", help="What the operator must know; repeatable."),
    ] = None,
    known_agent: Annotated[
        str | None, typer.Option(metavar="A", help="Whom the customer knows.")
    ] = None,
    on_crash: Annotated[OnCrash | None, typer.Option(help="If the engine dies meanwhile.")] = None,
    retry: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CAUSE=N[,S...]",
            help="At most N attempts that end so, S seconds apart: busy=3,60,300; repeatable.",
        ),
    ] = None,
    join: Annotated[
        bool | None,
        typer.Option("--join/--no-join", help="Join an open callback of the same number."),
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the operator's screen shows.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended; tell how it goes.")
    ] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Request a callback."""
    whispers = {"text": whisper, "file": whisper_file, "tone": whisper_tone}
    params: dict[str, Any] = {
        "to": to,
        "agent": agent,
        "queue": queue,
        "id": id,
        "order": order and order.value,
        "context": context_of(context),
        "whisper": {name: value for name, value in whispers.items() if value is not None} or None,
        "caller_id": caller_id,
        "trunk": trunk,
        "priority": priority,
        "not_before": _moment("--not-before", not_before),
        "deadline": _moment("--deadline", deadline),
        "max_attempts": max_attempts,
        "ring_s": ring_s,
        "max_duration_s": max_duration_s,
        "record": record or None,
        "numbers": number or None,
        "site": site,
        "source": source,
        "skills": _skills(skill),
        "known_agent": known_agent,
        "on_crash": on_crash and on_crash.value,
        "retry": _retry(retry),
        "join": join,
        "script": script,
    }
    params = {name: value for name, value in params.items() if value is not None}

    async def request(client: Client) -> dict[str, Any]:
        if not wait:
            return await client.callback(**params)
        async with client.events(give_up_s=GIVE_UP_S) as events:
            job = await client.callback(**params)
            if f"callback.{job['state']}" in ENDED:
                return job
            tell = None if Options.json else tables.print_progress
            return await client.wait_for_job(job["id"], tell, events=events)

    job = ask(request)
    print_result(job, tables.print_job)
    if job["state"] in ("failed", "cancelled", "expired"):
        raise typer.Exit(EXIT_FAILED)


def _skills(pairs: list[str] | None) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for pair in pairs or []:
        name, _, level = pair.partition("=")
        if not name or not (level.isascii() and level.isdigit() and len(level) < 10):
            raise typer.BadParameter(f"{pair!r} is not NAME=LEVEL", param_hint="--skill")
        found[name] = int(level)
    return found or None


_RETRY = re.compile(r"(\w+)=(\d{1,9})((?:,\d+(?:\.\d+)?)*)")


def _retry(texts: list[str] | None) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for text in texts or []:
        given = _RETRY.fullmatch(text)
        if given is None:
            raise typer.BadParameter(f"{text!r} is not CAUSE=N,S,...", param_hint="--retry")
        spacing_s = [float(part) for part in given[3].split(",") if part]
        found[given[1]] = {"attempts": int(given[2]), "spacing_s": spacing_s}
    return found or None


def _moment(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return time.time() + float(text) if text.startswith("+") else float(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither Unix seconds nor +SECONDS", param_hint=option
        ) from None


@app.command()
def jobs(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One job, in full.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE")] = None,
    limit: Annotated[int, typer.Option(metavar="N")] = 20,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List callback jobs, newest first, or show one."""
    if id is not None:
        call("callback.get", tables.print_job, id=id)
    else:
        call("callback.list", tables.print_jobs, state=state, limit=limit, cursor=cursor)


@app.command()
def cancel(
    id: Id,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Cancel a callback, whatever it is doing."""
    call("callback.cancel", tables.print_job, id=id)


@app.command()
def reschedule(
    id: Id,
    not_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or +SECONDS from now.")
    ] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="Likewise.")] = None,
    number: Numbers = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give a callback that waits another time, or other further numbers."""
    call(
        "callback.reschedule",
        tables.print_job,
        id=id,
        not_before=_moment("--not-before", not_before),
        deadline=_moment("--deadline", deadline),
        numbers=number or None,
    )


@app.command()
def reprioritise(
    id: Id,
    priority: Annotated[int, typer.Argument(metavar="PRIORITY", help="Higher goes first.")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give a callback another priority."""
    call("callback.reprioritise", tables.print_job, id=id, priority=priority)


@app.command()
def decide(
    id: Id,
    decision: Annotated[Decide, typer.Argument(metavar="retry|fail")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Say what becomes of a callback for which somebody may have been called as the engine died."""
    call("callback.decide", tables.print_job, id=id, decision=decision.value)
