"""The log as entries of systemd's journal, with each value in a field of its own.

Native protocol of journald: one datagram an entry, to its socket
(https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
"""

import contextlib
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SOCKET: Final = Path("/run/systemd/journal/socket")
IDENTIFIER: Final = "ringback"
# syslog(3)
PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

_PREFIX = "RINGBACK_"
_MOST_VALUE_BYTES = 8192
_MOST_NAME = 64
_NOT_OF_A_NAME = re.compile(r"[^A-Z0-9_]")


class Journal:
    """Where entries are sent. It waits for nobody: `send` says whether an entry was taken."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, level: str, event: str, values: Mapping[str, Any]) -> bool:
        """Send one entry: its text, its priority, and the values as RINGBACK_JOB and the like.

        A journal that was restarted is found again, since nothing stays connected to it.
        """
        entry = b"".join(_encoded(name, value) for name, value in _fields(level, event, values))
        with contextlib.suppress(OSError):
            self._socket.sendto(entry, self._path)
            return True
        return False

    def close(self) -> None:
        """Send nothing any more."""
        self._socket.close()


def _fields(level: str, event: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    trace = values.get("exception")
    words = [f"{key}={value}" for key, value in values.items() if key != "exception"]
    message = " ".join([event, *words])
    yield "MESSAGE", f"{message}\n{trace}" if trace else message
    yield "PRIORITY", str(PRIORITIES.get(level, PRIORITIES["info"]))
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield f"{_PREFIX}EVENT", event
    for key, value in values.items():
        if key == "exception":  # in the text
            continue
        yield (_PREFIX + _NOT_OF_A_NAME.sub("_", key.upper()))[:_MOST_NAME], str(value)


def _encoded(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "replace")[:_MOST_VALUE_BYTES]
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"
