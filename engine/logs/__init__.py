"""The log of the engine: to standard error, or to systemd's journal.

One JSON object or one line of text for each message. What cannot be written is counted.
"""

from .logs import configure, lines_dropped, set_level

__all__ = ["configure", "lines_dropped", "set_level"]
