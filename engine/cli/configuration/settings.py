"""The configuration that commands read which need no engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..command import EXIT_USAGE, Options, print_json

if TYPE_CHECKING:
    from config.settings import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration [default: the built-in one]"),
]


def default_config() -> Path:
    """The configuration that comes with the engine."""
    import config

    return Path(config.__file__).with_name("ringback.toml")


def load_settings(file: Path) -> "Settings":
    """The settings in the file. Where they have faults, those are written, and the command ends."""
    from config.errors import ConfigError

    from ...checks.configuration import load

    try:
        return load(file)
    except ConfigError as error:
        if Options.json:
            first = {"key": error.key, "line": error.line, "reason": error.reason}
            print_json({"file": error.file, "ok": False, **first, "errors": error.view()})
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_USAGE) from None
