"""SIP requests and responses: ordered header fields with raw values that are parsed on first use.

Bytes of the head that are not UTF-8 are kept as surrogate escapes, so a field is sent as it was
received. `grammar.printable` makes readable text of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from ..errors import ParseError
from .grammar import is_token, parse_integer, split_commas
from .headers import (
    CSeq,
    Via,
    canonical_name,
    known_name,
    parse_cseq,
    parse_top_via,
    parse_via_list,
)
from .multipart import SDP_TYPE, Part, is_multipart, parse_multipart, sdp_of
from .name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from .reason_phrases import REASON_PHRASES
from .uri import OtherUri, SipUri

T = TypeVar("T")

_MAX_DELTA_SECONDS: Final = 2**32 - 1

Fields = list[tuple[str, str]]
"""Header fields as (name, value), in the order of the message."""


class Message:
    """What requests and responses share.

    Known header names have their canonical spelling, others are as given. Names are compared
    without case. Content-Length is not among the fields; `encode` computes it from the body. The
    typed properties are parsed on first use and cached until a field changes. They raise
    ParseError.
    """

    __slots__ = ("_fields", "_first", "_typed", "body")

    def __init__(self, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        self._fields: list[tuple[str, str]] = []
        self._first: dict[str, str] | None = None
        self._typed: dict[str, object] = {}
        self.body = body
        for name, value in headers:
            self.add_field(name, value)

    def get(self, name: str) -> str | None:
        """Return the raw value of the first field of this name; None if there is none."""
        first = self._first
        if first is None:
            first = self._first = dict(reversed(self._fields))
        value = first.get(name)
        if value is not None:
            return value
        known = known_name(name)
        if known is not None:
            return first.get(known)
        name = name.lower()
        return next((value for key, value in self._fields if key.lower() == name), None)

    def get_all(self, name: str) -> list[str]:
        """Return the raw values of all fields of this name, in order. Lists are not split."""
        known = known_name(name)
        if known is not None:
            return [value for key, value in self._fields if key == known]
        name = name.lower()
        return [value for key, value in self._fields if key.lower() == name]

    def get_list(self, name: str) -> list[str]:
        """Return the elements of a comma-separated field such as Allow. Raises ParseError."""
        return [
            element for value in self.get_all(name) for element in split_commas(value) if element
        ]

    def headers(self) -> list[tuple[str, str]]:
        """Return all fields as (name, raw value), in order."""
        return list(self._fields)

    def add_field(self, name: str, value: str) -> None:
        """Append a field. Raises ValueError for a bad name or a line end in the value."""
        self._insert(len(self._fields), name, value)

    def prepend(self, name: str, value: str) -> None:
        """Insert a field before all others, as for a new Via or Record-Route."""
        self._insert(0, name, value)

    def set(self, name: str, value: str) -> None:
        """Replace all fields of this name by one, at the position of the first."""
        name = canonical_name(name)
        key = name.lower()
        places = [i for i, (field, _) in enumerate(self._fields) if field.lower() == key]
        if not places:
            self.add_field(name, value)
            return
        self.remove(name)
        self._insert(places[0], name, value)

    def remove(self, name: str) -> None:
        """Remove all fields of this name."""
        key = canonical_name(name).lower()
        self._fields = [field for field in self._fields if field[0].lower() != key]
        self._forget()

    def replace_top_via(self, via: Via) -> None:
        """Replace the topmost Via. Others in the same field are kept if it can be split."""
        for place, (name, value) in enumerate(self._fields):
            if name == "Via":
                try:
                    rest = split_commas(value)[1:]
                except ParseError:
                    # A quote is not closed. This happens only while answering such a request.
                    rest = []
                self._fields[place] = (name, ", ".join([via.encode(), *rest]))
                self._forget()
                self._typed["via"] = via
                return
        self.prepend("Via", via.encode())

    def _insert(self, place: int, name: str, value: str) -> None:
        known = known_name(name)
        if known is None and not is_token(name):
            raise ValueError(f"not a header name: {name!r}")
        name = known or name
        if "\r" in value or "\n" in value:
            raise ValueError(f"line end in the value of {name}")
        if name == "Content-Length":
            return
        self._fields.insert(place, (name, value.strip(" \t")))
        self._forget()

    def _forget(self) -> None:
        self._first = None
        if self._typed:
            self._typed = {}

    def _required(self, name: str, parse: Callable[[str], T]) -> T:
        value = self._optional(name, parse)
        if value is None:
            raise ParseError(f"{name} is missing")
        return value

    def _optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        cached = self._typed.get(name)
        if cached is not None:
            return cached  # type: ignore[return-value]
        raw = self.get(name)
        if raw is None:
            return None
        try:
            value = parse(raw)
        except ParseError as error:
            raise ParseError(f"{name}: {error.reason}", error.status) from None
        self._typed[name] = value
        return value

    def _addresses(self, name: str) -> list[NameAddr]:
        cached = self._typed.get(name)
        if cached is None:
            try:
                cached = [a for raw in self.get_all(name) for a in parse_name_addr_list(raw)]
            except ParseError as error:
                raise ParseError(f"{name}: {error.reason}", error.status) from None
            self._typed[name] = cached
        return cached  # type: ignore[return-value]

    @property
    def via(self) -> Via:
        """The topmost Via."""
        typed = self._typed
        if "via" not in typed:
            typed["via"] = self._required("Via", parse_top_via)
        return typed["via"]  # type: ignore[return-value]

    @property
    def vias(self) -> list[Via]:
        """All Via values, the topmost first."""
        return [via for raw in self.get_all("Via") for via in parse_via_list(raw)]

    @property
    def has_one_via(self) -> bool:
        """Whether it has one Via value. Raises ParseError."""
        fields = self.get_all("Via")
        return len(fields) == 1 and ("," not in fields[0] or len(self.vias) == 1)

    @property
    def from_(self) -> NameAddr:
        typed = self._typed
        if "From" in typed:
            return typed["From"]  # type: ignore[return-value]
        return self._required("From", parse_name_addr)

    @property
    def to(self) -> NameAddr:
        typed = self._typed
        if "To" in typed:
            return typed["To"]  # type: ignore[return-value]
        return self._required("To", parse_name_addr)

    @property
    def call_id(self) -> str:
        first = self._first
        value = first["Call-ID"] if first and "Call-ID" in first else self.get("Call-ID")
        if not value:
            raise ParseError("Call-ID is missing")
        return value

    @property
    def cseq(self) -> CSeq:
        typed = self._typed
        if "CSeq" in typed:
            return typed["CSeq"]  # type: ignore[return-value]
        return self._required("CSeq", parse_cseq)

    @property
    def contacts(self) -> list[NameAddr]:
        """The readable Contact values. Raises ParseError if none is readable, as for a `*`."""
        cached = self._typed.get("Contact")
        if cached is None:
            cached, _ = self.readable_addresses("Contact")
            self._typed["Contact"] = cached
        return cached  # type: ignore[return-value]

    @property
    def contact(self) -> NameAddr | None:
        """The first readable Contact; None without any. Raises ParseError if none is readable."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    def readable_addresses(self, name: str) -> tuple[list[NameAddr], int]:
        """Return the readable addresses of a list, and the number of unreadable ones.

        Raises ParseError where there are only such.
        """
        found: list[NameAddr] = []
        fault: ParseError | None = None
        faults = 0
        for raw in self.get_all(name):
            try:
                elements = split_commas(raw)
            except ParseError as error:
                fault, faults = error, faults + 1
                continue
            for element in elements:
                try:
                    found.append(parse_name_addr(element))
                except ParseError as error:
                    fault, faults = error, faults + 1
        if fault is not None and not found:
            raise ParseError(f"{name}: {fault.reason}", fault.status)
        return found, faults

    @property
    def record_routes(self) -> list[NameAddr]:
        return self._addresses("Record-Route")

    @property
    def routes(self) -> list[NameAddr]:
        return self._addresses("Route")

    @property
    def max_forwards(self) -> int | None:
        return self._optional("Max-Forwards", _parse_max_forwards)

    @property
    def expires(self) -> int | None:
        """Expires in seconds."""
        return self._optional("Expires", parse_delta_seconds)

    @property
    def retry_after_s(self) -> float:
        """Retry-After in seconds, at most 3600; 0 if it is missing or unreadable."""
        value = (self.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip(" \t")
        try:
            return float(min(parse_delta_seconds(value), 3600)) if value else 0.0
        except ParseError:
            return 0.0

    @property
    def content_type(self) -> str | None:
        """Media type in lower case without parameters, such as `application/sdp`."""
        return self._optional("Content-Type", _parse_media_type)

    @property
    def parts(self) -> list[Part]:
        """The parts of a multipart body, those of inner ones included; none for other bodies."""
        if not self.body or not is_multipart(self.content_type):
            return []
        cached = self._typed.get("parts")
        if cached is None:
            cached = parse_multipart(self.get("Content-Type") or "", self.body)
            self._typed["parts"] = cached
        return cached  # type: ignore[return-value]

    @property
    def sdp(self) -> bytes:
        """The session description: the body, or the part of it; empty if there is none."""
        if not self.body or self.content_type in (SDP_TYPE, None):
            return self.body
        return sdp_of(self.parts)

    def accepts(self, media_type: str, on_read_past: Callable[[], None] = lambda: None) -> bool:
        """Whether Accept allows this type in the response (RFC 3261 20.1).

        Without an Accept, or with one in which nothing can be read, only SDP is allowed.
        `on_read_past` is called for each range that cannot be read.
        """
        ranges, has_unreadable = set(), False
        try:
            elements = self.get_list("Accept")
        except ParseError:
            elements = [""]  # they cannot be told apart: all of them are one that cannot be read
        for element in elements:
            try:
                ranges.add(_parse_media_type(element))
            except ParseError:
                has_unreadable = True
                on_read_past()
        if not ranges and (has_unreadable or self.get("Accept") is None):
            return media_type == "application/sdp"
        kind = media_type.partition("/")[0]
        return not ranges.isdisjoint({media_type, f"{kind}/*", "*/*"})

    def start_line(self) -> str:
        raise NotImplementedError

    def encode(self) -> bytes:
        """Return the message as bytes, with the Content-Length of the body."""
        fields = [f"{name}: {value}" for name, value in self._fields]
        length = f"Content-Length: {len(self.body)}\r\n\r\n"
        head = "\r\n".join([self.start_line(), *fields, length])
        return head.encode("utf-8", "surrogateescape") + self.body

    def _same_content(self, other: Message) -> bool:
        return self._fields == other._fields and self.body == other.body


class Request(Message):
    """A SIP request."""

    __slots__ = ("method", "uri")

    def __init__(
        self,
        method: str,
        uri: SipUri | OtherUri,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        Message.__init__(self, headers, body)
        self.method = method
        self.uri = uri

    def start_line(self) -> str:
        return f"{self.method} {self.uri.encode()} SIP/2.0"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Request)
            and self.method == other.method
            and self.uri == other.uri
            and self._same_content(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def with_only(self, names: frozenset[str]) -> Request:
        """The request with these of its fields alone, and without body."""
        kept = Request(self.method, self.uri)
        kept._fields = [field for field in self._fields if field[0] in names]
        return kept

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri.encode()}>"


class Response(Message):
    """A SIP response."""

    __slots__ = ("phrase", "status")

    def __init__(
        self,
        status: int,
        phrase: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        Message.__init__(self, headers, body)
        self.status = status
        if phrase is None:
            phrase = REASON_PHRASES.get(status, "")
        elif "\r" in phrase or "\n" in phrase:
            raise ValueError("line end in the reason phrase")
        self.phrase = phrase

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.phrase}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Response)
            and self.status == other.status
            and self.phrase == other.phrase
            and self._same_content(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.phrase}>"


