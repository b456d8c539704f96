"""Free ports, asked from the kernel."""

import random
import socket
from typing import Final

LOWEST: Final = 10_000
HIGHEST: Final = 32_000
"""The first port that is not given out: the kernel's ephemeral range begins somewhat later."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now for both UDP and TCP, below the kernel's ephemeral range."""
    for _ in range(200):
        port = random.randrange(LOWEST, HIGHEST)
        if _is_free(host, port) and _is_free(host, port, socket.SOCK_STREAM):
            return port
    raise OSError("no free port")


def free_udp_range(size: int, host: str = "127.0.0.1") -> tuple[int, int]:
    """First and last port of `size` UDP ports in a row, all free now; the first one is even.

    Below the kernel's ephemeral range, so that no socket of another test walks into it.
    """
    begin = random.randrange(LOWEST, HIGHEST - size, 2)
    for low, high in ((begin, HIGHEST), (LOWEST, begin + size)):
        first = _first_free(host, size, low, high)
        if first is not None:
            return first, first + size - 1
    raise OSError(f"no {size} free UDP ports in a row")


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
