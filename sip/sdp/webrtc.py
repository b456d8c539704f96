"""Session descriptions of browsers (RFC 8829, RFC 8839, RFC 8842) to plain ones, and back.

A browser's description says how its audio is reached by ICE and protected by DTLS-SRTP. The rest of
the stack knows neither: it is given the same description with a plain address on loopback.
"""

from typing import Final, Literal

import msgspec

from ..errors import ParseError
from .description import Connection, MediaDescription, SessionDescription

Setup = Literal["actpass", "active", "passive"]

_PROTOCOLS: Final = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF"})
_SENT_AS: Final = "UDP/TLS/RTP/SAVPF"
_MOST_CANDIDATES: Final = 64
_MOST_FINGERPRINTS: Final = 8
_KEPT: Final = frozenset(
    {"rtpmap", "fmtp", "ptime", "maxptime", "sendrecv", "sendonly", "recvonly", "inactive"}
)
_SETUPS: Final[dict[str, Setup]] = {
    "actpass": "actpass",
    "active": "active",
    "passive": "passive",
}


class IceCandidate(msgspec.Struct, frozen=True):
    """A candidate line (RFC 8839 section 5.1)."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    kind: str
    related_host: str = ""
    related_port: int = 0

    def encode(self) -> str:
        """The value of a=candidate."""
        text = (
            f"{self.foundation} {self.component} {self.transport} {self.priority}"
            f" {self.host} {self.port} typ {self.kind}"
        )
        if self.related_host:
            text += f" raddr {self.related_host} rport {self.related_port}"
        return text


class WebSide(msgspec.Struct, frozen=True):
    """How one side is reached: credentials of ICE, hashes of certificates, part in DTLS."""

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: Setup
    candidates: tuple[IceCandidate, ...] = ()
    is_lite: bool = False


class WebDescription(msgspec.Struct, frozen=True):
    """What a browser's description says besides a plain one. `mid` names the audio stream."""

    side: WebSide
    mid: str


def is_of_browser(session: SessionDescription) -> bool:
    """Whether the audio is protected by DTLS."""
    return _audio_of(session) is not None


def read_web(session: SessionDescription) -> WebDescription:
    """What a browser says of its way. Raises ParseError where something is missing."""
    audio = _audio_of(session)
    if audio is None:
        raise ParseError("there is no audio that is protected by DTLS")

    def value(name: str) -> str | None:
        found = audio.attribute(name)
        return session.attribute(name) if found is None else found

    ufrag, password = value("ice-ufrag"), value("ice-pwd")
    if not ufrag or not password:
        raise ParseError("the description has no ICE credentials")
    fingerprints = [
        (words[0].lower(), words[1])
        for section in (audio, session)
        for name, text in section.attributes
        if name == "fingerprint" and len(words := (text or "").split()) == 2
    ][:_MOST_FINGERPRINTS]
    if not fingerprints:
        raise ParseError("the description has no fingerprint")
    candidates = [
        candidate
        for name, text in audio.attributes
        if name == "candidate" and (candidate := _candidate(text or "")) is not None
    ][:_MOST_CANDIDATES]
    side = WebSide(
        ufrag,
        password,
        tuple(fingerprints),
        _SETUPS.get(value("setup") or "", "actpass"),
        tuple(candidates),
        is_lite=session.attribute("ice-lite") is not None,
    )
    return WebDescription(side, audio.attribute("mid") or "0")


def to_plain(session: SessionDescription, host: str, port: int, rtcp_port: int) -> bytes:
    """The description with its audio at a plain address; other streams are declined."""
    audio = _audio_of(session)
    plain = SessionDescription(origin=session.origin, name=session.name, lines=[("t", "0 0")])
    plain.connection = Connection("IP4", host)
    for stream in session.media:
        if stream is not audio:
            plain.media.append(_declined(stream))
            continue
        kept = [one for one in stream.attributes if one[0] in _KEPT]
        if stream.direction is None and session.direction is not None:
            kept.append((session.direction, None))
        kept.append(("rtcp", str(rtcp_port)))
        plain.media.append(
            MediaDescription(
                attributes=kept,
                media="audio",
                port=port,
                protocol="RTP/AVP",
                formats=list(stream.formats),
            )
        )
    return plain.encode()


def to_web(session: SessionDescription, side: WebSide, mid: str) -> bytes:
    """A plain description of ours with its audio as a browser wants it."""
    web = SessionDescription(origin=session.origin, name=session.name, lines=[("t", "0 0")])
    web.attributes.append(("group", f"BUNDLE {mid}"))
    for stream in session.media:
        if stream.media != "audio" or not stream.port:
            web.media.append(_declined(stream))
            continue
        attributes = [one for one in stream.attributes if one[0] in _KEPT]
        if stream.direction is None and session.direction is not None:
            attributes.append((session.direction, None))
        attributes += [
            ("mid", mid),
            ("rtcp-mux", None),
            ("setup", side.setup),
            *(("fingerprint", f"{name} {digest}") for name, digest in side.fingerprints),
            ("ice-ufrag", side.ufrag),
            ("ice-pwd", side.password),
            *(("candidate", one.encode()) for one in side.candidates),
            ("end-of-candidates", None),
        ]
        default = side.candidates[0] if side.candidates else None
        host = default.host if default is not None else "0.0.0.0"
        web.media.append(
            MediaDescription(
                connection=Connection("IP6" if ":" in host else "IP4", host),
                attributes=attributes,
                media="audio",
                port=9 if default is None else default.port,
                protocol=_SENT_AS,
                formats=list(stream.formats),
            )
        )
    return web.encode()


def plain_address(session: SessionDescription) -> tuple[str, int, int] | None:
    """Where plain RTP and RTCP of our own description go; None where there is no audio."""
    for stream in session.media:
        connection = session.connection_of(stream)
        if stream.media == "audio" and stream.port and connection is not None:
            mux = stream.attribute("rtcp-mux") is not None
            rtcp = stream.port if mux else stream.rtcp_port or stream.port + 1
            return connection.host, stream.port, rtcp
    return None


def declined(session: SessionDescription) -> bytes:
    """The description with every stream declined."""
    plain = SessionDescription(origin=session.origin, name=session.name, lines=[("t", "0 0")])
    plain.connection = Connection("IP4", "0.0.0.0")
    plain.media += [_declined(stream) for stream in session.media]
    return plain.encode()


def _audio_of(session: SessionDescription) -> MediaDescription | None:
    for stream in session.media:
        if stream.media == "audio" and stream.port and stream.protocol.upper() in _PROTOCOLS:
            return stream
    return None


def _declined(stream: MediaDescription) -> MediaDescription:
    """The same stream with port 0 (RFC 3264 section 6)."""
    return MediaDescription(
        media=stream.media, port=0, protocol=stream.protocol, formats=stream.formats or ["0"]
    )


def _candidate(text: str) -> IceCandidate | None:
    """A candidate; None for one that cannot be used: of another transport, or without an address.

    A browser may hide its address behind a name of mDNS, which nobody else can resolve; it is
    learnt from its own checks (RFC 8445 section 7.3.1.3).
    """
    words = text.split()
    if len(words) < 8 or words[6] != "typ" or words[2].lower() != "udp":
        return None
    if words[4].endswith(".local"):
        return None
    extra = dict(zip(words[8::2], words[9::2], strict=False))
    try:
        return IceCandidate(
            words[0],
            int(words[1]),
            "udp",
            int(words[3]),
            words[4],
            int(words[5]),
            words[7],
            extra.get("raddr", ""),
            int(extra.get("rport", "0")),
        )
    except ValueError:
        return None
