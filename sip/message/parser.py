"""Parse bytes into messages (RFC 3261 sections 7, 18.3 and 25.1).

The parser reads the start line, the header field names, and the fields that transactions need:
Via, From, To, Call-ID and CSeq. Other values are parsed on first use.

It is lenient in four cases:
- CRLF before the start line is skipped (RFC 3261 section 7.5).
- A status line may lack the space before an empty reason phrase, as several gateways write it.
- Max-Forwards, the branch and the From tag may be missing, as in RFC 2543 (RFC 4475 3.4.1).
- Content-Length may be given twice with the same value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ..errors import ParseError
from .grammar import LWS, is_token, parse_integer, printable
from .headers import (
    CANONICAL_NAMES,
    SINGLE,
    canonical_name,
    parse_cseq,
    parse_cseq_cached,
    parse_top_via,
    parse_via,
    parse_via_cached,
)
from .message import Message, Request, Response
from .name_addr import parse_name_addr, parse_name_addr_cached
from .uri import OtherUri, SipUri, parse_uri

# Larger messages are refused before they use more memory.
#: A complete message with its body. This is the largest UDP datagram.
MAX_MESSAGE_BYTES: Final = 65_535
#: The start line and all header fields, with their line ends.
MAX_HEAD_BYTES: Final = 32_768
#: One header field, unfolded, or the start line.
MAX_LINE_BYTES: Final = 8_192
#: The header fields of one message.
MAX_HEADERS: Final = 256

_METHODS: Final = frozenset(
    {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE"}
)
_fold = re.compile(r"\r\n[ \t]++").sub
# The usual form of a header field. Other forms are left to the slow reader.
_plain_fields = re.compile(
    r"^([A-Za-z\-]++): ?+([^ \t\r\n](?:[^\r\n]*[^ \t\r\n])?)(?:\r\n|\Z)", re.MULTILINE
).findall
# Larger than any message, so that the framer can report "too large" for a valid number.
_MAX_CONTENT_LENGTH: Final = 2**32 - 1
_MANDATORY: Final = ("Via", "From", "To", "Call-ID", "CSeq")
# Only values of heads up to this length are cached.
_CACHED_BYTES: Final = 1_500
_READERS: Final = (parse_via, parse_name_addr, parse_cseq)
_CACHED_READERS: Final = (parse_via_cached, parse_name_addr_cached, parse_cseq_cached)


class MalformedMessage(ParseError):
    """A malformed request that can be answered.

    `partial` is the readable part of it. It has at least a readable topmost Via.
    """

    def __init__(self, fault: ParseError, partial: Request) -> None:
        super().__init__(fault.reason, fault.status)
        self.partial = partial


def parse(data: bytes) -> Request | Response:
    """Parse one datagram or one framed message. Raises ParseError and no other error.

    The error is a MalformedMessage if the request can be answered. Bytes after the Content-Length
    are dropped (RFC 3261 section 18.3).
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise ParseError(f"the message is longer than {MAX_MESSAGE_BYTES} bytes", 513)
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise ParseError("the head of the message does not end")
    if end > MAX_HEAD_BYTES:
        raise ParseError(f"the head of the message is longer than {MAX_HEAD_BYTES} bytes", 513)
    start, _, block = data[:end].decode("utf-8", "surrogateescape").partition("\r\n")
    # Only a response starts with the version. No method contains a slash.
    if start[:4].upper() == "SIP/":
        status, phrase = _read_status(start) if len(start) <= 64 else _parse_status_line(start)
        response = Response(status, phrase)
        length = _read_fields(response, block)
        _check_mandatory(response, block)
        response.body = _body(data, end + 4, length)
        return response
    return _parse_request(data, end, start, block)


def content_length(head: bytes) -> int | None:
    """Return the Content-Length of a head; None if it has none. Raises ParseError.

    Faults of other fields do not break the framing and are left to `parse`.
    """
    _, _, block = head.decode("utf-8", "surrogateescape").partition("\r\n")
    length: int | None = None
    for line in _unfold(block).split("\r\n"):
        name, _, value = line.partition(":")
        if canonical_name(name.rstrip(LWS)) == "Content-Length":
            length = _read_length(value.strip(LWS), length)
    return length


def _parse_request(data: bytes, end: int, start: str, block: str) -> Request:
    method, _, rest = start.partition(" ")
    request = Request(method, OtherUri("", rest))
    # Read the fields first, so that a request with a bad request line can be answered too.
    fault: ParseError | None = None
    length: int | None = None
    try:
        length = _read_fields(request, block)
    except ParseError as error:
        fault = error
    try:
        request.method, request.uri = _parse_request_line(start)
        if fault is not None:
            raise fault
        _check_mandatory(request, block)
        if request.cseq.method != request.method:
            raise ParseError("the method of CSeq is not that of the request")
        request.body = _body(data, end + 4, length)
    except ParseError as error:
        if request.method != "ACK" and is_token(request.method) and _can_be_answered(request):
            raise MalformedMessage(error, request) from error
        raise
    return request


