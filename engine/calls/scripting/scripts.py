"""The scripts of the configuration, and what they are told of the hours and of who calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from config.calendars import Calendar
from config.scripts import Script

from ...errors import EngineError
from ...routing.hours.opening_hours import opening_hours
from ..templates import Subject, fill_sentence


class Scripts:
    """Every script by its name. Calls that walk through one go on with it as it was."""

    def __init__(self, scripts: Sequence[Script] = (), calendars: Sequence[Calendar] = ()) -> None:
        self.configure(scripts, calendars)

    def configure(self, scripts: Sequence[Script], calendars: Sequence[Calendar]) -> None:
        """Have these from now on."""
        self._by_name = {one.name: one for one in scripts}
        self._hours = opening_hours(calendars)
        self._zones = {one.name: ZoneInfo(one.zone) for one in calendars}

    def named(self, name: str, field: str = "script") -> Script:
        """The script of this name. Raises EngineError `refused`."""
        script = self._by_name.get(name)
        if script is None:
            raise EngineError("refused", f"there is no script named {name!r}", field=field)
        return script

    def zone(self, calendar: str) -> ZoneInfo:
        """The time zone of the calendar; where there is none, that of the first calendar."""
        first = next(iter(self._zones.values()), ZoneInfo("UTC"))
        return self._zones.get(calendar, first)

    def is_open(self, calendar: str, now: float) -> bool:
        """Whether the calendar is open; one that there is no more is closed."""
        hours = self._hours.get(calendar)
        return hours is not None and hours.is_open(now)


class CallFacts:
    """What a script is told of the call `call_id` with `party`: see machine.Facts."""

    def __init__(
        self, scripts: Scripts, call_id: str, party: str, clock: Callable[[], float]
    ) -> None:
        self._scripts = scripts
        self._clock = clock
        self._call_id = call_id
        self._party = party

    def fill(self, template: str, context: Mapping[str, Any]) -> str:
        """The template with its fields filled in."""
        return fill_sentence(template, Subject(self._call_id, self._party, context))

    def is_open(self, calendar: str) -> bool:
        """Whether the calendar is open now."""
        return self._scripts.is_open(calendar, self._clock())
