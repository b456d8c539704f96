"""The command line: `ringback run` is the engine, everything else is a client of one."""

import gc
import io
import json as jsonlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ringback_client import PROTOCOL_VERSION

from . import (
    agents,
    audit,
    call_control,
    callbacks,
    calls,
    conferences,
    events,
    numbers,
    person,
    queues,
    recordings,
    records,
    report,
    routes,
    trunks,
    webhooks,
)
from .command import (
    AGENTS,
    CALLS,
    DEFAULT_SOCKET,
    EXIT_FAILED,
    EXIT_USAGE,
    NUMBERS,
    REPORTS,
    RUNNING,
    Json,
    Options,
    SocketAfter,
    ask,
    call,
    print_json,
)
from .configuration import doctor, scripts
from .configuration.settings import default_config, load_settings
from .live import top
from .output.formats import duration, pairs, value_text
from .output.tables import console, details
from .tracing import commands as traces


class GroupedCommands(TyperGroup):
    """The commands, listed under the heading of the group to which each belongs."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the groups of commands into the help."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        width = formatter.width - 6 - max(map(len, found))
        for panel in (CALLS, AGENTS, NUMBERS, REPORTS, RUNNING):
            rows = [
                (name.ljust(max(map(len, found))), command.get_short_help_str(width))
                for name, command in found.items()
                if command is not None and getattr(command, "rich_help_panel", None) == panel
            ]
            with formatter.section(panel):
                formatter.write_dl(rows)


app = typer.Typer(
    name="ringback",
    cls=GroupedCommands,
    help="Run the callback engine Ringback, or send a command to one that runs.",
    epilog="Example: ringback callback +442079460000 --agent alice --wait",
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


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ringback {version('ringback')} (control protocol {PROTOCOL_VERSION})")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version, and exit."
    ),
]


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not every terminal has every script
            stream.reconfigure(errors="backslashreplace")
    app()


@app.callback()
def _options(
    socket: Socket = None,
    token_file: TokenFile = None,
    json: Json = False,
    version: Version = False,
) -> None:
    pass


for part in (callbacks, calls, trunks, traces):
    app.add_typer(part.app)
app.add_typer(call_control.app, rich_help_panel=CALLS)
app.add_typer(conferences.app, rich_help_panel=CALLS)
app.add_typer(agents.listing)
app.add_typer(agents.app, rich_help_panel=AGENTS)
app.add_typer(queues.listing)
app.add_typer(queues.app, rich_help_panel=AGENTS)
app.add_typer(numbers.app, rich_help_panel=NUMBERS)
app.add_typer(routes.app, rich_help_panel=NUMBERS)
app.add_typer(person.app, rich_help_panel=NUMBERS)
app.add_typer(scripts.app, rich_help_panel=RUNNING)
app.add_typer(report.app, rich_help_panel=REPORTS)
app.add_typer(recordings.app, rich_help_panel=REPORTS)
for part in (records, top, events, audit):
    app.add_typer(part.app)
app.add_typer(routes.configuration)
app.add_typer(webhooks.app, rich_help_panel=RUNNING)
app.add_typer(doctor.app)


# -- the engine itself --------------------------------------------------------------------------


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback run --config /etc/ringback.toml")
def run(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration [default: the built-in one]")
    ] = None,
) -> None:
    """Run the engine in the foreground until SIGTERM or SIGINT."""
    settings = load_settings(config or default_config())
    gc.disable()  # what is imported stays
    from ..daemon import main as run_daemon

    gc.enable()
    raise typer.Exit(run_daemon(settings))


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback web --config /etc/ringback.toml")
def web(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Configuration [default: the built-in one]")
    ] = None,
) -> None:
    """Serve web pages, the [[sites]], until SIGTERM or SIGINT."""
    from config.errors import ConfigError
    from config.web_settings import load
    from web.server import main as run_gateway

    from .. import logs

    file = config or default_config()
    try:
        settings = load(file)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
    logs.configure(settings.log.level, settings.log.format)
    raise typer.Exit(run_gateway(str(file), settings))


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback check /etc/ringback.toml")
def check(file: Annotated[Path, typer.Argument(metavar="FILE")], json: Json = False) -> None:
    """Check a configuration file. Shows also how its numbers are read, and what its sites lack."""
    settings = load_settings(file)
    from ..checks.configuration import readings_of
    from ..doctor.visitors import visitor_findings

    readings, findings = readings_of(settings), list(visitor_findings(settings))
    if Options.json:
        shown = [{"key": key, "text": text, "reading": words} for key, text, words in readings]
        result: dict[str, Any] = {"file": settings.file, "ok": True, "readings": shown}
        if findings:
            result["findings"] = [one.view() for one in findings]
        print_json(result)
        return
    for one in findings:
        typer.echo(f"{one.level}: {one.about}: {one.what} {one.advice}", err=True)
    for key, text, words in readings:
        typer.echo(f"{key}: {value_text(text)} is {words}")
    typer.echo(f"{settings.file}: ok")


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback status")
def status(socket: SocketAfter = None, json: Json = False) -> None:
    """Show how the engine is."""
    call("engine.status", _print_status)


def _print_status(status: Mapping[str, Any]) -> None:
    rows: list[tuple[str, str]] = []
    for name, value in status.items():
        if name == "uptime_s":
            rows.append(("uptime", duration(value, tenths=True)))
        elif name == "trunks":
            for trunk in value:
                rest = {key: item for key, item in trunk.items() if key != "name"}
                rows.append((f"trunk {trunk['name']}", pairs(rest)))
        else:
            rows.append((name, pairs(value) if isinstance(value, Mapping) else value_text(value)))
    console.print(details(rows))


@app.command(rich_help_panel=RUNNING, epilog="Example: ringback drain --stop --timeout 60")
def drain(
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Wait no longer.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Then stop the engine.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Take no new callbacks and wait for those under way."""
    result = call("engine.drain", _print_drain, timeout_s=timeout_s, stop=stop)
    if not result["drained"]:
        raise typer.Exit(EXIT_FAILED)


def _print_drain(result: Mapping[str, Any]) -> None:
    if result["drained"]:
        console.print("drained: no call is under way")
    else:
        console.print(f"not drained: {result['active']} calls are still under way")


def _print_schema(is_wanted: bool) -> None:
    if is_wanted:
        # Imports most of the engine, which no other command needs.
        from ..control.schema import openrpc_text

        print(openrpc_text(), end="")
        raise typer.Exit


@app.command(
    rich_help_panel=RUNNING, epilog="""Example: ringback rpc callback.get '{"id": "order-17"}'"""
)
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
