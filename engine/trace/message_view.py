"""One message of a trace as the control protocol shows it."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NotRequired, TypedDict

from sip.errors import ParseError
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.message.multipart import is_multipart, parse_multipart, sdp_of
from sip.message.parser import MalformedMessage, parse
from sip.sdp.description import MediaDescription, parse_sdp

from .flow import TracedMessage

_STATIC: Mapping[int, str] = {0: "PCMU", 3: "GSM", 8: "PCMA", 9: "G722", 13: "CN", 18: "G729"}
_MOST_CODECS = 30


class AudioView(TypedDict):
    """The audio of a session description."""

    host: str
    """Where RTP is wanted."""
    port: int
    """The port; 0: refused, or ended."""
    protocol: str
    """`RTP/AVP`, `RTP/SAVP` and the like."""
    codecs: list[str]
    """The names of the codecs, the preferred one first."""
    direction: str
    """`sendrecv`, `sendonly`, `recvonly` or `inactive`."""


class MessageView(TypedDict):
    """One SIP message, as it was on the wire but for what is masked."""

    number: int
    """Counts all messages that the engine has seen."""
    time: float
    """When it was sent or received (Unix seconds)."""
    call: str | None
    """The call that it belongs to; null: none."""
    leg: str | None
    """The leg that it belongs to."""
    direction: Literal["received", "sent"]
    """Whether it came or went."""
    transport: str
    """`udp`, `tcp` or `tls`."""
    local: str
    """Our address: `192.0.2.4:5060`."""
    remote: str
    """The address of the peer."""
    start_line: str
    """Its first line."""
    method: str | None
    """The method; of a response, that of its request. Null: it cannot be read."""
    status: int | None
    """The status of a response."""
    cseq: int | None
    """The number in CSeq."""
    call_id: str
    """Its Call-ID, with which every message of its dialog begins."""
    retransmission: int
    """0: it was sent for the first time; else which repetition of the same bytes it is."""
    audio: AudioView | None
    """What its session description says of audio."""
    text: str
    """The whole message. What is not UTF-8 is shown as U+FFFD."""
    base64: NotRequired[str]
    """Its bytes, where it is not UTF-8."""


class LegOfMessage(TypedDict):
    """Where a message belongs."""

    call: str | None
    leg: str | None


def address(hop: Hop) -> str:
    """An address as people write it."""
    return f"[{hop.host}]:{hop.port}" if ":" in hop.host else f"{hop.host}:{hop.port}"


def located(messages: Iterable[TracedMessage]) -> list[TracedMessage]:
    """The messages, each with our own port.

    A first message is seen before its connection has one; those that follow it tell.
    """
    found = list(messages)
    known: dict[tuple[str, str, int], Hop] = {}
    for place in range(len(found) - 1, -1, -1):
        message = found[place]
        peer = message.peer
        key = (peer.transport, peer.host, peer.port)
        if message.local.port:
            known[key] = message.local
        elif key in known:
            found[place] = TracedMessage(
                message.number, message.at, message.is_sent, known[key], peer, message.data
            )
    return found


def repetitions(messages: Iterable[TracedMessage]) -> Iterator[int]:
    """For each message how often the same bytes have gone the same way before."""
    seen: Counter[tuple[bool, bytes]] = Counter()
    for message in messages:
        key = (message.is_sent, message.data)
        yield seen[key]
        seen[key] += 1


def message_view(message: TracedMessage, repetition: int, where: LegOfMessage) -> MessageView:
    """The message as it is shown."""
    data = message.data
    parsed = _parsed(data)
    view: MessageView = {
        "number": message.number,
        "time": message.at,
        "call": where["call"],
        "leg": where["leg"],
        "direction": "sent" if message.is_sent else "received",
        "transport": message.peer.transport,
        "local": address(message.local),
        "remote": address(message.peer),
        "start_line": data.lstrip(b"\r\n").partition(b"\r\n")[0].decode("utf-8", "replace"),
        "method": None,
        "status": None,
        "cseq": None,
        "call_id": "",
        "retransmission": repetition,
        "audio": None,
        "text": data.decode("utf-8", "replace"),
    }
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        view["base64"] = base64.b64encode(data).decode("ascii")
    if parsed is not None:
        view["call_id"] = (parsed.get("Call-ID") or "").encode("utf-8", "replace").decode()
        view["status"] = parsed.status if isinstance(parsed, Response) else None
        view["method"] = parsed.method if isinstance(parsed, Request) else None
        try:
            cseq = parsed.cseq
            view["cseq"], view["method"] = cseq.number, view["method"] or cseq.method
        except ParseError:
            pass
        view["audio"] = _audio(parsed)
    return view


def _parsed(data: bytes) -> Request | Response | None:
    try:
        return parse(data)
    except MalformedMessage as error:
        return error.partial
    except ParseError:
        return None


def _audio(message: Request | Response) -> AudioView | None:
    """What a session description says of audio; None where there is none that can be read."""
    try:
        body = message.body
        if is_multipart(message.content_type):
            body = sdp_of(parse_multipart(message.get("Content-Type") or "", body))
        elif message.content_type != "application/sdp":
            return None
        if not body:
            return None
        description = parse_sdp(body)
    except ParseError:
        return None
    media = next((one for one in description.media if one.media == "audio"), None)
    if media is None:
        return None
    connection = description.connection_of(media)
    return {
        "host": "" if connection is None else connection.host,
        "port": media.port,
        "protocol": media.protocol,
        "codecs": _codecs(media),
        "direction": description.direction_of(media),
    }


def _codecs(media: MediaDescription) -> list[str]:
    maps = media.rtpmaps()
    found: list[str] = []
    for text in media.formats[:_MOST_CODECS]:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
        known = maps.get(number)
        found.append(known.encoding if known is not None else _STATIC.get(number, text))
    return found
