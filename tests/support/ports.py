"""Free ports, asked of the kernel, that no other process of the tests is given as well.

What a test is given is bound later, by an engine or a phone that starts first. Whoever gives a
port therefore locks it: a byte of one file stands for each port, and the kernel locks it for one
process at a time, whatever their number. A process keeps what it gave last. What it gave long
before is free for others, unless it is bound. RTP ranges of engines lie above all these ports:
engines pass over ports that are taken.
"""

import contextlib
import fcntl
import functools
import os
import random
import socket
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

LOWEST: Final = 10_000
HIGHEST: Final = 22_000
"""The first port that tests are not given."""

MEDIA_END: Final = 32_000
"""The first port that is no RTP port of an engine: the kernel's ephemeral ones begin somewhat
later."""

MOST_KEPT: Final = 240
"""How many ports a process keeps before it lets others have those that it gave first: more than one
test is given, and a fiftieth of all."""


class PortLocks(Protocol):
    """Locks ports against other processes."""

    def lock(self, ports: range) -> bool:
        """Whether this process has all of these ports now."""

    def unlock(self, ports: range) -> None:
        """Let other processes have these ports."""


class LockFile:
    """Locks of bytes in a file. The kernel gives them up as the process ends, however it ends.

    A child that is forked has none of them.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT)
            with contextlib.suppress(PermissionError):  # another user was first
                os.fchmod(self._file, 0o666)

    def lock(self, ports: range) -> bool:
        """Whether this process has all of these ports now."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, len(ports), ports[0])
        except (BlockingIOError, PermissionError):
            return False
        return True

    def unlock(self, ports: range) -> None:
        """Let other processes have these ports."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, len(ports), ports[0])


class FreePorts:
    """The ports from `low` and before `high`, given out in turn, beginning at `begin`.

    What was given is not given again before all others, and stays locked until `most_kept` more
    have been given, or no other port is free.
    """

    def __init__(
        self, low: int, high: int, locks: PortLocks, *, begin: int = 0, most_kept: int = MOST_KEPT
    ) -> None:
        self._low, self._high = low, high
        self._next = begin or low
        self._locks = locks
        self._most_kept = most_kept
        self._kept: deque[range] = deque()

    def port(self, host: str) -> int:
        """The next even port that is free for both UDP and TCP.

        The odd one after it is given to nobody: some phones take it as well, for TLS. Raises
        OSError where none is free.
        """

        def taken(ports: range) -> int | None:
            first = ports[0]
            is_free = _is_free(host, first) and _is_free(host, first, socket.SOCK_STREAM)
            return None if is_free else first

        return self._give(2, taken)[0]

    def udp_range(self, size: int, host: str) -> tuple[int, int]:
        """First and last of the next `size` UDP ports in a row that are free.

        The first one is even. Raises OSError where no `size` of them are.
        """

        def taken(ports: range) -> int | None:
            # Backwards: the last one that is taken says how far the next try may leap.
            return next((port for port in reversed(ports) if not _is_free(host, port)), None)

        ports = self._give(size, taken)
        return ports[0], ports[-1]

    def _give(self, size: int, taken: Callable[[range], int | None]) -> range:
        """The next `size` ports of which none is `taken`."""
        while (ports := self._find(size, taken)) is None:
            if not self._kept:
                raise OSError(f"no {size} free ports in a row")
            self._release_first()
        self._kept.append(ports)
        while sum(map(len, self._kept)) - size > self._most_kept:
            self._release_first()
        self._next = ports[-1] + 1
        return ports

    def _find(self, size: int, taken: Callable[[range], int | None]) -> range | None:
        begin = self._next + self._next % 2
        for low, high in ((begin, self._high), (self._low, min(begin + size, self._high))):
            first = low
            while first + size <= high:
                ports = range(first, first + size)
                own = next((kept for kept in self._kept if _overlap(kept, ports)), None)
                if own is not None:  # locking it twice would be no lock
                    last = own[-1]
                elif not self._locks.lock(ports):
                    last = first
                else:
                    found = taken(ports)
                    if found is None:
                        return ports
                    self._locks.unlock(ports)
                    last = found
                first = last + 1 + (last + 1) % 2
        return None

    def _release_first(self) -> None:
        self._locks.unlock(self._kept.popleft())


@functools.cache
def own_ports() -> FreePorts:
    """The ports of this process, which begins somewhere."""
    locks = LockFile(Path(tempfile.gettempdir()) / "ringback-tests-ports")
    return FreePorts(LOWEST, HIGHEST, locks, begin=random.randrange(LOWEST, HIGHEST, 2))


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for both UDP and TCP, below the kernel's ephemeral range."""
    return own_ports().port(host)


def free_udp_range(size: int, host: str = "127.0.0.1") -> tuple[int, int]:
    """First and last port of `size` UDP ports in a row, all free; the first one is even.

    Below the kernel's ephemeral range, so that no socket of another test walks into it.
    """
    return own_ports().udp_range(size, host)


def media_ports(size: int = 2000) -> list[int]:
    """First and last of `size` ports for the RTP of an engine, which passes over taken ones.

    There are many of them, because an engine lets the port of a leg that is over rest.
    """
    first = random.randrange(HIGHEST, MEDIA_END - size, 2)
    return [first, first + size - 1]


def _overlap(one: range, other: range) -> bool:
    return one[0] <= other[-1] and other[0] <= one[-1]


def _is_free(host: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
