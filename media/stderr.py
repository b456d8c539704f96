"""Standard error for a process that must never wait for its reader.

A pipe that nobody reads fills up, and the next write to it stops the whole process. Here a thread
writes. What it has no room for is dropped, a line at a time, and counted.
"""

import atexit
import contextlib
import io
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

MOST_CHARACTERS: Final = 1 << 20
"""How much may wait to be written."""
FLUSH_LIMIT_S: Final = 1.0
"""How long the end of the process waits for what is not written yet."""


class LineQueue(io.TextIOBase):
    """A text stream that queues whole lines for `sink`, which a thread of its own calls.

    `on_dropped` is called in that thread once lines pass again after some were dropped, with their
    number; it may write to the stream.
    """

    def __init__(
        self,
        sink: Callable[[str], object],
        *,
        most_characters: int = MOST_CHARACTERS,
        on_dropped: Callable[[int], object] = lambda _count: None,
    ) -> None:
        super().__init__()
        self.dropped = 0
        """How many lines were dropped since the process began."""
        self._sink = sink
        self._most = most_characters
        self._on_dropped = on_dropped
        self._waiting: deque[str] = deque()
        self._size = 0
        self._begun = ""  # a line without its end
        self._reported = 0
        self._changed = threading.Condition()
        self._is_idle = True
        threading.Thread(target=self._run, name="stderr", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Any character can be written; what the terminal cannot show is replaced."""
        return "utf-8"

    def writable(self) -> bool:
        """It is for writing alone."""
        return True

    def write(self, text: str) -> int:
        """Queue `text`. A line that has no room is dropped. Never waits for the reader."""
        with self._changed:
            whole, end, self._begun = (self._begun + text).rpartition("\n")
            if len(self._begun) > self._most:  # nothing of a line that long can be kept
                self._begun = ""
                self.dropped += 1
            if end:
                self._queue(whole + end)
        return len(text)

    def _queue(self, lines: str) -> None:
        if self._size + len(lines) > self._most:
            self.dropped += lines.count("\n")
            return
        self._waiting.append(lines)
        self._size += len(lines)
        self._is_idle = False
        self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing: the thread writes without being asked."""

    def drain(self, limit_s: float) -> bool:
        """Wait until everything is written, for `limit_s` at most. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_idle, limit_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                text = "".join(self._waiting)
                self._waiting.clear()
            # A reader that has gone away, or a full disk, must not end the thread.
            with contextlib.suppress(OSError, ValueError):
                self._sink(text)
            with self._changed:
                self._size -= len(text)
                dropped, self._reported = self.dropped - self._reported, self.dropped
            if dropped:
                self._on_dropped(dropped)
            with self._changed:
                self._is_idle = not self._waiting
                self._changed.notify_all()


def never_wait_for_stderr(*, on_dropped: Callable[[int], object] = lambda _: None) -> LineQueue:
    """Put a LineQueue in the place of this process's standard error, and return it."""
    queue = LineQueue(_sink_of(sys.stderr), on_dropped=on_dropped)
    sys.stderr = queue
    atexit.register(queue.drain, FLUSH_LIMIT_S)
    return queue


def _sink_of(stream: TextIO) -> Callable[[str], object]:
    """What writes to `stream`, past its buffer: the lock of that would hold up the exit."""
    try:
        fd = stream.fileno()
    except OSError:  # a test's
        return stream.write

    def write(text: str) -> None:
        left = text.encode("utf-8", "replace")
        while left:
            left = left[os.write(fd, left) :]

    return write
