"""`ringback callback` and `jobs`, and the commands that change a job."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from config.choices import CrashDecision, OnCrash, Order, ToKind
from ringback_client import ENDED, Client

from .calls import print_legs
from .command import (
    CALLS,
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
from .events import print_progress
from .output.formats import between, date
from .output.tables import console, details, print_more, state_cell, table
from .output.time_span import From, To, Zone, moments, time_of

app = typer.Typer(rich_markup_mode=None)


Id = Annotated[str, typer.Argument(metavar="ID")]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--number", metavar="NUMBER", help="Tried when TO does not answer; repeatable."),
]


@app.command(
    rich_help_panel=CALLS, epilog="Example: ringback callback +442079460000 --agent alice --wait"
)
def callback(
    to: Annotated[str, typer.Argument(metavar="TO", help="Number, sip: URI or agent to call.")],
    agent: Annotated[str | None, typer.Option(metavar="A", help="Agent, number or URI.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="Q", help="Queue, instead of an agent.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(metavar="ID", help="Key; the same key is accepted once.")
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
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="As above.")] = None,
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
        typer.Option(metavar="NAME=LEVEL", help="What the agent must know; repeatable."),
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
        str | None, typer.Option(metavar="NAME", help="What the agent's screen shows.")
    ] = None,
    customer_script: Annotated[
        str | None, typer.Option(metavar="NAME", help="Script of the customer, before the talk.")
    ] = None,
    agent_script: Annotated[
        str | None, typer.Option(metavar="NAME", help="Script of the agent, before the whisper.")
    ] = None,
    after_script: Annotated[
        str | None, typer.Option(metavar="NAME", help="Script of the customer, after the talk.")
    ] = None,
    notify_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the events of the job are posted.")
    ] = None,
    to_kind: Annotated[
        ToKind | None, typer.Option(help="number: TO has to be a telephone number.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="XX", help="The country in which TO is written.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended; show its progress.")
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
        "order": order,
        "context": context_of(context),
        "whisper": {name: value for name, value in whispers.items() if value is not None} or None,
        "caller_id": caller_id,
        "trunk": trunk,
        "priority": priority,
        "not_before": time_of(not_before, "--not-before", "+SECONDS"),
        "deadline": time_of(deadline, "--deadline", "+SECONDS"),
        "max_attempts": max_attempts,
        "ring_s": ring_s,
        "max_duration_s": max_duration_s,
        "record": record or None,
        "numbers": number or None,
        "site": site,
        "source": source,
        "skills": _skills(skill),
        "known_agent": known_agent,
        "on_crash": on_crash,
        "retry": _retry(retry),
        "join": join,
        "script": script,
        "customer_script": customer_script,
        "agent_script": agent_script,
        "after_script": after_script,
        "notify_url": notify_url,
        "to_kind": to_kind,
        "region": region,
    }
    params = {name: value for name, value in params.items() if value is not None}

    async def request(client: Client) -> dict[str, Any]:
        if not wait:
            return await client.callback(**params)
        async with client.events(give_up_s=GIVE_UP_S) as events:
            job = await client.callback(**params)
            if f"callback.{job['state']}" in ENDED:
                return job
            show = None if Options.json else print_progress
            return await client.wait_for_job(job["id"], show, events=events)

    job = ask(request)
    print_result(job, print_job)
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


@app.command(rich_help_panel=CALLS, epilog="Example: ringback jobs --state queued")
def jobs(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One job, in full.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE")] = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Whom they call.")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE")] = None,
    queue: Annotated[str | None, typer.Option(metavar="Q")] = None,
    agent: Annotated[str | None, typer.Option(metavar="A")] = None,
    begin: From = None,
    end: To = None,
    zone: Zone = None,
    context: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Repeatable.")] = None,
    limit: Annotated[int, typer.Option(metavar="N")] = 20,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="The next page.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List callback jobs, newest first, or show one."""
    if id is not None:
        call("callback.get", print_job, id=id)
    else:
        given = {
            "state": state,
            "number": number,
            "site": site,
            "queue": queue,
            "agent": agent,
            "context": context_of(context),
            "limit": limit,
            "cursor": cursor,
        }
        wanted = {name: value for name, value in given.items() if value is not None}

        async def page(client: Client) -> Any:
            bounds = await moments(client, zone, {"from": begin, "to": end})
            return await client.call("callback.list", **wanted, **bounds)

        print_result(ask(page), print_jobs)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback cancel order-17")
