"""The command line: `ringback run` is the engine, everything else is a client of one."""

import io
import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..client import Client
from . import (
    agents,
    audit,
    callbacks,
    numbers,
    queues,
    records,
    report,
    routes,
    tables,
    top,
    webhooks,
)
from .command import (
    DEFAULT_SOCKET,
    EXIT_FAILED,
    EXIT_USAGE,
    GIVE_UP_S,
    Json,
    Options,
    SocketAfter,
    ask,
    call,
    print_json,
    print_result,
)

app = typer.Typer(
    name="ringback",
    help="Callbacks: the operator is called first, then the customer, and the two are joined.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="RINGBACK_TOKEN_FILE",
        callback=Options.take_token_file,
        metavar="FILE",
        help="Token to show to the engine, for rights that a user does not have.",
    ),
]


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names may be in any script, a terminal not
            stream.reconfigure(errors="backslashreplace")
    app()


@app.callback()
def _options(socket: Socket = None, token_file: TokenFile = None, json: Json = False) -> None:
    pass


app.add_typer(callbacks.app)
app.add_typer(numbers.app)
app.add_typer(records.app)
app.add_typer(report.app)
app.add_typer(top.app)
app.add_typer(webhooks.app)


# -- the engine itself --------------------------------------------------------------------------


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration [default: the built-in one]")
    ] = None,
) -> None:
    """Run the engine in the foreground until SIGTERM or SIGINT."""
    settings = _load(config or _default_config())
    from ..daemon import main as run_daemon

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

app.command()(agents.agents)
app.add_typer(agents.app)
app.command()(queues.queues)
app.command()(audit.audit)
app.command()(routes.reload)
app.add_typer(routes.app)
app.add_typer(queues.app)


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


def _print_schema(is_wanted: bool) -> None:
    if is_wanted:
        # Imports most of the engine, which no other command needs.
        from ..control.schema import openrpc_text

        print(openrpc_text(), end="")
        raise typer.Exit


@app.command()
def rpc(
    method: Annotated[str, typer.Argument(metavar="METHOD")],
    params: Annotated[str, typer.Argument(metavar="JSON", help="An object.")] = "{}",
    socket: SocketAfter = None,
    json: Json = False,
    _schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            help="Print every method, event and error as OpenRPC. No engine is needed.",
            callback=_print_schema,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Send any request and print its result as JSON."""
    given = _parse_params(params)
    Options.json = True
    print_json(ask(lambda client: client.call(method, **given)))


def _parse_params(text: str) -> dict[str, Any]:
    try:
        given = jsonlib.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="JSON") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("must be an object", param_hint="JSON")
    return given


if __name__ == "__main__":
    main()
