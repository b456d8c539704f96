"""Logging: one line an event on standard error, for people or as JSON."""

import logging
import sys
from typing import Literal

import structlog
from structlog.types import EventDict

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


def configure(level: str, style: Literal["console", "json"]) -> None:
    """Set up structlog for the whole process."""
    set_level(level)
    renderer: structlog.types.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def set_level(level: str) -> None:
    """Log from this level on."""
    global _level
    _level = _LEVELS[level]


def _drop_below_level(_logger: object, method: str, event: EventDict) -> EventDict:
    if _LEVELS.get(method, logging.INFO) < _level:
        raise structlog.DropEvent
    return event