def _parse_request_line(line: str) -> tuple[str, SipUri | OtherUri]:
    if len(line) > MAX_LINE_BYTES:
        raise ParseError("the request line is too long", 414)
    parts = line.split(" ")
    if len(parts) != 3:
        raise ParseError("the request line is not method, URI and version with one space between")
    method, uri_text, version = parts
    if method not in _METHODS and not is_token(method):
        raise ParseError("the method is not a token")
    if version != "SIP/2.0":
        _check_version(version)
    try:
        uri = parse_uri(uri_text)
    except ParseError as error:
        raise ParseError(f"request URI: {error.reason}") from None
    if isinstance(uri, SipUri) and uri.headers:
        raise ParseError("the request URI has headers")
    return method, uri


def _check_version(version: str) -> None:
    if version.upper() == "SIP/2.0":
        return
    if version[:4].upper() == "SIP/":
        raise ParseError("the version is not SIP/2.0", 505)
    raise ParseError("the request line does not end in the version")


def _parse_status_line(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    if version != "SIP/2.0":
        _check_version(version)
    status, _, phrase = rest.partition(" ")
    if len(status) != 3 or not (status.isascii() and status.isdigit() and "1" <= status[0] <= "6"):
        raise ParseError("the status is not a number from 100 to 699")
    if len(phrase) > MAX_LINE_BYTES or "\n" in phrase or "\r" in phrase:
        raise ParseError("the reason phrase is malformed")
    return int(status), printable(phrase)


# Only few different status lines occur.
_read_status = lru_cache(maxsize=256)(_parse_status_line)


def _read_fields(message: Message, block: str) -> int | None:
    """Fill in the header fields. Returns the Content-Length.

    Raises ParseError for the first fault, but only after reading all readable fields.
    """
    found = _plain_fields(block)
    # The count matches only if no field was folded, skipped or joined with another.
    if (
        len(block) <= MAX_LINE_BYTES
        and block.count("\n") == block.count("\r\n") == block.count("\r") == len(found) - 1
        and len(found) <= MAX_HEADERS
        and found[-1][0] == "Content-Length"
    ):
        length = found.pop()[1]
        try:
            fields = [(CANONICAL_NAMES[name], value) for name, value in found]
        except KeyError:
            return _read_fields_slowly(message, block)
        first = dict(reversed(fields))
        if "Content-Length" not in first:
            message._fields, message._first = fields, first
            return _read_length(length, None)
    return _read_fields_slowly(message, block)


def _read_fields_slowly(message: Message, block: str) -> int | None:
    block = _unfold(block)
    lines = block.split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise ParseError(f"the message has more than {MAX_HEADERS} header fields", 513)
    fields = message._fields
    length: int | None = None
    fault: ParseError | None = None
    if block.count("\n") != len(lines) - 1 or block.count("\r") != len(lines) - 1:
        fault = ParseError("a header field has a line end that is not CRLF")
    if len(block) > MAX_LINE_BYTES and any(len(line) > MAX_LINE_BYTES for line in lines):
        fault = ParseError(f"a header field is longer than {MAX_LINE_BYTES} bytes", 513)
    for line in lines:
        spelled, colon, value = line.partition(":")
        name = CANONICAL_NAMES.get(spelled)
        if name is None or not colon:
            spelled = spelled.rstrip(LWS)
            if not colon or not is_token(spelled):
                fault = fault or ParseError("a header field is not a name, a colon and a value")
                continue
            name = canonical_name(spelled)
        value = value.strip(LWS)
        if name == "Content-Length":
            try:
                length = _read_length(value, length)
            except ParseError as error:
                fault = fault or error
        else:
            fields.append((name, value))
    if fault is not None:
        raise fault
    return length


def _unfold(block: str) -> str:
    if "\r\n " in block or "\r\n\t" in block:
        return _fold(" ", block)
    return block


def _read_length(value: str, earlier: int | None) -> int:
    length = parse_integer(value, "Content-Length", _MAX_CONTENT_LENGTH)
    if earlier is not None and length != earlier:
        raise ParseError("Content-Length is given twice and differs")
    return length


def _check_mandatory(message: Message, block: str) -> None:
    fields = message._fields
    first = message._first
    if first is None:
        first = message._first = dict(reversed(fields))
    for name in _MANDATORY:
        if name not in first or not first[name]:
            raise ParseError(f"{name} is missing")
    if len(first) != len(fields):
        names = [name for name, _ in fields]
        for name in SINGLE.intersection(first):
            if names.count(name) > 1:
                raise ParseError(f"{name} is given more than once")
    via, address, cseq = _READERS if len(block) > _CACHED_BYTES else _CACHED_READERS
    typed = message._typed
    name = "Via"
    try:
        value = first["Via"]
        typed["via"] = parse_top_via(value) if "," in value else via(value)
        name = "From"
        typed["From"] = address(first["From"])
        name = "To"
        typed["To"] = address(first["To"])
        name = "CSeq"
        typed["CSeq"] = cseq(first["CSeq"])
    except ParseError as error:
        raise ParseError(f"{name}: {error.reason}", error.status) from None


def _can_be_answered(request: Request) -> bool:
    """Whether the topmost Via has an address. If its parameters are bad, they are dropped."""
    try:
        return bool(request.via)
    except ParseError:
        raw = request.get("Via") or ""
    try:
        request._typed["via"] = parse_top_via(raw.partition(";")[0].partition(",")[0])
    except ParseError:
        return False
    return True


def _body(data: bytes, start: int, length: int | None) -> bytes:
    if length is None:
        return data[start:]
    end = start + length
    if end > len(data):
        raise ParseError("the body is shorter than Content-Length")
    return data[start:end]
