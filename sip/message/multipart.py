"""Multipart bodies (RFC 2046 section 5.1, RFC 5621): a session description beside other parts.

Gateways send ISUP that way (SIP-I, RFC 3204), phones their location (RFC 6442).
"""

from __future__ import annotations

import binascii
import re
from typing import Final

import msgspec

from ..errors import ParseError
from .grammar import LWS, parse_params

SDP_TYPE: Final = "application/sdp"
MOST_PARTS: Final = 32
_MOST_DEPTH: Final = 3
_is_boundary = re.compile(r"[A-Za-z0-9'()+_,\-./:=? ]{1,70}").fullmatch


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part. `content_type` is in lower case without parameters; "" where it is missing."""

    content_type: str
    disposition: str
    body: bytes


def is_multipart(content_type: str | None) -> bool:
    """Whether a media type in lower case is one of several parts."""
    return content_type is not None and content_type.startswith("multipart/")


def parse_multipart(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body, those of inner multiparts in their place.

    `content_type` is the raw value of Content-Type. Raises ParseError, also for too many parts.
    """
    parts: list[Part] = []
    _collect(content_type, body, 1, parts)
    return parts


def sdp_of(parts: list[Part]) -> bytes:
    """Return the first session description of these parts; empty if there is none."""
    return next((part.body for part in parts if part.content_type == SDP_TYPE), b"")


def _collect(content_type: str, body: bytes, depth: int, parts: list[Part]) -> None:
    for head, content in _split(_boundary(content_type), body):
        fields = _fields(head)
        raw_type = fields.get("content-type", "")
        kind = raw_type.partition(";")[0].strip(LWS).lower()
        if is_multipart(kind) and depth < _MOST_DEPTH:
            _collect(raw_type, content, depth + 1, parts)
            continue
        if len(parts) == MOST_PARTS:
            raise ParseError(f"the body has more than {MOST_PARTS} parts")
        decoded = _decode(content, fields.get("content-transfer-encoding", ""))
        parts.append(Part(kind, fields.get("content-disposition", ""), decoded))


def _boundary(content_type: str) -> bytes:
    _, semicolon, params = content_type.partition(";")
    value = parse_params(semicolon + params, "Content-Type").get("boundary") or ""
    if value[:1] == '"':
        value = value[1:-1].replace("\\", "")
    if not _is_boundary(value):
        raise ParseError("the multipart body has no boundary")
    return value.encode("ascii")


def _split(boundary: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return head and content of each part. A missing closing boundary is read past."""
    delimiter = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|$)")
    places = list(delimiter.finditer(body))
    if not places:
        raise ParseError("the multipart body does not begin with its boundary")
    found = []
    for place, following in zip(places, [*places[1:], None], strict=True):
        if place[1]:
            break
        content = body[place.end() : following.start() if following else len(body)]
        content = content.removeprefix(b"\r").removeprefix(b"\n")
        if content.startswith((b"\r\n", b"\n")):
            found.append((b"", content.removeprefix(b"\r").removeprefix(b"\n")))
            continue
        end = re.search(rb"\r?\n\r?\n", content)
        found.append(
            (content, b"") if end is None else (content[: end.start()], content[end.end() :])
        )
    return found


def _fields(head: bytes) -> dict[str, str]:
    text = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(LWS).lower(), value.strip(LWS))
    return fields


def _decode(content: bytes, encoding: str) -> bytes:
    if encoding.strip(LWS).lower() != "base64":
        return content
    try:
        return binascii.a2b_base64(content)
    except binascii.Error as error:
        raise ParseError("a part of the body is not base64 as it says") from error
