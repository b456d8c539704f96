"""Kamailio as an edge: the configuration of docs/recipes/kamailio.cfg, as a reader would run it."""

from pathlib import Path

from tests.support.phones.errors import PeerError
from tests.support.ports import free_port

from .peer_process import PeerProcess, need_program

CONFIGURATION = Path(__file__).resolve().parents[4] / "docs" / "recipes" / "kamailio.cfg"


class Kamailio:
    """A running Kamailio at `port` of loopback, between Ringback and a carrier at another port."""

    def __init__(self, port: int, peer: PeerProcess) -> None:
        self.port = port
        self.uri = f"sip:127.0.0.1:{port}"
        self._peer = peer

    @classmethod
    async def start(cls, directory: Path, *, carrier_port: int) -> "Kamailio":
        """Start one. Skips the test, in words, where it is not installed."""
        program = need_program("kamailio", "kamailio")
        port = free_port()
        defines = (
            f"EDGE=udp:127.0.0.1:{port}",
            'REALM="edge.example"',
            f'CARRIER="sip:127.0.0.1:{carrier_port}"',
            'CARRIER_HOST="127.0.0.1"',
            f"CARRIER_PORT={carrier_port}",
        )
        command = [program, "-f", str(CONFIGURATION), "-DD", "-E", "-m", "16", "-M", "4"]
        command += ["-Y", str(directory), "-P", str(directory / "kamailio.pid")]
        for define in defines:
            command += ["-A", define]
        peer = await PeerProcess.start("kamailio", command, cwd=directory)
        return cls(port, peer)

    async def stop(self) -> None:
        """End it. Raises PeerError where it has ended before."""
        if not self._peer.running:
            raise PeerError(f"kamailio has ended:\n{self._peer.tail()}")
        await self._peer.stop()