_COPIED: Final = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})


def response_to(
    request: Request,
    status: int,
    phrase: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """Build a response (RFC 3261 sections 8.2.6 and 12.1.1).

    It copies Via, From, To, Call-ID and CSeq. A 100 also copies Timestamp, and 101 to 299 to an
    INVITE copies Record-Route. `to_tag` is added if To has no tag. The request may be the
    `partial` of a MalformedMessage.
    """
    response = Response(status, phrase, (), body)
    copied = _COPIED
    if status == 100:
        copied = copied | {"Timestamp"}
    elif status < 300 and request.method == "INVITE":
        copied = copied | {"Record-Route"}
    # The values were checked when the request was made or parsed.
    fields = [field for field in request._fields if field[0] in copied]
    if to_tag is not None:
        for place, (name, value) in enumerate(fields):
            if name == "To" and not _has_tag(request):
                fields[place] = (name, f"{value};tag={to_tag}")
                break
    response._fields = fields
    for name, value in headers:
        response.add_field(name, value)
    return response


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except ParseError:
        # A To that cannot be parsed is returned unchanged.
        return True


def parse_delta_seconds(text: str) -> int:
    """Seconds up to 2**32-1 (RFC 3261 20.19). Raises ParseError."""
    return parse_integer(text, "the number of seconds", _MAX_DELTA_SECONDS)


def _parse_max_forwards(text: str) -> int:
    return parse_integer(text, "Max-Forwards", 255)


def _parse_media_type(text: str) -> str:
    kind, slash, subtype = text.partition(";")[0].partition("/")
    kind, subtype = kind.strip(" \t"), subtype.strip(" \t")
    if not slash or not is_token(kind) or not is_token(subtype):
        raise ParseError("not a media type")
    return f"{kind}/{subtype}".lower()
