"""HTTP as bytes: what is sent is what the attack says, right or wrong."""

import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import Any

from ..target import ENGINE_HOST
from .stage import OWN

ANSWER_S = 8.0
STRANGER = "127.66.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `status` is 0 where the connection was closed without any."""

    status: int
    head: str = ""
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def reason(self) -> str:
        """Why it is refused; "" where it is not."""
        found = self.json
        return str(found["error"]["reason"]) if isinstance(found, dict) and "error" in found else ""


@dataclass(slots=True)
class Line:
    """A connection to the gateway, from an address of this machine."""

    port: int
    host: str = STRANGER
    _socket: socket.socket = field(init=False)
    _read: bytes = b""

    def __post_init__(self) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(ANSWER_S)
        self._socket.bind((self.host, 0))
        self._socket.connect((ENGINE_HOST, self.port))

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send as much as is taken."""
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def answer(self) -> Answer:
        """The next answer."""
        while b"\r\n\r\n" not in self._read:
            if not self._more():
                return Answer(0)
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        length = 0
        for one in text.lower().split("\r\n"):
            if one.startswith("content-length:"):
                length = int(one.partition(":")[2])
        while len(self._read) < length and self._more():
            pass
        body, self._read = self._read[:length], self._read[length:]
        return Answer(int(text.split(" ", 2)[1]), text, body)

    def rest(self, wait_s: float = 0.3) -> bytes:
        """What comes besides, within a moment."""
        self._socket.settimeout(wait_s)
        while self._more():
            pass
        return self._read

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError:
            return False
        self._read += data
        return bool(data)


def request(method: str, path: str, body: bytes = b"", /, **headers: str) -> bytes:
    """A request. Names of headers are written with _ for -."""
    given = {"Host": "gateway", "Origin": OWN, **headers}
    if body:
        given.setdefault("Content_Length", str(len(body)))
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def ask(port: int, data: bytes, host: str = STRANGER) -> Answer:
    """Send bytes on a connection of their own, and read one answer."""
    with Line(port, host) as line:
        line.send(data)
        return line.answer()


def form(nth: int, /, **more: Any) -> bytes:
    """The form of a visitor who would like to be called tomorrow."""
    filled = {
        "number": f"020 7946 {nth % 1000:04}",
        "key": f"request-of-an-attack-{nth}",
        "context": {"page": "https://shop.example/prices"},
    }
    return json.dumps(filled | more).encode()
