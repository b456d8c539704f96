"""What commands about a span of time have in common: which span, and where what is found goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from ringback_client import Client

from ..errors import BadParams
from ..reports.intervals import zone_of
from .command import EXIT_FAILED, Options, fail
from .export import output
from .moments import FORMS, moment_of

From = Annotated[str | None, typer.Option("--from", metavar="TIME", help=FORMS)]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Likewise; now, if left out.")]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="As Europe/Paris [default: reports.time_zone]"),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")]
Into = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Not to standard output.")
]


def check_form(csv: bool) -> None:
    """One form is wanted, not two."""
    if csv and Options.json:
        raise typer.BadParameter("give --csv or --json, not both")


@contextmanager
def written_to(path: Path | None) -> Iterator[TextIO]:
    """Where to write, as `output`; what cannot be written is told, and ends the command."""
    try:
        with output(path) as file:
            yield file
    except BrokenPipeError:  # whoever reads it has seen enough
        raise typer.Exit(EXIT_FAILED) from None
    except OSError as error:
        fail(EXIT_FAILED, f"{path or 'standard output'}: {error.strerror or error}")


async def moments(
    client: Client, zone: str | None, texts: dict[str, str | None]
) -> dict[str, float]:
    """What was written, as Unix seconds: in `zone`, or the time zone of the engine's reports."""
    given = {name: text for name, text in texts.items() if text is not None}
    if not given:
        return {}
    name = zone or (await client.call("report.live"))["time_zone"]
    now = time.time()
    found: dict[str, float] = {}
    for option, text in given.items():
        try:
            found[option] = moment_of(text, now, zone_named(name))
        except (ValueError, OverflowError, OSError) as error:
            raise typer.BadParameter(str(error), param_hint=f"--{option}") from None
    return found


def zone_named(name: str) -> Any:
    """The time zone of this name."""
    try:
        return zone_of(name)
    except BadParams as error:
        raise typer.BadParameter(error.reason, param_hint="--zone") from None
