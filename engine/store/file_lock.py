"""A lock file: held by a living process, free as soon as that process is gone however it ended."""

import fcntl
import os
from pathlib import Path


class LockHeld(Exception):
    """Another process holds the lock."""


class FileLock:
    """An exclusive advisory lock (flock) on a file that is created for the purpose.

    The file stays when the lock is released: removing it would let two processes hold two files
    of one name. Raises LockHeld, or OSError when the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise LockHeld(f"{path} is locked by another process") from None
        except BaseException:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Let go of the lock. Further calls do nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
