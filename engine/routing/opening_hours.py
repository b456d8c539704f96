"""Opening hours: whether a calendar is open at a moment, and when that changes.

Hours are those of the clock on the wall of the calendar's zone: on the day the clocks change, a day
is an hour longer or shorter and still begins at nine. An exception by date wins over a holiday, a
holiday over the weekly hours.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

from config.calendars import DAY_MIN, Calendar, read_hours

# A calendar that does not open within this time is taken for one that never does.
HORIZON_DAYS = 400

Span = tuple[float, float]


class OpeningHours:
    """One calendar. Moments are Unix seconds; a span begins open and ends closed."""

    def __init__(self, calendar: Calendar) -> None:
        self.name = calendar.name
        self._zone = ZoneInfo(calendar.zone)
        self._week = [read_hours(text) for text in calendar.hours]
        self._exceptions: Mapping[date, Sequence[str]] = {
            exception.date: exception.hours for exception in calendar.exceptions
        }
        self._holidays: holidays.HolidayBase | None = None
        if calendar.holidays:
            self._holidays = holidays.country_holidays(
                calendar.holidays, subdiv=calendar.subdivision or None
            )
        # What is known until when, as matching asks the same thing over and over.
        self._state = False
        self._since, self._until = 0.0, 0.0

    def is_open(self, at: float) -> bool:
        """Whether it is open."""
        if not self._since <= at < self._until:
            self._look_up(at)
        return self._state

    def opens_at(self, at: float) -> float | None:
        """`at` where it is open then, else when it next opens; None where it does not."""
        if self.is_open(at):
            return at
        return next((begin for begin, _end in self._spans(at, HORIZON_DAYS) if begin > at), None)

    def closes_at(self, at: float) -> float | None:
        """When it next closes, at once where it is closed; None where it does not."""
        if not self.is_open(at):
            return at
        end = at
        for begin, until in self._spans(at, HORIZON_DAYS):
            if begin > end:
                return end
            end = max(end, until)
        return None

    def _look_up(self, at: float) -> None:
        # A span may have begun the day before; the state changes no later than in two days' time,
        # as far as this is concerned.
        spans = list(self._spans(at, 2))
        day = datetime.fromtimestamp(at, self._zone).date()
        self._since, self._until = at, self._moment(day + timedelta(days=1), 0)
        self._state = False
        for begin, end in spans:
            if begin <= at < end:
                self._state = True
                self._since, self._until = begin, end
                return
            if begin > at:
                self._until = min(self._until, begin)

    def _spans(self, at: float, days: int) -> Iterator[Span]:
        """The spans of the day before `at` and of `days` from that of `at`, in their order."""
        today = datetime.fromtimestamp(at, self._zone).date()
        for number in range(-1, days):
            day = today + timedelta(days=number)
            for begin, end in sorted(self._hours(day)):
                yield self._moment(day, begin), self._moment(day, end)

    def _hours(self, day: date) -> Iterator[tuple[int, int]]:
        exception = self._exceptions.get(day)
        if exception is not None:
            yield from (read_hours(text)[1] for text in exception)
        elif self._holidays is None or day not in self._holidays:
            yield from (span for days, span in self._week if day.weekday() in days)

    def _moment(self, day: date, minutes: int) -> float:
        day += timedelta(days=minutes // DAY_MIN)
        clock = time(minutes % DAY_MIN // 60, minutes % 60)
        return datetime.combine(day, clock, self._zone).timestamp()


def opening_hours(calendars: Sequence[Calendar]) -> dict[str, OpeningHours]:
    """All configured calendars by name."""
    return {calendar.name: OpeningHours(calendar) for calendar in calendars}
