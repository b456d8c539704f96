"""Times on the command line, and the options of commands that report about a span of time.

People write dates, times of day, spans from now, or Unix seconds.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from ringback_client import Client

from ...errors import BadParams
from ...reports.intervals import zone_of
from ..command import EXIT_FAILED, Options, fail
from .export import output

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"([+-])(\d+(?:\.\d+)?)([smhdw]?)")
_SECONDS = re.compile(r"\d{5,}(\.\d+)?")
FORMS = "2026-03-29, 2026-03-29T09:30, today, yesterday, -7d, +1h or Unix seconds"

From = Annotated[str | None, typer.Option("--from", metavar="TIME", help=FORMS)]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="As above; now, if left out.")]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="As Europe/Paris [default: reports.time_zone]"),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")]
WithBom = Annotated[
    bool, typer.Option("--bom", help="With --csv: begin with a byte order mark, for Excel.")
]
Into = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Not to standard output.")
]


def check_form(csv: bool, bom: bool = False) -> None:
    """Refuse --csv together with --json, and --bom without --csv."""
    if bom and not csv:
        raise typer.BadParameter("--bom is for --csv")
    if csv and Options.json:
        raise typer.BadParameter("give --csv or --json, not both")


@contextmanager
def written_to(path: Path | None) -> Iterator[TextIO]:
    """The file to write to, as `output` gives it. An error while writing ends the command."""
    try:
        with output(path) as file:
            yield file
    except BrokenPipeError:  # the reader of the pipe has seen enough
        raise typer.Exit(EXIT_FAILED) from None
    except OSError as error:
        fail(EXIT_FAILED, f"{path or 'standard output'}: {error.strerror or error}")


async def moments(
    client: Client, zone: str | None, texts: dict[str, str | None]
) -> dict[str, float]:
    """The times that options give, as Unix seconds.

    They are read in `zone`, or in the time zone of the engine's reports.
    """
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


def moment_of(text: str, now: float, zone: tzinfo | None) -> float:
    """The Unix time that `text` means in `zone` (None: the machine's). Raises ValueError.

    A date alone means its first moment. A time with an offset of its own keeps it.
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        seconds = float(span[2]) * UNITS_S[span[3] or "s"]
        return now + seconds if span[1] == "+" else now - seconds
    if text == "now":
        return now
    if text in ("today", "yesterday"):
        day = datetime.fromtimestamp(now, zone).date() - timedelta(days=text == "yesterday")
        return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment such as {FORMS}") from None
    return (read if read.tzinfo is not None else read.replace(tzinfo=zone)).timestamp()


def written(moment: float, zone: tzinfo | None) -> str:
    """A moment with its offset from UTC: 2026-03-29 09:30:00+01:00."""
    return datetime.fromtimestamp(moment, zone).astimezone(zone).isoformat(" ", "seconds")


def for_spreadsheet(moment: float, zone: tzinfo | None) -> str:
    """A moment as spreadsheets read it, without an offset: 2026-03-29 09:30:00."""
    return f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M:%S}"


def utc_offset(moment: float, zone: tzinfo | None) -> str:
    """The offset at a moment: UTC+01:00. It makes clear which hour is meant that comes twice."""
    return f"UTC{written(moment, zone)[19:]}"


def time_of(text: str | None, option: str | None = None, example: str = "+30d") -> float | None:
    """The Unix time that `text` means: Unix seconds, or a span from now such as +3600 or +30d.

    An error names `option` and gives `example`.
    """
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    if span is not None and span[1] == "+":
        return time.time() + float(span[2]) * UNITS_S[span[3] or "s"]
    try:
        seconds = float(text)
    except ValueError:
        reason = f"{text!r} is neither Unix seconds nor {example}"
        raise typer.BadParameter(reason, param_hint=option) from None
    return time.time() + seconds if text.startswith("+") else seconds
