"""SIPp as a peer: runs a scenario of sipp_scenarios/ and says what came of it."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.support.phones.errors import PeerError
from tests.support.ports import free_port, free_udp_range

from .peer_process import PeerProcess, need_program

SCENARIOS = Path(__file__).with_name("sipp_scenarios")
_TRIES = 5
_TRACE_HEAD = re.compile(
    r"-{20,} (\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+)\n"
    r"\w+ message (received|sent)[^\n]*\n\n(.*?)(?=\n-{20,} |\Z)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """A message in SIPp's trace; `time` is Unix time, `text` begins with the start line."""

    time: float
    received: bool
    text: str

    @property
    def what(self) -> str:
        """The method of a request, the status of a response."""
        first, second, *_ = self.text.split(" ", 2)
        return second if first == "SIP/2.0" else first


class Sipp:
    """One run of a scenario, for a number of calls."""

    def __init__(self, scenario: str, directory: Path, host: str = "127.0.0.1") -> None:
        self.scenario = scenario
        self.host = host
        self.port = free_port()
        self.media_port = free_udp_range(6, host)[0]
        self._trace = directory / f"sipp-{scenario}-{self.port}.messages"
        self._errors = directory / f"sipp-{scenario}-{self.port}.errors"
        self._peer: PeerProcess

    @classmethod
    async def start(
        cls,
        scenario: str,
        directory: Path,
        *,
        calls: int = 1,
        calls_per_s: int = 10,
        pause_ms: int = 0,
        transport: str = "u1",
        keys: dict[str, str] | None = None,
        rtp_echo: bool = False,
        target: str | None = None,
        timeout_s: int = 30,
        scenarios: Path = SCENARIOS,
        host: str = "127.0.0.1",
    ) -> "Sipp":
        """Begin to serve `calls` calls (or, with a `target`, to make them).

        `pause_ms` is what a `<pause/>` of the scenario lasts; `keys` fill `__name__` in it.
        """
        program = need_program("sipp", "sip-tester")
        script = _write_scenario(scenarios / f"{scenario}.xml", keys or {}, directory)
        command = [program, "-sf", str(script), "-t", transport, "-m", str(calls)]
        command += ["-r", str(calls_per_s), "-d", str(pause_ms)]
        command += ["-timeout", str(timeout_s), "-timeout_error", "-nostdin"]
        command += ["-rtp_echo"] * rtp_echo
        command += [] if target is None else [target]
        for left in reversed(range(_TRIES)):
            sipp = cls(scenario, directory, host)
            await sipp._begin(command, directory)
            try:
                await sipp._listening()
            except PeerError as error:
                # Somebody has taken one of its ports meanwhile.
                if "Unable to bind" not in str(error) or not left:
                    raise
            else:
                break
        return sipp

    async def _begin(self, command: list[str], directory: Path) -> None:
        arguments = ["-i", self.host, "-p", str(self.port)]
        arguments += ["-mi", self.host, "-mp", str(self.media_port)]
        arguments += ["-trace_msg", "-message_file", str(self._trace)]
        arguments += ["-trace_err", "-error_file", str(self._errors)]
        # The target, if there is one, is the last word.
        words = [*command[:1], *arguments, *command[1:]]
        self._peer = await PeerProcess.start(f"sipp {self.scenario}", words, cwd=directory)

    @property
    def uri(self) -> str:
        """Its SIP address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sip:sipp@{host}:{self.port}"

    async def finished(self, timeout_s: float = 30.0) -> None:
        """Wait for the scenario to have run as written. Raises PeerError when it has not."""
        status = await self._peer.wait(timeout_s)
        if status != 0:
            errors = self._errors.read_text() if self._errors.exists() else ""
            said = "\n".join(f"{m.time:.3f} {m.text.splitlines()[0]}" for m in self.messages())
            raise PeerError(f"sipp {self.scenario} ended with {status}:\n{errors}\n{said}")

    async def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._peer.running:
            self._peer.kill()
        await self._peer.wait(4.0)

    @property
    def running(self) -> bool:
        """Whether the scenario goes on."""
        return self._peer.running

    async def reached(self, what: str, patience_s: float = 20.0, times: int = 1) -> None:
        """Wait until it has received such a message so many times. Raises PeerError."""
        deadline = time.monotonic() + patience_s
        while len(self.received(what)) < times:
            if time.monotonic() > deadline:
                raise PeerError(f"sipp {self.scenario} has received no {what}")
            await asyncio.sleep(0.02)

    def messages(self) -> list[TracedMessage]:
        """Every message so far, in order."""
        if not self._trace.exists():
            return []
        return [
            TracedMessage(
                datetime.fromisoformat(stamp).timestamp(), direction == "received", text.lstrip()
            )
            for stamp, direction, text in _TRACE_HEAD.findall(self._trace.read_text())
        ]

    def received(self, what: str) -> list[TracedMessage]:
        """The messages of this method or status that it has received."""
        return [m for m in self.messages() if m.received and m.what == what]

    async def _listening(self, patience_s: float = 10.0) -> None:
        """Return once it has taken its ports, which is when it serves."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not self._peer.running:
                # A short scenario may be over already.
                await self.finished()
                return
            if _is_bound(self.port) and _is_bound(self.media_port):
                return
            await asyncio.sleep(0.02)
        raise PeerError(f"sipp {self.scenario} does not listen:\n{self._peer.tail()}")


def _write_scenario(scenario: Path, keys: dict[str, str], directory: Path) -> Path:
    """The scenario with its keys filled in: SIPp's own keywords are not allowed everywhere."""
    text = scenario.read_text()
    for key, value in keys.items():
        text = text.replace(f"__{key}__", value)
    path = directory / f"sipp-{scenario.name}"
    path.write_text(text)
    return path


def _is_bound(port: int) -> bool:
    """Whether a UDP or TCP socket of this machine is bound to 127.0.0.1 or ::1 at `port`."""
    names = ("udp", "tcp", "udp6", "tcp6")
    tables = "".join(Path(f"/proc/net/{name}").read_text() for name in names)
    return f"0100007F:{port:04X} " in tables or f"{'0' * 24}01000000:{port:04X} " in tables
