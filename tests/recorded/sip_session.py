"""Plays a recorded SIP session to an engine: every message that its peers sent, as they sent it.

A recording is a file of JSON lines. `send` is what a peer sent and `got` what it received, `ask` a
request on the control socket with its `reply`, `event` an event that is waited for. Words in braces
stand for what differs from one session to the next: ports, and what the engine makes up (tags,
branches, numbers of RTP ports). `"*"` stands for any value.
"""

import asyncio
import json
import re
import socket
from collections import deque
from pathlib import Path
from typing import Any

from tests.support.control_line import ControlLine, Refused
from tests.support.engines.process import EngineProcess
from tests.support.ports import free_port, media_ports

Line = dict[str, Any]

WAIT_S = 20.0
TRYING = "SIP/2.0 100 Trying"
_TOKEN = re.compile(r"\{([a-z_-]+)( \d+)?(?:\+(\d+))?\}")
_PATTERNS = {
    "branch": "z9hG4bK[0-9a-f]+",
    "tag": "[0-9a-f]+",
    "call-id": "[0-9a-f]+",
    "cnonce": "[0-9a-f]+",
    "response": "[0-9a-f]+",
    "session": r"\d+",
    "rtp": r"\d+",
    "call": r"call-[0-9a-f]+",
    "leg": r"leg-[0-9a-f]+",
    "length": r"\d+",
}


