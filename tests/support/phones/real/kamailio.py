"""Kamailio as an edge: the configuration of docs/recipes/kamailio.cfg, as a reader would run it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from tests.support.certificates import Certificate
from tests.support.phones.errors import PeerError
from tests.support.ports import free_port

from .peer_process import PeerProcess, need_program

READY_S = 30.0
_KEEP_ALIVE = b"\r\n\r\n"
TLS_MODULES = (
    "/usr/lib/x86_64-linux-gnu/kamailio/modules/tls.so",
    "/usr/lib/aarch64-linux-gnu/kamailio/modules/tls.so",
    "/usr/lib/kamailio/modules/tls.so",
)
DISPATCHER = Path(__file__).with_name("kamailio-dispatcher.cfg")
CONFIGURATION = Path(__file__).resolve().parents[4] / "docs" / "recipes" / "kamailio.cfg"


class Kamailio:
    """A running Kamailio at `port` of loopback, between Ringback and a carrier at another port.

    `tls_uri` leads to it by TLS, where it was given a certificate.
    """

    def __init__(self, port: int, tls_port: int, peer: PeerProcess) -> None:
        self.port = port
        self.uri = f"sip:127.0.0.1:{port}"
        self.tls_port = tls_port
        self.tls_uri = f"sip:127.0.0.1:{tls_port};transport=tls"
        self._peer = peer

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        carrier_port: int,
        tls: Certificate | None = None,
        port: int | None = None,
    ) -> "Kamailio":
        """Start one, at a free port if none is given. Skips the test where it is not installed.

        With `tls` it asks everybody for a certificate there, and checks it.
        """
        program = need_program("kamailio", "kamailio")
        if tls is not None and not any(Path(path).exists() for path in TLS_MODULES):
            pytest.skip("Kamailio has no TLS (Debian package kamailio-tls-modules)")
        port, tls_port = port or free_port(), free_port()
        defines: tuple[str, ...] = (
            f"EDGE=udp:127.0.0.1:{port}",
            'REALM="edge.example"',
            f'CARRIER="sip:127.0.0.1:{carrier_port}"',
            'CARRIER_HOST="127.0.0.1"',
            f"CARRIER_PORT={carrier_port}",
        )
        if tls is not None:
            defines += (
                f"EDGE_TLS=tls:127.0.0.1:{tls_port}",
                f'TLS_CERT="{tls.cert}"',
                f'TLS_KEY="{tls.key}"',
                f'TLS_CA="{tls.ca}"',
            )
        kamailio = cls(port, tls_port, await _run(program, CONFIGURATION, directory, defines))
        await kamailio._until(_takes_datagrams)
        return kamailio

    @classmethod
    async def dispatching(cls, directory: Path, *carriers: str) -> "Kamailio":
        """Start a proxy for UDP and TCP that calls these carriers (sip: URIs) one after another."""
        program = need_program("kamailio", "kamailio")
        port, tls_port = free_port(), free_port()
        listed = directory / "carriers.list"
        listed.write_text(
            "".join(
                f"1 {uri} 0 {priority}\n"
                for uri, priority in zip(carriers, range(len(carriers), 0, -1), strict=True)
            )
        )
        defines = (
            f"PROXY_UDP=udp:127.0.0.1:{port}",
            f"PROXY_TCP=tcp:127.0.0.1:{port}",
            f'CARRIERS="{listed}"',
        )
        kamailio = cls(port, tls_port, await _run(program, DISPATCHER, directory, defines))
        await kamailio._until(_takes_connections)
        return kamailio

    async def _until(self, listens: Callable[[int], Awaitable[bool]]) -> None:
        """Wait until somebody listens at its port. Raises PeerError where it has ended."""
        async with asyncio.timeout(READY_S):
            while not await listens(self.port):
                if not self._peer.running:
                    raise PeerError(f"kamailio has ended:\n{self._peer.tail()}")
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it. Raises PeerError where it has ended before."""
        if not self._peer.running:
            raise PeerError(f"kamailio has ended:\n{self._peer.tail()}")
        await self._peer.stop()


async def _takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def _takes_datagrams(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", port))
        probe.send(_KEEP_ALIVE)
        await asyncio.sleep(0.05)
        try:
            probe.send(_KEEP_ALIVE)  # the kernel tells here that nobody took the first
        except ConnectionRefusedError:
            return False
    return True


async def _run(
    program: str, configuration: Path, directory: Path, defines: Iterable[str]
) -> PeerProcess:
    command = [program, "-f", str(configuration), "-DD", "-E", "-m", "16", "-M", "4"]
    command += ["-Y", str(directory), "-P", str(directory / "kamailio.pid")]
    for define in defines:
        command += ["-A", define]
    return await PeerProcess.start("kamailio", command, cwd=directory)
