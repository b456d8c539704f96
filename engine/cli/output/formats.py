"""How the command line writes times, durations, numbers and text for people."""

import time
from collections.abc import Mapping
from typing import Any


def printable(text: str) -> str:
    """`text` on one line, without characters that could command the terminal.

    Names, contexts and notes come from outside, and may hold escape sequences.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def duration(seconds: float | None, *, tenths: bool = False) -> str:
    """A duration as on a clock: 0:07, 12:34, 1:02:03. None is an empty text.

    With `tenths`, a duration below a minute is written as 7.2 s.
    """
    if seconds is None:
        return ""
    if tenths and seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def between(begin: float | None, end: float | None) -> str:
    """The duration between two times, in tenths; empty where one of them is None."""
    return "" if begin is None or end is None else duration(end - begin, tenths=True)


def date(moment: float) -> str:
    """A local date and time, to the second: 2026-03-29 09:30:00."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def minute(moment: float) -> str:
    """A local date and time, to the minute: 2026-03-29 09:30."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def clock(moment: float) -> str:
    """A local time of day, to the millisecond: 09:30:00.250."""
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment % 1 * 1000):03}"


def value_text(value: Any) -> str:
    """A value of the protocol in short: numbers rounded, lists and mappings on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} {value_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(value_text(item) for item in value)
    return str(value)


def pairs(values: Mapping[str, Any]) -> str:
    """Names and values on one line: jobs=3  calls=1."""
    return "  ".join(f"{name}={value_text(value)}" for name, value in values.items())
