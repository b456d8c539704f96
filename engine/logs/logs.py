"""Logging: one line an event on standard error, for people or as JSON, or an entry of the journal.

Nothing waits for its reader: lines that have no room are dropped and counted.
"""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog
from structlog.types import EventDict

from media.stderr import LineQueue, never_wait_for_stderr

from .journal import Journal

# By the names of the methods of a logger.
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
}
_level = logging.INFO
_lines: LineQueue | None = None


def configure(level: str, style: Literal["console", "json", "journal"]) -> LineQueue:
    """Set up structlog for the whole process. Returns the stream that it writes to.

    What the journal does not take is written there too.
    """
    global _lines
    set_level(level)
    renderer: structlog.types.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    to_journal = [_ToJournal(Journal())] if style == "journal" else []
    _lines = never_wait_for_stderr(on_dropped=_say_dropped)
    structlog.configure(
        processors=[
            _drop_below_level,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            *to_journal,
            renderer,
        ],
        # Loggers are kept for good, so that the level is asked for at each call.
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _lines)),
        cache_logger_on_first_use=True,
    )
    return _lines


def set_level(level: str) -> None:
    """Log from this level on."""
    global _level
    _level = _LEVELS[level]


def lines_dropped() -> int:
    """How many lines had no room, because nobody read those before."""
    return 0 if _lines is None else _lines.dropped


def _say_dropped(count: int) -> None:
    structlog.get_logger().warning("log_lines_dropped", lines=count)


class _ToJournal:
    """Sends each event to the journal; those that it does not take go on to standard error."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        level, name = str(event.get("level", "info")), str(event.get("event", ""))
        own = ("event", "level", "timestamp")  # the journal has its own time
        values = {key: value for key, value in event.items() if key not in own}
        if self._journal.send(level, name, values):
            raise structlog.DropEvent
        return event


def _drop_below_level(_logger: object, method: str, event: EventDict) -> EventDict:
    if _LEVELS.get(method, logging.INFO) < _level:
        raise structlog.DropEvent
    return event
