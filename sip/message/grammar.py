"""The parts of the RFC 3261 grammar (section 25.1) that many header fields share.

It is lenient in one case, because deployed peers need it: a parameter value may have any visible
ASCII character except `" , ; < > \\`. The grammar allows only a token or a host there, but tags and
branches with `@`, `=` or `/` are common. Spaces and tabs around `;` and `=` are allowed, as in the
grammar.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import ParseError

LWS: Final = " \t"

_TOKEN: Final = r"[A-Za-z0-9\-.!%*_+`'~]++"
# Quantifiers of single characters are possessive, those of groups are not: before 3.11.5 CPython
# matches too much with a possessive group (gh-106052). No two alternatives begin alike, so there is
# no backtracking.
#
# quoted-string: quoted-pair covers every ASCII character but CR and LF, qdtext all but `"` and `\`.
_QUOTED: Final = r'"(?:[^"\\\r\n]++|\\[\x00-\x09\x0b\x0c\x0e-\x7f])*"'
_VALUE: Final = r"[!#-+\--:=?-\[\]-~]++"

_token = re.compile(_TOKEN).fullmatch
_quoted = re.compile(_QUOTED).match
_params = re.compile(
    rf"(?:[ \t]*+;[ \t]*+{_TOKEN}(?:[ \t]*+=[ \t]*+(?:{_VALUE}|{_QUOTED}))?)*[ \t]*+"
).fullmatch
_param = re.compile(rf";[ \t]*+({_TOKEN})(?:[ \t]*+=[ \t]*+({_VALUE}|{_QUOTED}))?").finditer
_element = re.compile(rf'(?:[^,"<]++|{_QUOTED}|<[^>]*+>)*').match
_unescape = re.compile(r"\\(.)", re.DOTALL).sub


def is_token(text: str) -> bool:
    """Whether `text` is a token, such as a method, a header name or a parameter name."""
    return _token(text) is not None


def parse_integer(text: str, what: str, maximum: int) -> int:
    """Read 1*DIGIT up to `maximum`, with leading zeros (RFC 4475 3.1.1.1). Raises ParseError."""
    if not (text.isascii() and text.isdigit()):
        raise ParseError(f"{what} is not a number")
    digits = text.lstrip("0") or "0"
    if len(digits) > 10 or (number := int(digits)) > maximum:
        raise ParseError(f"{what} is larger than {maximum}")
    return number


def parse_params(text: str, what: str) -> dict[str, str | None]:
    """Read `*( SEMI generic-param )`. Returns lower-case names and values with their quotes.

    Raises ParseError for malformed text and for a name given twice (RFC 3261 section 7.3.1).
    """
    if not text:
        return {}
    if _params(text) is None:
        raise ParseError(f"{what} has malformed parameters")
    params: dict[str, str | None] = {}
    if '"' in text or " " in text or "\t" in text:
        pairs = [(match[1], match[2]) for match in _param(text)]
    else:
        pairs = []
        for item in text[1:].split(";"):
            name, equals, value = item.partition("=")
            pairs.append((name, value if equals else None))
    for name, value in pairs:
        params[name.lower()] = value
    if len(params) != len(pairs):
        raise ParseError(f"{what} has a parameter twice")
    return params


def encode_params(params: dict[str, str | None]) -> str:
    """Return the text of the parameters, each after a `;`. `parse_params` reads it back."""
    if not params:
        return ""
    return "".join(
        [f";{name}" if value is None else f";{name}={value}" for name, value in params.items()]
    )


def quoted_length(text: str) -> int:
    """Return the length of the quoted-string at the start of `text`; 0 if there is none."""
    match = _quoted(text)
    return match.end() if match else 0


def quote(text: str) -> str:
    """Return `text` as a quoted-string. Line ends are not allowed there and become spaces."""
    if "\r" in text or "\n" in text:
        text = text.replace("\r", " ").replace("\n", " ")
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """Return the content of a quoted-string. Any other text is returned unchanged."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _unescape(r"\1", inner) if "\\" in inner else inner


def split_commas(value: str) -> list[str]:
    """Split a header field at its commas, but not at those inside quotes or <>.

    Elements are stripped. Empty elements are kept, so the caller can refuse them. Raises ParseError
    if a quote or an angle bracket is not closed.
    """
    if "," not in value:
        return [value.strip(LWS)]
    if '"' not in value and "<" not in value:
        return [element.strip(LWS) for element in value.split(",")]
    elements: list[str] = []
    start, length = 0, len(value)
    while True:
        match = _element(value, start)
        end = match.end() if match else start
        elements.append(value[start:end].strip(LWS))
        if end == length:
            return elements
        if value[end] != ",":
            raise ParseError("a quote or an angle bracket is not closed")
        start = end + 1


def printable(text: str) -> str:
    """Return `text` for logs and JSON: bytes that are not UTF-8 become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
