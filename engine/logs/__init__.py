"""The log of the engine: to standard error, or to systemd's journal."""

from .logs import configure, lines_dropped, set_level

__all__ = ["configure", "lines_dropped", "set_level"]
