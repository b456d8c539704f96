"""coturn as the TURN server of the tests (Debian package coturn), with credentials for a while."""

import socket
from pathlib import Path

from tests.support.phones.errors import PeerError
from tests.support.ports import free_port, free_udp_range
from tests.support.waiting import until

from .peer_process import PeerProcess, need_program

SECRET = "north"


class Coturn:
    """A running TURN server on loopback; `uri` is how it is named."""

    def __init__(self, directory: Path) -> None:
        self._program = need_program("turnserver", "coturn")
        self._directory = directory
        self.port = free_port()
        self.uri = f"turn:127.0.0.1:{self.port}?transport=udp"
        self.process: PeerProcess | None = None

    async def __aenter__(self) -> "Coturn":
        first, last = free_udp_range(20)
        self.process = await PeerProcess.start(
            "turnserver",
            [
                self._program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout",
                "--listening-ip=127.0.0.1", f"--listening-port={self.port}",
                "--relay-ip=127.0.0.1", f"--min-port={first}", f"--max-port={last}",
                "--allow-loopback-peers", "--realm=ringback.invalid", "--fingerprint",
                "--use-auth-secret", f"--static-auth-secret={SECRET}",
                f"--pidfile={self._directory / 'turn.pid'}", f"--userdb={self._directory / 'db'}",
            ],
        )  # fmt: skip
        process = self.process
        await until(lambda: self._answers() or not process.running)
        if not process.running:
            raise PeerError(f"turnserver has ended:\n{process.tail()}")
        return self

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def __aexit__(self, *_error: object) -> None:
        if self.process is not None:
            await self.process.stop()
