"""Session descriptions (RFC 4566, RFC 8866): text to objects and back.

It is lenient in three cases. Lines may end in LF alone (RFC 4566 section 5). The last line may have
no line end. `s=` and `t=` may be missing, as some gateways omit them. Unknown lines are kept.

Faults that nothing depends on are skipped and counted in `faults`: a malformed or missing `o=`, a
malformed or rejected stream (port 0), and a malformed `c=` that no audio stream needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

import msgspec

from ..errors import ParseError
from ..message.grammar import is_token, parse_integer

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: Final[dict[str, Direction]] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}

_MAX_MEDIA: Final = 32
# The line types before c= in the order of RFC 4566 section 5. All others follow it.
_BEFORE_CONNECTION: Final = "iuep"
_MAX_CLOCK_HZ: Final = 2**31


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The o= line. `session_id` and `version` are numbers of any length."""

    username: str
    session_id: str
    version: str
    address_type: str
    host: str

    def encode(self) -> str:
        return (
            f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.host}"
        )


_NO_ORIGIN: Final = Origin("-", "0", "0", "IP4", "0.0.0.0")


class Connection(msgspec.Struct, frozen=True, gc=False):
    """A c= line. `host` is as written, with the /ttl of a multicast address."""

    address_type: str
    host: str

    def encode(self) -> str:
        return f"IN {self.address_type} {self.host}"


class RtpMap(msgspec.Struct, frozen=True, gc=False):
    """The meaning of a payload type: encoding name as written, clock rate, channels."""

    encoding: str
    clock_hz: int
    channels: int = 1


@dataclass(slots=True)
class Section:
    """What the session part and the media parts have in common."""

    connection: Connection | None = None
    #: Other lines as (type, value), in order.
    lines: list[tuple[str, str]] = field(default_factory=list)
    #: a= lines as (name, value). The value is None if there is no colon.
    attributes: list[tuple[str, str | None]] = field(default_factory=list)

    def attribute(self, name: str) -> str | None:
        """Return the value of the first attribute of this name; "" if it has no value.

        Returns None if there is no such attribute.
        """
        for key, value in self.attributes:
            if key == name:
                return value or ""
        return None

    @property
    def direction(self) -> Direction | None:
        """The direction attribute of this part; None if there is none."""
        for key, value in self.attributes:
            if value is None and (direction := _DIRECTIONS.get(key.rstrip(" "))):
                return direction
        return None

    def _encode_body(self, out: list[str]) -> None:
        for kind, value in self.lines:
            if kind in _BEFORE_CONNECTION:
                out.append(f"{kind}={value}")
        if self.connection is not None:
            out.append(f"c={self.connection.encode()}")
        for kind, value in self.lines:
            if kind not in _BEFORE_CONNECTION:
                out.append(f"{kind}={value}")
        for name, text in self.attributes:
            out.append(f"a={name}" if text is None else f"a={name}:{text}")


@dataclass(slots=True)
class MediaDescription(Section):
    """One m= line and the lines that belong to it. Port 0 means a rejected or ended stream."""

    media: str = "audio"
    port: int = 0
    protocol: str = "RTP/AVP"
    formats: list[str] = field(default_factory=list)
    #: The number after the slash of the port; None if there is none.
    port_count: int | None = None

    def rtpmaps(self) -> dict[int, RtpMap]:
        """Return the a=rtpmap attributes by payload type. Malformed ones are skipped."""
        maps: dict[int, RtpMap] = {}
        for name, value in self.attributes:
            if name == "rtpmap" and value:
                try:
                    number, rtpmap = _parse_rtpmap(value)
                except ParseError:
                    # The payload type of a malformed map stays unknown.
                    continue
                maps.setdefault(number, rtpmap)
        return maps

    @property
    def ptime_ms(self) -> int | None:
        """a=ptime in milliseconds; None if it is missing or not usable."""
        return self._milliseconds("ptime")

    @property
    def maxptime_ms(self) -> int | None:
        """a=maxptime in milliseconds; None if it is missing or not usable."""
        return self._milliseconds("maxptime")

    def _milliseconds(self, name: str) -> int | None:
        # Strip spaces only: strip() would also remove control characters.
        value = (self.attribute(name) or "").strip(" ")
        if not value.isascii() or not value.isdigit() or len(value) > 4:
            return None
        return int(value) or None

    @property
    def rtcp_port(self) -> int | None:
        """The port of a=rtcp (RFC 3605); None if it is missing or malformed."""
        text = self.attribute("rtcp")
        if text is None:
            return None
        try:
            return parse_integer(text.partition(" ")[0], "the RTCP port", 65535) or None
        except ParseError:
            return None

    def _encode(self, out: list[str]) -> None:
        port = str(self.port) if self.port_count is None else f"{self.port}/{self.port_count}"
        out.append(f"m={self.media} {port} {self.protocol} {' '.join(self.formats)}")
        self._encode_body(out)


