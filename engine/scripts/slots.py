"""The words for a time at which a callback is offered, in the language of a script."""

import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from .actions import Slot

_DAY = datetime.timedelta(days=1)


def slot_of(at: float, slot_s: float, *, zone: ZoneInfo, language: str) -> Slot:
    """The slot that begins `at` (Unix seconds): `{from}`, `{until}`, and `{day}` of the week."""
    locale = Locale.parse(language or "en", sep="-")
    begins, ends = (datetime.datetime.fromtimestamp(one, zone) for one in (at, at + slot_s))
    return Slot(
        at,
        {
            "from": format_time(begins, "short", locale=locale),
            "until": format_time(ends, "short", locale=locale),
            "day": format_date(begins.date(), "EEEE", locale=locale),
        },
    )


def next_beginning(at: float, slot_s: float, zone: ZoneInfo) -> float:
    """The first beginning of a slot from `at` on: slots are counted from local midnight."""
    local = datetime.datetime.fromtimestamp(at, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    since = at - midnight.timestamp()
    whole = -(-since // slot_s)
    following = (midnight + _DAY).timestamp()
    return min(midnight.timestamp() + whole * slot_s, max(following, at))
