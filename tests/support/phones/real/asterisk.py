"""Asterisk as a PBX: the files of docs/recipes, as a reader runs them, at loopback addresses."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.certificates import Certificate
from tests.support.phones.errors import PeerError
from tests.support.ports import free_port, free_udp_range

from .peer_process import PeerProcess

RECIPES = Path(__file__).resolve().parents[4] / "docs" / "recipes"
READY_S = 60.0
CARRIER_HOST, PHONES_HOST = "127.0.0.2", "127.0.0.3"
_FILES = {
    "asterisk.conf": """\
[directories]
astetcdir => {directory}
astdbdir => {directory}
astkeydir => {directory}
astdatadir => {directory}
astspooldir => {directory}
astrundir => {directory}
astlogdir => {directory}
""",
    "logger.conf": "[general]\n[logfiles]\nconsole => notice,warning,error\n",
    "modules.conf": "[modules]\nautoload = yes\n",
    "cdr.conf": "[general]\nenable = no\n",
    "cel.conf": "[general]\nenable = no\n",
    "rtp.conf": "[general]\nrtpstart = {first_rtp}\nrtpend = {last_rtp}\n",
}

# Over TLS, with SRTP and session timers as short as PJSIP takes them; Ringback registers.
_TLS = """
[tls]
type = transport
protocol = tls
bind = 127.0.0.1:{port}
cert_file = {cert}
priv_key_file = {key}
ca_list_file = {ca}
verify_client = yes
verify_server = yes
method = tlsv1_2
"""
_SECURE = {
    "transport = udp\ncontext = from-ringback": "transport = tls\nmedia_encryption = sdes\n"
    "timers = always\ntimers_sess_expires = 90\ncontext = from-ringback",
    "contact = sip:127.0.0.1:{ringback_port}\n": "max_contacts = 1\n",
}


class Asterisk:
    """A running Asterisk at `port` of 127.0.0.1, with Ringback there and a carrier elsewhere."""

    def __init__(self, port: int, tls_port: int, peer: PeerProcess) -> None:
        self.port = port
        self.tls_port = tls_port
        self.uri = f"sip:127.0.0.1:{port}"
        self._peer = peer

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        ringback_port: int,
        carrier_port: int,
        certificate: Certificate | None = None,
    ) -> "Asterisk":
        """Start one. Skips the test, in words, where there is none.

        With a certificate it speaks TLS and SRTP with Ringback, which registers.
        """
        program = os.environ.get("ASTERISK") or shutil.which("asterisk")
        if program is None:
            pytest.skip("there is no asterisk in PATH, and ASTERISK names none")
        directory.mkdir(parents=True, exist_ok=True)
        port, tls_port, rtp = free_port(), free_port(), free_udp_range(60)
        for name, text in _FILES.items():
            filled = text.format(directory=directory, first_rtp=rtp[0], last_rtp=rtp[0] + 58)
            (directory / name).write_text(filled)
        places = {
            "192.0.2.10:5060": f"127.0.0.1:{port}",
            "192.0.2.20:5060": f"127.0.0.1:{ringback_port}",
            "198.51.100.7:5060": f"{CARRIER_HOST}:{carrier_port}",
            "192.0.2.20": "127.0.0.1",
            "198.51.100.7": CARRIER_HOST,
        }
        for name in ("pjsip", "extensions"):
            text = (RECIPES / f"asterisk-{name}.conf").read_text()
            for written, here in places.items():
                text = text.replace(written, here)
            if certificate is not None and name == "pjsip":
                text = _secured(text, ringback_port, tls_port, certificate)
            assert not re.search(r"^[^;\n]*(192\.0\.2|198\.51)", text, re.MULTILINE), text
            (directory / f"{name}.conf").write_text(text)
        command = [program, "-f", "-C", str(directory / "asterisk.conf"), "-vvv"]
        peer = await PeerProcess.start("asterisk", command, cwd=directory)
        asterisk = cls(port, tls_port, peer)
        await asterisk._until_ready(directory)
        return asterisk

    async def _until_ready(self, directory: Path) -> None:
        """Wait until all modules are loaded, asked at its console."""
        program = os.environ.get("ASTERISK") or shutil.which("asterisk")
        assert program is not None
        configured = str(directory / "asterisk.conf")
        async with asyncio.timeout(READY_S):
            while True:
                if not self._peer.running:
                    raise PeerError(f"asterisk has ended:\n{self._peer.tail()}")
                asked = await asyncio.create_subprocess_exec(
                    program, "-C", configured, "-rx", "core waitfullybooted",
                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
                said, _ = await asked.communicate()
                if b"fully booted" in said:
                    return
                await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """End it. Raises PeerError where it has ended before."""
        if not self._peer.running:
            raise PeerError(f"asterisk has ended:\n{self._peer.tail()}")
        await self._peer.stop()


def _secured(text: str, ringback_port: int, tls_port: int, certificate: Certificate) -> str:
    for written, secure in _SECURE.items():
        written = written.format(ringback_port=ringback_port)
        assert text.count(written) == 1, written
        text = text.replace(written, secure)
    return text + _TLS.format(
        port=tls_port, cert=certificate.cert, key=certificate.key, ca=certificate.ca
    )
