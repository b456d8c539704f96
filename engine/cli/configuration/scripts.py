"""`ringback script`: the scripts of a configuration, walked through and drawn without a phone."""

import datetime
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ..command import EXIT_FAILED, EXIT_USAGE, Json, Options, print_json
from ..output.tables import cell, console, table
from .settings import ConfigFile, default_config, load_settings

if TYPE_CHECKING:
    from config.scripts import Script
    from config.settings import Settings

app = typer.Typer(
    name="script",
    help="Menus of the configuration: walk through them, draw them. No engine is needed.",
    epilog="Example: ringback script try reception --config /etc/ringback.toml",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ScriptName = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("list", epilog="Example: ringback script list --config /etc/ringback.toml")
def list_scripts(config: ConfigFile = None, json: Json = False) -> None:
    """List the scripts, and what uses each."""
    settings = load_settings(config or default_config())
    rows = [(one.name, one.language, len(one.steps), _users(settings, one.name))
            for one in settings.scripts]  # fmt: skip
    if Options.json:
        names = ("script", "language", "steps", "used_by")
        print_json({"scripts": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    listing = table("script", "language", "steps", "used by")
    for name, language, steps, users in rows:
        listing.add_row(cell(name), cell(language), str(steps), cell(", ".join(users)))
    console.print(listing)


@app.command("try", epilog="Example: ringback script try reception --set pin=4711")
def try_script(
    name: ScriptName,
    config: ConfigFile = None,
    set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="In the context of the call; may be repeated."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When, such as 2026-12-01T09:30 [default: now]"),
    ] = None,
    refuse_callbacks: Annotated[
        bool, typer.Option("--refuse-callbacks", help="As if nobody might be called back.")
    ] = False,
) -> None:
    """Walk through a script: its texts are written, and keys read from standard input."""
    settings = load_settings(config or default_config())
    script = _script(settings, name)
    from ...checks.script_trial import ScriptTrial

    context = dict(_pair(one) for one in set or ())
    trial = ScriptTrial(
        settings,
        script,
        context,
        now=_moment(at),
        write=typer.echo,
        read=_read_line,
        refuses_callbacks=refuse_callbacks,
    )
    trial.run()
    if trial.machine.ended in ("max_steps", "max_s", "failed"):
        raise typer.Exit(EXIT_FAILED)


@app.command("draw", epilog="Example: ringback script draw reception >reception.mmd")
def draw(name: ScriptName, config: ConfigFile = None) -> None:
    """Write a script as a Mermaid diagram."""
    script = _script(load_settings(config or default_config()), name)
    from ...scripts.diagram import diagram

    typer.echo(diagram(script), nl=False)


def _script(settings: "Settings", name: str) -> "Script":
    found = next((one for one in settings.scripts if one.name == name), None)
    if found is None:
        typer.echo(f"{settings.file}: there is no script named {name!r}", err=True)
        raise typer.Exit(EXIT_USAGE)
    return found


def _users(settings: "Settings", name: str) -> list[str]:
    """What of the configuration uses the script; requests may name it besides."""
    used: list[tuple[str, ...]] = [
        (f"inbound {one.name}", one.script, one.after_script) for one in settings.inbound
    ]
    used += [(f"queue {one.name}", one.script, one.after_script) for one in settings.queues]
    for one in settings.sites:
        used.append((f"site {one.name}", *(script for _key, script in one.scripts)))
    return [who for who, *names in used if name in names]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter("must be KEY=VALUE", param_hint="--set")
    return key, value


def _moment(text: str | None) -> float:
    if text is None:
        return time.time()
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error


def _read_line(question: str) -> str:
    """A line of standard input. At its end no key is pressed any more."""
    typer.echo(question, nl=False)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        typer.echo(line.rstrip("\n"))
    return line.strip()
