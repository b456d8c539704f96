"""Free ports, asked from the kernel."""

import random
import socket


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now for both UDP and TCP, below the kernel's ephemeral range."""
    for _ in range(200):
        port = random.randrange(10_000, 32_000)
        if _is_free(host, port) and _is_free(host, port, socket.SOCK_STREAM):
            return port
    raise OSError("no free port")


def free_udp_range(size: int, host: str = "127.0.0.1") -> tuple[int, int]:
    """First and last port of `size` UDP ports in a row, all free now; the first one is even.

    Below the kernel's ephemeral range, so that no socket of another test walks into it.
    """
    for _ in range(200):
        first = random.randrange(10_000, 32_000 - size, 2)
        if all(_is_free(host, port) for port in range(first, first + size)):
            return first, first + size - 1
    raise OSError(f"no {size} free UDP ports in a row")


def _is_free(host: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
