"""The C relay: compiled when it is wanted, run beside the media worker under the same load."""

import subprocess
import tempfile
from pathlib import Path

from .c_program import compiled

SOURCE = Path(__file__).with_name("relay.c")
Address = tuple[str, int]


class CRelay:
    """A running C relay that forwards between pairs of phones.

    `legs` holds where it listens, a pair of addresses for each pair of phones. Raises NoCompiler.
    """

    def __init__(self, phones: list[Address]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="relay-")
        program = compiled(SOURCE, Path(self._directory.name))
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid = self._process.pid
        pairs = list(zip(phones[::2], phones[1::2], strict=True))
        for (host_a, port_a), (host_b, port_b) in pairs:
            self._process.stdin.write(f"{host_a} {port_a} {host_b} {port_b}\n")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.legs: list[tuple[Address, Address]] = []
        for _ in pairs:
            port_a, port_b = map(int, self._process.stdout.readline().split())
            self.legs.append((("127.0.0.1", port_a), ("127.0.0.1", port_b)))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()
        self._directory.cleanup()
