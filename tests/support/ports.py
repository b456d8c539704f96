"""Free ports, asked of the kernel, that no other process of the tests is given as well.

What a test is given is bound later, by an engine or a phone that starts first. Each process of the
tests therefore has a share of the ports to itself, and goes through it from the beginning to the
end before it gives a port again. RTP ranges of engines lie above all shares: engines pass over
ports that are taken.
"""

import contextlib
import functools
import random
import socket
from typing import Final

LOWEST: Final = 10_000
SHARE: Final = 800
"""How many ports in a row one process of the tests has."""

SHARES: Final = 15
HIGHEST: Final = LOWEST + SHARE * SHARES
"""The first port that belongs to no share."""

MEDIA_END: Final = 32_000
"""The first port that is no RTP port of an engine: the kernel's ephemeral ones begin somewhat
later."""


class PortShare:
    """The ports from `low` and before `high`, given out in turn."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self._next = low

    def port(self, host: str) -> int:
        """The next even port that is free for both UDP and TCP.

        The odd one after it stays free: some phones take it as well, for TLS. Raises OSError where
        none is free.
        """
        for _ in range(self._low, self._high, 2):
            port = self._next + self._next % 2
            self._next = port + 2 if port + 2 < self._high else self._low
            if _is_free(host, port) and _is_free(host, port, socket.SOCK_STREAM):
                return port
        raise OSError("no free port")

    def udp_range(self, size: int, host: str) -> tuple[int, int]:
        """First and last of the next `size` UDP ports in a row that are free.

        The first one is even. Raises OSError where no `size` of them are.
        """
        begin = self._next + self._next % 2
        for low, high in ((begin, self._high), (self._low, min(begin + size, self._high))):
            first = _first_free(host, size, low, high)
            if first is not None:
                self._next = first + size if first + size < self._high else self._low
                return first, first + size - 1
        raise OSError(f"no {size} free UDP ports in a row")


@functools.cache
def own_share() -> PortShare:
    """The ports of this process: the first share that no process has, until this one ends.

    Where more processes than shares are there, one of them is shared.
    """
    for number in range(SHARES):
        if _is_ours(number):
            return _share(number)
    return _share(random.randrange(SHARES))


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for both UDP and TCP, below the kernel's ephemeral range."""
    return own_share().port(host)


def free_udp_range(size: int, host: str = "127.0.0.1") -> tuple[int, int]:
    """First and last port of `size` UDP ports in a row, all free; the first one is even.

    Below the kernel's ephemeral range, so that no socket of another test walks into it. `size` is
    at most half a share.
    """
    assert size <= SHARE // 2, f"a process of the tests has {SHARE} ports"
    return own_share().udp_range(size, host)


def media_ports(size: int = 2000) -> list[int]:
    """First and last of `size` ports for the RTP of an engine, which passes over taken ones.

    There are many of them, because an engine lets the port of a leg that is over rest.
    """
    first = random.randrange(HIGHEST, MEDIA_END - size, 2)
    return [first, first + size - 1]


_claims: list[socket.socket] = []
"""Held until this process ends."""


def _is_ours(number: int) -> bool:
    """Claim the share with this number by a name that one process at a time can have.

    The kernel frees the name when the process ends, however it ends. Names are kept apart by
    network namespace, as ports are.
    """
    with contextlib.ExitStack() as stack:
        claim = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        try:
            claim.bind(f"\0ringback-tests-ports-{number}")
        except OSError:
            return False
        stack.pop_all()
        _claims.append(claim)
    return True


def _share(number: int) -> PortShare:
    low = LOWEST + number * SHARE
    return PortShare(low, low + SHARE)


def _first_free(host: str, size: int, low: int, high: int) -> int | None:
    """The first even port of `size` in a row that are free now, from `low` and before `high`."""
    first = low
    while first + size <= high:
        # Backwards: the last one that is taken says how far the next try may leap.
        taken = next(
            (p for p in range(first + size - 1, first - 1, -1) if not _is_free(host, p)), None
        )
        if taken is None:
            return first
        first = taken + 1 + (taken + 1) % 2
    return None


def _is_free(host: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