@dataclass(slots=True)
class SessionDescription(Section):
    """A whole session description."""

    origin: Origin = _NO_ORIGIN
    name: str = "-"
    media: list[MediaDescription] = field(default_factory=list)
    #: Lines that could not be read as they stand, and were read past.
    faults: int = field(default=0, compare=False)

    def encode(self) -> bytes:
        """Return the description as bytes, with CRLF line ends."""
        out = ["v=0", f"o={self.origin.encode()}", f"s={self.name}"]
        self._encode_body(out)
        for media in self.media:
            media._encode(out)
        out.append("")
        return "\r\n".join(out).encode("utf-8", "surrogateescape")

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """Return the c= line of a media part: its own, else that of the session."""
        return media.connection or self.connection

    def direction_of(self, media: MediaDescription) -> Direction:
        """Return the direction of a media part: its own, else the session's, else sendrecv."""
        return media.direction or self.direction or "sendrecv"


def parse_sdp(data: bytes) -> SessionDescription:
    """Parse a session description. Raises ParseError and no other error."""
    lines = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    if not lines or lines[0].rstrip(" ") != "v=0":
        raise ParseError("the session description does not begin with v=0")
    session = SessionDescription()
    section: Section = session
    has_origin = False
    for line in lines[1:]:
        if line[1:2] != "=" or not line[0].isalpha() or "\r" in line or "\0" in line:
            raise ParseError("the session description has a line that is not letter=value")
        kind, value = line[0], line[2:]
        if kind == "a":
            name, colon, text = value.partition(":")
            section.attributes.append((name, text if colon else None))
        elif kind == "m":
            if len(session.media) == _MAX_MEDIA:
                raise ParseError(f"the session description has more than {_MAX_MEDIA} streams")
            section, is_odd = _parse_media(value)
            session.media.append(section)
            session.faults += is_odd
        elif kind == "c":
            # Several c= lines mean layered multicast (RFC 4566 section 5.7). The first one is used.
            connection, is_odd = _parse_connection(value)
            section.connection = section.connection or connection
            session.faults += is_odd
        elif section is not session:
            section.lines.append((kind, value))
        elif kind == "o" and not has_origin:
            origin = _parse_origin(value)
            session.origin = origin or _NO_ORIGIN
            session.faults += origin is None
            has_origin = True
        elif kind == "s":
            session.name = value
        else:
            session.lines.append((kind, value))
    session.faults += not has_origin
    return session


def _words(value: str) -> list[str]:
    return [word for word in value.split(" ") if word]


def _parse_origin(value: str) -> Origin | None:
    """Return None for an unreadable o=, because nothing depends on it."""
    words = _words(value)
    if len(words) != 6 or words[3] != "IN":
        return None
    return Origin(words[0], words[1], words[2], words[4], words[5])


def _parse_connection(value: str) -> tuple[Connection, bool]:
    """Return the connection and whether it is malformed. Then its host is not an address."""
    words = _words(value)
    if len(words) != 3 or words[0] != "IN":
        return Connection("IP4", "?"), True
    return Connection(words[1], words[2]), False


def _parse_media(value: str) -> tuple[MediaDescription, bool]:
    """Return the stream and whether its line is malformed.

    A stream keeps its place among the others whatever its line says (RFC 3264 6). One that cannot
    be used as it stands is taken for one with port 0; that may do without formats. Raises
    ParseError for a line that does not even name a medium.
    """
    words = _words(value)
    if not words:
        raise ParseError("m= is not media, port, protocol and formats")
    port_text, slash, count = (words[1] if len(words) > 1 else "").partition("/")
    media = MediaDescription(
        media=words[0],
        protocol=words[2] if len(words) > 2 else "RTP/AVP",
        formats=words[3:],
    )
    try:
        media.port = parse_integer(port_text, "the port of m=", 65535)
        if slash:
            media.port_count = parse_integer(count, "the port count of m=", 65535)
    except ParseError:
        media.port = 0
        return media, True
    is_odd = len(words) < 4
    if is_odd:
        media.port = 0
    return media, is_odd


# Descriptions repeat the same few codecs.
@lru_cache(maxsize=256)
def _parse_rtpmap(value: str) -> tuple[int, RtpMap]:
    number, _, text = value.partition(" ")
    encoding, *numbers = text.strip(" ").split("/")
    if not is_token(encoding) or not 1 <= len(numbers) <= 2:
        raise ParseError("rtpmap is not payload type, encoding and clock rate")
    return (
        parse_integer(number, "the payload type of rtpmap", 127),
        RtpMap(
            encoding,
            parse_integer(numbers[0], "the clock rate of rtpmap", _MAX_CLOCK_HZ),
            parse_integer(numbers[1], "the channels of rtpmap", 255) if len(numbers) == 2 else 1,
        ),
    )
