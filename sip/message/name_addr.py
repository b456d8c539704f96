"""The values of From, To, Contact, Route and Record-Route (RFC 3261 sections 20.10 and 25.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from ..errors import ParseError
from .grammar import LWS, encode_params, parse_params, quote, quoted_length, split_commas, unquote
from .uri import OtherUri, SipUri, parse_uri

_controls = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_CACHED_CHARACTERS: Final = 512


class NameAddr(msgspec.Struct, frozen=True, gc=False):
    """A URI with header parameters and a display name, or None for no name.

    Parameter names are in lower case. Values are as written; `grammar.unquote` removes quotes.
    Treat `params` as read-only.
    """

    uri: SipUri | OtherUri
    display_name: str | None = None
    params: dict[str, str | None] = {}

    def __hash__(self) -> int:
        return hash((self.uri, self.display_name))

    @property
    def tag(self) -> str | None:
        """The tag of From or To; None if it is missing or empty."""
        return self.params.get("tag") or None

    def encode(self) -> str:
        """The value as text, always with angle brackets."""
        name = "" if self.display_name is None else quote(self.display_name) + " "
        return f"{name}<{self.uri.encode()}>{encode_params(self.params)}"

    __str__ = encode


def parse_name_addr(text: str) -> NameAddr:
    """Read one `name-addr / addr-spec` with its parameters. Raises ParseError."""
    if len(text) <= _CACHED_CHARACTERS:
        return parse_name_addr_cached(text)
    return _parse(text)


def parse_name_addr_list(text: str) -> list[NameAddr]:
    """Read a comma-separated list of them. Raises ParseError."""
    return [parse_name_addr(element) for element in split_commas(text)]


def _parse(text: str) -> NameAddr:
    text = text.strip(LWS)
    display_name: str | None = None
    if text.startswith('"'):
        length = quoted_length(text)
        if not length:
            raise ParseError("the quoted display name is not closed")
        display_name = unquote(text[:length])
        text = text[length:].lstrip(LWS)
        if not text.startswith("<"):
            raise ParseError("a display name needs a URI in angle brackets after it")
        start = 0
    else:
        start = text.find("<")
    # After an odd number of quotes the bracket is inside a quoted parameter of a URI.
    if start < 0 or text.count('"', 0, start) % 2:
        return _parse_addr_spec(text)
    if start > 0:
        # Many peers omit the required quotes. The URI is still clear.
        display_name = text[:start].strip(LWS)
        if _controls(display_name) is not None:
            raise ParseError("the display name has control characters")
    end = text.find(">", start)
    if end < 0:
        raise ParseError("the URI is not closed by >")
    uri = parse_uri(text[start + 1 : end])
    rest = text[end + 1 :]
    return NameAddr(uri, display_name, parse_params(rest, "the address") if rest else {})


def _parse_addr_spec(text: str) -> NameAddr:
    """Without brackets, parameters belong to the header, not to the URI (RFC 3261 section 20)."""
    uri_text, semicolon, rest = text.partition(";")
    uri_text = uri_text.rstrip(LWS)
    if "?" in uri_text or "," in uri_text:
        raise ParseError("a URI with ? or , must be in angle brackets")
    params = parse_params(semicolon + rest, "the address") if semicolon else {}
    return NameAddr(parse_uri(uri_text), None, params)


# From, To and Contact repeat unchanged in each message of a dialog.
parse_name_addr_cached = lru_cache(maxsize=512)(_parse)
