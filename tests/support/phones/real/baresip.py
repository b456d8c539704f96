"""baresip as a peer: driven over its ctrl_tcp module, without a sound card.

It sends a WAV file (aufile) and its sndfile filter writes down what it hears.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.arrivals import Arrivals
from tests.support.certificates import Certificate
from tests.support.phones.errors import PeerError
from tests.support.ports import free_port, free_udp_range
from tests.support.recording import Recording, read_wav, write_tone_wav

from .peer_process import PeerProcess, need_program

MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")
READY_S = 40.0

_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
audio_source aufile,{source}
audio_player aubridge,unheard
audio_alert aubridge,unheard
ausrc_srate {rate_hz}
auplay_srate {rate_hz}
ausrc_channels 1
auplay_channels 1
rtp_ports {first_rtp}-{last_rtp}
snd_path .
module_path {modules}
module g711.so
module g722.so
module opus.so
module l16.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip:
    """A running baresip with one account and one line."""

    def __init__(self, directory: Path, user: str, *, tls: bool = False) -> None:
        self.directory = directory
        self.port = free_port()
        # baresip listens by TLS one port above.
        port, end = (self.port + 1, ";transport=tls") if tls else (self.port, "")
        self.uri = f"sip:{user}@127.0.0.1:{port}{end}"
        self.events: Arrivals[dict[str, Any]] = Arrivals()
        self._peer: PeerProcess
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        user: str = "baresip",
        answer: bool = True,
        tone_hz: float = 700,
        codecs: str = "PCMU,PCMA",
        encryption: str = "",
        tls: Certificate | None = None,
        rate_hz: int = 8000,
    ) -> "Baresip":
        """Start one. It answers at once, or (answer=False) rings until the command to answer.

        Its SDP names the machine's outer address, while its packets come from 127.0.0.1: what a
        phone behind NAT does. Skips the test, in words, where there is only loopback.
        `encryption` is srtp (offered) or srtp-mand (required). With `tls` it speaks TLS.
        `rate_hz` is that of its sound, and of what it has heard.
        """
        program = need_program("baresip", "baresip-core")
        home = directory / f"baresip-{user}"
        home.mkdir()
        phone = cls(home, user, tls=tls is not None)
        control, (first_rtp, last_rtp) = free_port(), free_udp_range(8)
        (home / "config").write_text(
            _CONFIG.format(
                port=phone.port,
                source=write_tone_wav(home / "tone.wav", tone_hz, 60, rate=rate_hz),
                first_rtp=first_rtp,
                last_rtp=last_rtp,
                modules=_modules(),
                rate_hz=rate_hz,
                control=control,
            )
        )
        if tls is not None:
            both = home / "certificate.pem"
            both.write_text(Path(tls.cert).read_text() + Path(tls.key).read_text())
            with (home / "config").open("a") as config:
                config.write(f"sip_certificate {both}\nsip_cafile {tls.ca}\n")
        mode = "auto" if answer else "manual"
        (home / "accounts").write_text(
            f"<{phone.uri}>;regint=0;answermode={mode};audio_codecs={codecs}"
            + (f";mediaenc={encryption}\n" if encryption else "\n")
        )
        (home / "contacts").write_text("")
        # Its recordings go into the working directory: it cuts off names of over 128 characters.
        phone._peer = await PeerProcess.start("baresip", [program, "-f", str(home)], cwd=home)
        await phone._connect(control)
        return phone

    def seen(self, kind: str) -> list[dict[str, Any]]:
        """The events of this type so far, such as CALL_ESTABLISHED."""
        return self.events.that(lambda event: event.get("type") == kind)

    async def wait_for(self, kind: str, *, timeout_s: float = 40.0, nth: int = 1) -> dict[str, Any]:
        """The nth event of this type. Raises PeerError after `timeout_s`."""
        try:
            return await self.events.wait_for(
                lambda event: event.get("type") == kind, timeout_s=timeout_s, nth=nth
            )
        except TimeoutError:
            raise PeerError(f"baresip: no {kind} in {timeout_s} s:\n{self._peer.tail()}") from None

    def command(self, name: str, parameters: str = "") -> None:
        """Such as accept, hangup, hold, resume, sndcode."""
        body = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))

    def heard(self) -> Recording:
        """What it has heard since its (latest) call was answered."""
        files = sorted(self.directory.glob("dump-*-dec.wav"))
        if not files:
            raise PeerError(f"baresip recorded nothing:\n{self._peer.tail()}")
        return read_wav(files[-1])

    async def stop(self) -> None:
        """End it."""
        self._reading.cancel()
        self._writer.close()
        await self._peer.stop()

    async def _connect(self, port: int) -> None:
        deadline = asyncio.get_running_loop().time() + READY_S
        while True:
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                if "network init failed" in self._peer.tail():
                    pytest.skip("baresip needs a network interface besides loopback")
                if asyncio.get_running_loop().time() > deadline or not self._peer.running:
                    raise PeerError(f"baresip does not start:\n{self._peer.tail()}") from None
                await asyncio.sleep(0.05)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Netstrings of JSON, as ctrl_tcp sends them."""
        try:
            while True:
                size = int((await self._reader.readuntil(b":"))[:-1])
                self.events.add(json.loads(await self._reader.readexactly(size)))
                await self._reader.readexactly(1)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # it has ended; stop() and the deadlines show it


def _modules() -> str:
    """Where Debian keeps baresip's modules."""
    return next((path for path in MODULES if Path(path).is_dir()), MODULES[0])
