"""SIP text for wire phones, made and read by splitting it. It shares no code with the engine."""

from dataclasses import dataclass
from typing import Literal

from tests.support.phones.errors import PeerError

from .rtp import WireRtp
from .sockets import PAYLOAD_TYPES

PHRASES = {180: "Ringing", 183: "Session Progress", 200: "OK", 404: "Not Found", 407: "Proxy"}
_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type"}

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A SIP message received; `time` is Unix time, taken by the kernel on arrival."""

    time: float
    start: str
    headers: tuple[tuple[str, str], ...]
    body: str
    source: tuple[str, int]

    @property
    def what(self) -> str:
        """The method of a request, the status of a response."""
        first, second, *_ = self.start.split(" ")
        return second if first == "SIP/2.0" else first

    def all(self, name: str) -> list[str]:
        """The values of a header, in order."""
        return [value for key, value in self.headers if key == name.lower()]

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise PeerError(f"no {name} in {self.start}")
        return values[0]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        return self["via"].partition("branch=")[2].partition(";")[0]


def parse(data: bytes, arrived: float, source: tuple[str, int]) -> WireMessage:
    """Read a message. Raises ValueError when it is none."""
    head, _, body = data.decode().partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers.append((_COMPACT.get(key, key), value.strip()))
    return WireMessage(arrived, start, tuple(headers), body, source)


def sdp(rtp: WireRtp, *, direction: Direction = "sendrecv", version: int = 1) -> str:
    """A description of one audio stream and telephone-event at `rtp`."""
    payload_type, event_type = PAYLOAD_TYPES[rtp.codec], rtp.telephone_event
    return (
        f"v=0\r\no=wire 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp.port} RTP/AVP {payload_type} {event_type}\r\n"
        f"a=rtpmap:{payload_type} {rtp.codec}/8000\r\n"
        f"a=rtpmap:{event_type} telephone-event/8000\r\na=fmtp:{event_type} 0-16\r\n"
        f"a={direction}\r\n"
    )


def audio_address(body: str) -> tuple[str, int]:
    """Where an SDP body wants the audio."""
    lines = body.split("\r\n")
    host = next(line.split(" ")[2] for line in lines if line.startswith("c="))
    port = next(int(line.split(" ")[1]) for line in lines if line.startswith("m=audio"))
    return host, port


def telephone_event(body: str) -> int | None:
    """The payload type that an SDP body gives to telephone-event."""
    for line in body.split("\r\n"):
        if line.startswith("a=rtpmap:") and "telephone-event/8000" in line:
            return int(line[len("a=rtpmap:") :].split(" ")[0])
    return None


def response_lines(
    request: WireMessage, status: int, phrase: str | None = None, *, contact: str, tag: str
) -> list[str]:
    """Start line and headers of a response; `tag` is that of the To header."""
    to = request["to"]
    if status > 100 and "tag=" not in to:
        to += f";tag={tag}"
    return [
        f"SIP/2.0 {status} {phrase or PHRASES.get(status, 'Other')}",
        *(f"Via: {via}" for via in request.all("via")),
        *(f"Record-Route: {route}" for route in request.all("record-route")),
        f"From: {request['from']}",
        f"To: {to}",
        f"Call-ID: {request['call-id']}",
        f"CSeq: {request['cseq']}",
        f"Contact: <{contact}>",
    ]


def encode(lines: list[str], body: str, content_type: str = "application/sdp") -> bytes:
    """A message of start line, headers, and a body of this type where there is one."""
    content = body.encode()
    if content:
        lines = [*lines, f"Content-Type: {content_type}"]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content