class Peer:
    """A UDP socket at which messages come one after the other; repeated ones are left out."""

    def __init__(self, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._known: set[bytes] = set()
        self._answers: dict[tuple[str, str], bytes] = {}
        self._waiting: deque[str] = deque()

    async def receive(self) -> str:
        """The next message."""
        if self._waiting:
            return self._waiting.popleft()
        loop = asyncio.get_running_loop()
        while True:
            data, source = await loop.sock_recvfrom(self._socket, 65536)
            if data not in self._known:
                self._known.add(data)
                return data.decode()
            answer = self._answers.get(_transaction(data.decode()))
            if answer is not None:
                await loop.sock_sendto(self._socket, answer, source)

    def put_back(self, text: str) -> None:
        """This message is the next once more."""
        self._waiting.appendleft(text)

    async def send(self, text: str, port: int) -> None:
        """Send a message to the engine; an answer is sent again where its request is repeated."""
        data = text.encode()
        if text.startswith("SIP/2.0"):
            self._answers[_transaction(text)] = data
        await asyncio.get_running_loop().sock_sendto(self._socket, data, ("127.0.0.1", port))

    def close(self) -> None:
        self._socket.close()


def _transaction(text: str) -> tuple[str, str]:
    branch = text.partition("branch=")[2].partition("\r\n")[0].partition(";")[0]
    method = text.partition("CSeq: ")[2].partition("\r\n")[0].partition(" ")[2]
    return branch, method


class Values:
    """What the words in braces stand for in this session."""

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known

    def put(self, text: str) -> str:
        """A text of the recording as it is in this session."""

        def value(found: re.Match[str]) -> str:
            name, number, plus = found[1], found[2] or "", found[3]
            if name == "length":
                return str(len(text.partition("\r\n\r\n")[2]))
            known = self._known.get(name + number, found[0])
            return str(int(known) + int(plus)) if plus else known

        return _TOKEN.sub(value, text)

    def matches(self, line: str, now: str) -> bool:
        """Whether a line is what the recording has; values seen for the first time are kept."""
        names: list[str] = []  # of the groups of the pattern
        pattern, at = "", 0
        for found in _TOKEN.finditer(line):
            pattern += re.escape(line[at : found.start()])
            at = found.end()
            name = found[1] + (found[2] or "")
            if name in self._known:
                pattern += re.escape(self.put(found[0]))
            elif name in names:
                pattern += f"(?:\\{names.index(name) + 1})"
            elif found[1] in _PATTERNS:
                names.append(name)
                pattern += f"({_PATTERNS[found[1]]})"
            else:
                pattern += re.escape(found[0])
        matched = re.fullmatch(pattern + re.escape(line[at:]), now)
        if matched is None:
            return False
        seen = dict(zip(names, matched.groups(), strict=True))
        seen.pop("length", None)
        self._known |= seen
        return True


class SipSession:
    """One playing of a recording. `differences` says what was otherwise."""

    def __init__(self, directory: Path, config: str) -> None:
        self.differences: list[str] = []
        self._peers = {name: Peer("127.0.0.1") for name in ("alice", "bob", "pbx", "provider")}
        self._peers["stranger"] = Peer("127.0.0.2")
        self._engine = free_port()
        first, last = media_ports()
        values = {name: peer.port for name, peer in self._peers.items()}
        values |= {"engine": self._engine, "first_rtp": first, "last_rtp": last}
        values |= {"closed": free_port()}
        known = {name: str(port) for name, port in values.items()}
        self._values = Values(known | {"directory": str(directory / "run")})
        self.process = EngineProcess(directory)
        self.process.config_path.write_text(self._values.put(config))

    async def play(self, lines: list[Line]) -> None:
        """Start the engine, do what was done, and look at what comes."""
        process = self.process
        try:
            starting = asyncio.create_task(asyncio.to_thread(process.start))
            control: ControlLine | None = None
            for line in lines:
                if control is None and ("ask" in line or "event" in line):
                    await starting
                    control = await ControlLine.open(process.socket)
                    await control.call("events.subscribe", since=0)
                if "got" in line:
                    await self._got(line)
                elif "send" in line:
                    await self._peers[line["send"]].send(
                        self._values.put(line["text"]), self._engine
                    )
                elif "end" in line:
                    assert control is not None
                    await control.close()
                    starting = asyncio.create_task(asyncio.to_thread(process.stop))
                elif control is not None and "ask" in line:
                    await self._ask(line, control)
                elif control is not None and "event" in line:
                    await self._event(line, control)
            await starting
        finally:
            process.clear_away()
            for peer in self._peers.values():
                peer.close()

    async def _got(self, line: Line) -> None:
        peer, text = line["got"], line["text"]
        start = text.partition("\r\n")[0]
        try:
            async with asyncio.timeout(WAIT_S):
                now = await self._peers[peer].receive()
        except TimeoutError:
            raise AssertionError(
                f"{peer} did not get {start}\n{self.process.log()}\n" + "\n".join(self.differences)
            ) from None
        if start == TRYING and not now.startswith(TRYING):
            # It is for one hop, and may be left out (RFC 3261 section 17.2.1).
            self._peers[peer].put_back(now)
            self._note(f"{peer}: {start}", "there", "left out")
            return
        head, _, body = text.partition("\r\n\r\n")
        head_now, _, body_now = now.partition("\r\n\r\n")
        for part, part_now in ((head, head_now), (body, body_now)):
            rest = part_now.split("\r\n")
            for wanted in part.split("\r\n"):
                found = next((one for one in rest if self._values.matches(wanted, one)), None)
                if found is None:
                    self._note(f"{peer}: {start}", wanted, f"\n{now}")
                else:
                    rest.remove(found)

    async def _ask(self, line: Line, control: ControlLine) -> None:
        params = {name: self._in_session(value) for name, value in line["params"].items()}
        try:
            reply = await control.call(line["ask"], **params)
        except Refused as error:
            reply = {"code": error.code, "data": error.data}
        self._compare(line["ask"], line.get("reply", line.get("refused")), reply)

    async def _event(self, line: Line, control: ControlLine) -> None:
        wanted = line["params"]
        event = await control.events.wait_for(
            lambda event: (
                event["type"] == line["event"]
                and event.get("job") == wanted.get("job")
                and event.get("role") == wanted.get("role")
                and event.get("result") == wanted.get("result")
            ),
            timeout_s=WAIT_S,
        )
        self._compare(line["event"], wanted, event)

    def _in_session(self, value: Any) -> Any:
        return self._values.put(value) if isinstance(value, str) else value

    def _compare(self, where: str, wanted: Any, now: Any) -> None:
        if wanted == "*":
            return
        if isinstance(wanted, dict) and isinstance(now, dict):
            for name, inner in wanted.items():
                self._compare(f"{where}.{name}", inner, now.get(name, "nothing"))
        elif isinstance(wanted, list) and isinstance(now, list) and len(wanted) == len(now):
            for number, inner in enumerate(wanted):
                self._compare(f"{where}[{number}]", inner, now[number])
        elif isinstance(wanted, str) and isinstance(now, str):
            if not self._values.matches(wanted, now):
                self._note(where, wanted, now)
        elif wanted != now or isinstance(wanted, bool) != isinstance(now, bool):
            self._note(where, wanted, now)

    def _note(self, where: str, wanted: object, now: object) -> None:
        self.differences.append(f"{where}\n    was {wanted}\n    is  {now}")


def read(path: Path) -> list[Line]:
    """The lines of a recording."""
    return [json.loads(line) for line in path.read_text().splitlines()]
