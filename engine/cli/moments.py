"""Moments as people write them: dates and times of a place, spans from now, Unix seconds."""

import re
from datetime import datetime, timedelta, tzinfo

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"([+-])(\d+(?:\.\d+)?)([smhdw]?)")
_SECONDS = re.compile(r"\d{5,}(\.\d+)?")
FORMS = "2026-03-29, 2026-03-29T09:30, today, yesterday, -7d, +1h or Unix seconds"


def moment_of(text: str, now: float, zone: tzinfo | None) -> float:
    """The Unix time that `text` means in `zone` (None: the machine's). Raises ValueError.

    A date is its first moment; what names an offset of its own keeps it.
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
