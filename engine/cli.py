"""The command line: `ringback run` is the engine, everything else is a client of one."""

import json as jsonlib
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import cli_agents, cli_queues, cli_webhooks, tables
from .client import ENDED, Client
from .command import (
    DEFAULT_SOCKET,
    EXIT_FAILED,
    EXIT_USAGE,
    Json,
    Options,
    SocketAfter,
    ask,
    call,
    print_json,
    print_result,
)

# How long a command that follows events waits for an engine that went away.
GIVE_UP_S = 30.0

app = typer.Typer(
    name="ringback",
    help="Callbacks: the operator is called first, then the customer, and the two are joined.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(cli_webhooks.app)


class Order(StrEnum):
    """Who is called first."""

    agent_first = "agent_first"
    customer_first = "customer_first"


Socket = Annotated[
    str | None,
    typer.Option(
        "--socket",
        envvar="RINGBACK_CONTROL__SOCKET",
        callback=Options.take_socket,
        metavar="PATH",
        help=f"Control socket of the engine [default: {DEFAULT_SOCKET}]",
    ),
]


def main() -> None:
    """The console script."""
    app()


@app.callback()
def _options(socket: Socket = None, json: Json = False) -> None:
    pass


# -- the engine itself --------------------------------------------------------------------------


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration [default: the built-in one]")
    ] = None,
) -> None:
    """Run the engine in the foreground until SIGTERM or SIGINT."""
    settings = _load(config or _default_config())
    from .daemon import main as run_daemon

    raise typer.Exit(run_daemon(settings))


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE")], json: Json = False) -> None:
    """Say whether a configuration file is right."""
    settings = _load(file)
    if Options.json:
        print_json({"file": settings.file, "ok": True})
    else:
        typer.echo(f"{settings.file}: ok")


def _default_config() -> Path:
    import config

    return Path(config.__file__).with_name("ringback.toml")


def _load(file: Path) -> Any:
    from config.settings import ConfigError, load

    try:
        return load(file)
    except ConfigError as error:
        if Options.json:
            print_json({"file": error.file, "ok": False, "key": error.key, "reason": error.reason})
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None


# -- callbacks ----------------------------------------------------------------------------------


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
        "context": _context(context),
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


def _context(pairs: list[str] | None) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{pair!r} is not K=V", param_hint="--context")
        found[key] = value
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
    id: Annotated[str, typer.Argument(metavar="ID")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Cancel a callback, whatever it is doing."""
    call("callback.cancel", tables.print_job, id=id)


# -- calls --------------------------------------------------------------------------------------


@app.command()
def calls(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[CALL]", help="One call, in full.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the calls that are up, or show one."""
    if call_id is not None:
        call("call.get", tables.print_call, call=call_id)
    else:
        call("call.list", tables.print_calls)


@app.command()
def hangup(
    call_id: Annotated[str | None, typer.Argument(metavar="[CALL]")] = None,
    leg: Annotated[str | None, typer.Option(metavar="LEG", help="One leg instead.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """End a call, or one leg."""
    if (call_id is None) == (leg is None):
        raise typer.BadParameter("give a call or --leg")
    call("call.hangup", tables.print_call, call=call_id, leg=leg)


# -- agents and queues --------------------------------------------------------------------------

app.command()(cli_agents.agents)
app.add_typer(cli_agents.app)
app.command()(cli_queues.queues)
app.add_typer(cli_queues.app)


# -- the engine from outside --------------------------------------------------------------------


@app.command()
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
                print_result(event, tables.print_event)

    ask(follow)


@app.command()
def status(socket: SocketAfter = None, json: Json = False) -> None:
    """Show how the engine is."""
    call("engine.status", tables.print_status)


@app.command()
def drain(
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Wait no longer.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Then stop the engine.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Take no new callbacks and wait for those under way."""
    result = call("engine.drain", tables.print_drain, timeout_s=timeout_s, stop=stop)
    if not result["drained"]:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def rpc(
    method: Annotated[str, typer.Argument(metavar="METHOD")],
    params: Annotated[str, typer.Argument(metavar="JSON", help="An object.")] = "{}",
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Send any request and print its result as JSON."""
    given = _parse_params(params)
    Options.json = True
    print_json(ask(lambda client: client.call(method, **given)))


def _parse_params(text: str) -> dict[str, Any]:
    try:
        given = jsonlib.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="JSON") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("must be an object", param_hint="JSON")
    return given


if __name__ == "__main__":
    main()
