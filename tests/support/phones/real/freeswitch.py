"""FreeSWITCH as a PBX: the file of docs/recipes, as a reader runs it, at loopback addresses."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

import pytest

from tests.support.phones.errors import PeerError
from tests.support.phones.wire.message import encode
from tests.support.phones.wire.sockets import open_timed
from tests.support.ports import free_port, free_udp_range

from .peer_process import PeerProcess

RECIPE = Path(__file__).resolve().parents[4] / "docs" / "recipes" / "freeswitch.xml"
READY_S = 60.0
CARRIER_HOST, PHONES_HOST = "127.0.0.2", "127.0.0.3"
RTP_PORTS = 60


class FreeSwitch:
    """A running FreeSWITCH at `port` of 127.0.0.4, with Ringback at 127.0.0.1."""

    HOST = "127.0.0.4"

    def __init__(self, port: int, peer: PeerProcess) -> None:
        self.port = port
        self.uri = f"sip:{self.HOST}:{port}"
        self._peer = peer

    @classmethod
    async def start(cls, directory: Path, *, ringback_port: int, carrier_port: int) -> "FreeSwitch":
        """Start one. Skips the test, in words, where there is none."""
        program = os.environ.get("FREESWITCH") or shutil.which("freeswitch")
        if program is None:
            pytest.skip("there is no freeswitch in PATH, and FREESWITCH names none")
        folders = {}
        for name in ("conf", "log", "run", "db", "htdocs", "scripts", "temp"):
            folders[name] = directory / name
            folders[name].mkdir(parents=True)
        port, rtp = free_port(), free_udp_range(RTP_PORTS, cls.HOST)
        text = RECIPE.read_text()
        for written, here in {
            "192.0.2.20:5060": f"127.0.0.1:{ringback_port}",
            "198.51.100.7:5060": f"{CARRIER_HOST}:{carrier_port}",
            'name="sip-port" value="5060"': f'name="sip-port" value="{port}"',
            'value="16384"': f'value="{rtp[0]}"',
            'value="32767"': f'value="{rtp[0] + RTP_PORTS - 2}"',
            "192.0.2.10": cls.HOST,
            "192.0.2.20": "127.0.0.1",
            "198.51.100.7": CARRIER_HOST,
            r"192\.0\.2\.20": r"127\.0\.0\.1",
            r"198\.51\.100\.7": re.escape(CARRIER_HOST),
        }.items():
            assert written in text, written
            text = text.replace(written, here)
        (folders["conf"] / "freeswitch.xml").write_text(text)
        command = [program, "-nf", "-nonat", "-nort", "-nosql", "-c"]
        for name, folder in folders.items():
            command += [f"-{name}", str(folder)]
        peer = await PeerProcess.start("freeswitch", command, cwd=directory)
        freeswitch = cls(port, peer)
        await freeswitch._until_ready()
        return freeswitch

    async def _until_ready(self) -> None:
        """Wait until it asks who registers for a password: until then it says 503, or nothing."""
        loop = asyncio.get_running_loop()
        stop_at = loop.time() + READY_S
        with open_timed(PHONES_HOST, 0) as asking:
            host, port = asking.getsockname()
            while loop.time() < stop_at:
                if not self._peer.running:
                    raise PeerError(f"freeswitch has ended:\n{self._peer.tail()}")
                me = f"<sip:nobody@{host}:{port}>"
                lines = [
                    f"REGISTER {self.uri} SIP/2.0",
                    f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)}",
                    f"From: {me};tag=1",
                    f"To: {me}",
                    f"Call-ID: {secrets.token_hex(8)}",
                    "CSeq: 1 REGISTER",
                    f"Contact: {me}",
                    "Max-Forwards: 70",
                ]
                asking.sendto(encode(lines, ""), (self.HOST, self.port))
                await asyncio.sleep(0.2)
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    if b" 401 " in asking.recv(4096).partition(b"\r")[0]:
                        return
        raise PeerError(f"freeswitch is not ready:\n{self._peer.tail()}")

    async def stop(self) -> None:
        """End it. Raises PeerError where it has ended before."""
        if not self._peer.running:
            raise PeerError(f"freeswitch has ended:\n{self._peer.tail()}")
        await self._peer.stop()
