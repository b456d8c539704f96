"""The changes of dialogs that the store may not have written yet, in two files beside the socket.

A phone rings, or is answered, long before the store's next commit. An engine that is killed by
then would leave it in dead air. What is written here has reached the kernel before the message
that it belongs to is sent, and outlives the process; it need not outlive the machine, so that
nothing waits for a disk. The files take turns: one is emptied once the store has what is in it.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog

from sip.dialog.unsaved_sessions import Saves
from sip.saved import SavedSession

log = structlog.get_logger()

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one file, where the store cannot be written for long. What is over is in the store alone."""

Change = tuple[int, str, SavedSession | None]
"""Its number, the local tag of the session, and its new state; None: the session is over."""

_decoder = msgspec.json.Decoder(Change)
_encoder = msgspec.json.Encoder()


class DialogChanges:
    """Two files, one of which takes the changes. `path` is what their names begin with."""

    def __init__(self, path: Path) -> None:
        self._paths = [path.with_name(f"{path.name}.dialogs-{n}") for n in (0, 1)]
        self._files: list[int | None] = [None, None]
        self._sizes = [0, 0]
        self._current = 0
        self._number = 0
        self._has_failed = self._is_ours = False

    def read(self) -> dict[str, SavedSession | None]:
        """The last state of each session of which an earlier engine wrote something here.

        The files are this engine's from now on, and open: one that cannot be is tried again when
        something is to be written.
        """
        self._is_ours = True
        found = sorted(
            (change for path in self._paths for change in _changes_in(path)), key=lambda one: one[0]
        )
        for index in (0, 1):
            try:
                self._open(index)
            except OSError as error:
                self._report(index, error)
        return {tag: saved for _, tag, saved in found}

    def append(self, saves: Saves) -> None:
        """Write what has changed: it is kept when this returns, however the process ends."""
        lines = bytearray()
        for tag, saved in saves:
            self._number += 1
            lines += _encoder.encode((self._number, tag, saved)) + b"\n"
        if self._sizes[self._current] + len(lines) > MOST_BYTES:
            return
        try:
            file = self._files[self._current]
            if file is None:
                file = self._open(self._current)
            self._sizes[self._current] += len(lines)
            if os.write(file, lines) < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._report(self._current, error)

    def _report(self, index: int, error: OSError) -> None:
        if not self._has_failed:
            self._has_failed = True
            path = str(self._paths[index])
            log.error("dialog_changes_not_written", path=path, reason=error.strerror)

    def _open(self, index: int) -> int:
        file = os.open(
            self._paths[index],
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
        )
        self._files[index] = file
        return file

    def take_turns(self) -> bool:
        """Write to the other file from now on; False where there is something in that still."""
        if self._sizes[1 - self._current]:
            return False
        self._current = 1 - self._current
        return True

    def empty_other(self) -> None:
        """The store has all that was written before `take_turns`."""
        self._empty(1 - self._current)

    def empty(self) -> None:
        """The store has all of it."""
        for index in (0, 1):
            self._empty(index)

    def _empty(self, index: int) -> None:
        self._sizes[index] = 0
        with contextlib.suppress(OSError):
            os.truncate(self._paths[index], 0)

    def close(self) -> None:
        """Nothing is left to be ended: remove the files, unless they are another engine's."""
        for index, file in enumerate(self._files):
            if file is not None:
                os.close(file)
            self._files[index] = None
            if self._is_ours:
                self._paths[index].unlink(missing_ok=True)


def _changes_in(path: Path) -> Iterator[Change]:
    """A line that was cut off is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:  # there is none
        return
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            yield _decoder.decode(line)
