"""Starts a load peer as a process of its own, and speaks to it."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .certificates import Certificate

ROOT = Path(__file__).resolve().parents[2]


class LoadPeerFailed(RuntimeError):
    """The load peer did not start, or went away."""


class LoadPeerProcess:
    """A running load peer. `sip` is host:port of its phones. Use as a context manager.

    With a certificate they speak TLS.
    """

    def __init__(
        self,
        *,
        listen: str = "127.0.0.1:0",
        streams: int = 2048,
        certificate: Certificate | None = None,
    ) -> None:
        command = [sys.executable, "-m", "scripts.load_peer", "--commands"]
        command += ["--listen", listen, "--streams", str(streams)]
        if certificate is not None:
            command += ["--cert", certificate.cert, "--key", certificate.key]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        hello = self._read()
        self.sip: str = hello["sip"]
        self.pid: int = hello["pid"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, do: str, **parameters: object) -> Any:
        """Send a command and wait for its reply."""
        self.send(do, **parameters)
        return self._read()

    def send(self, do: str, **parameters: object) -> None:
        """Send a command; `receive` gets its reply later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **parameters}).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self) -> Any:
        """Wait for the reply to a command that was sent."""
        return self._read()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadPeerFailed(f"the load peer ended with status {self._process.wait()}")
        reply = json.loads(line)
        if isinstance(reply, dict) and "error" in reply:
            raise LoadPeerFailed(reply["error"])
        return reply