def cancel(
    id: Id,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Cancel a callback, in any state."""
    call("callback.cancel", print_job, id=id)


@app.command(
    rich_help_panel=CALLS, epilog="Example: ringback reschedule order-17 --not-before +3600"
)
def reschedule(
    id: Id,
    not_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unix seconds, or +SECONDS from now.")
    ] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="As above.")] = None,
    number: Numbers = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give a waiting callback another time or other numbers."""
    call(
        "callback.reschedule",
        print_job,
        id=id,
        not_before=time_of(not_before, "--not-before", "+SECONDS"),
        deadline=time_of(deadline, "--deadline", "+SECONDS"),
        numbers=number or None,
    )


@app.command(rich_help_panel=CALLS, epilog="Example: ringback reprioritise order-17 10")
def reprioritise(
    id: Id,
    priority: Annotated[int, typer.Argument(metavar="PRIORITY", help="Higher goes first.")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Give a callback another priority."""
    call("callback.reprioritise", print_job, id=id, priority=priority)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback decide order-17 retry")
def decide(
    id: Id,
    decision: Annotated[CrashDecision, typer.Argument(metavar="retry|fail")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Decide about a callback that a crash left in doubt.

    The engine may have been calling it when it died, or has set it aside after several crashes."""
    call("callback.decide", print_job, id=id, decision=decision)


def print_jobs(page: Mapping[str, Any]) -> None:
    """Print the result of callback.list."""
    shown = table("id", "created", "state", "to", "agent", "attempts", "talked", "cause")
    for job in page["jobs"]:
        shown.add_row(
            job["id"],
            date(job["created"]),
            state_cell(job["state"]),
            job["to"],
            job["agent"] or job["queue"] or "",
            str(len(job["attempts"])),
            between(job["bridged_at"], job["ended_at"]),
            job["cause"] or (job.get("scheduled") if job["state"] == "poisoned" else "") or "",
        )
    console.print(shown)
    print_more(page["cursor"])


_TIMES = (
    "created", "not_before", "deadline", "next_attempt_at", "decide_by", "bridged_at", "ended_at",
)  # fmt: skip


def print_job(job: Mapping[str, Any]) -> None:
    """Print one job in full: the result of callback.get and its like."""
    rows: list[tuple[str, str | Text]] = []
    for name in ("id", "state", "to", "agent", "queue", "order", "result", "cause", "recording"):
        value = job.get(name)
        if value is not None:
            rows.append((name, state_cell(value) if name == "state" else str(value)))
    rows += _further(job).items()
    rows += [(name, date(job[name])) for name in _TIMES if job.get(name) is not None]
    rows += [("context", f"{key} = {value}") for key, value in (job.get("context") or {}).items()]
    console.print(details(rows))
    for number, attempt in enumerate(job["attempts"], 1):
        print_legs(attempt["legs"], f"attempt {number}: {attempt.get('result') or 'under way'}")


def _further(job: Mapping[str, Any]) -> dict[str, str]:
    """What is known of a job besides its request, where there is something."""
    shown: dict[str, Any] = {
        "priority": job.get("priority"),
        "waits because": job.get("scheduled"),
        "decision": job.get("decision"),
        "crashes": job.get("crashes"),
        "calls next": job.get("dial_to"),
        "further requests": job.get("joined"),
        "offered to": ", ".join(
            f"{offer['agent']} ({offer['result'] or 'rings'})" for offer in job.get("offers") or ()
        ),
    }
    cost = job.get("cost")
    if cost is not None and float(cost["amount"]):
        shown["cost"] = f"{cost['amount']} {cost['currency']}"
    return {name: str(value) for name, value in shown.items() if value}
