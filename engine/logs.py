"""Logging: one line an event on standard error, for people or as JSON.

Nothing waits for its reader: lines that have no room are dropped and counted.
"""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog
from structlog.types import EventDict

from media.stderr import LineQueue, never_wait_for_stderr

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


def configure(level: str, style: Literal["console", "json"]) -> LineQueue:
    """Set up structlog for the whole process. Returns the stream that it writes to."""
    global _lines
    set_level(level)
    renderer: structlog.types.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    _lines = never_wait_for_stderr(on_dropped=_say_dropped)
    structlog.configure(
        processors=[
            _drop_below_level,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
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


def _drop_below_level(_logger: object, method: str, event: EventDict) -> EventDict:
    if _LEVELS.get(method, logging.INFO) < _level:
        raise structlog.DropEvent
    return event
