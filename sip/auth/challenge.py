"""Digest challenges: the WWW-Authenticate and Proxy-Authenticate fields (RFC 7616 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..errors import ParseError
from ..message.grammar import LWS, unquote

_PARAM: Final = (
    r"[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]*+=[ \t]*+"
    r'("(?:[^"\\]++|\\.)*"|[^\s",;]++)[ \t]*+(?:,|$)'
)
_param = re.compile(rf"{_PARAM}|[ \t]*+,").match


@dataclass(frozen=True, slots=True)
class Challenge:
    """One digest challenge. `algorithm` as written, None when not given, which means MD5."""

    realm: str
    nonce: str
    opaque: str | None = None
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    stale: bool = False


def parse_challenge(value: str) -> Challenge | None:
    """Read a challenge; None for an authentication scheme other than Digest. Raises ParseError."""
    scheme, _, rest = value.strip(LWS).replace("\t", " ").partition(" ")
    if scheme.lower() != "digest":
        return None
    params = parse_auth_params(rest)
    if "realm" not in params or "nonce" not in params:
        raise ParseError("the digest challenge has no realm or no nonce")
    return Challenge(
        realm=params["realm"],
        nonce=params["nonce"],
        opaque=params.get("opaque"),
        algorithm=params.get("algorithm"),
        qop=tuple(q.strip(LWS).lower() for q in params.get("qop", "").split(",") if q.strip(LWS)),
        stale=params.get("stale", "").lower() == "true",
    )


def parse_auth_params(text: str) -> dict[str, str]:
    """`name=value, name="value"` with names in lower case and values unquoted.

    Raises ParseError; also for a name given twice.
    """
    params: dict[str, str] = {}
    place = 0
    text = text.strip(LWS)
    while place < len(text):
        match = _param(text, place)
        if match is None:
            raise ParseError("the authentication parameters are malformed")
        place = match.end()
        if match[1] is not None:
            name = match[1].lower()
            if name in params:
                raise ParseError(f"the authentication parameter {name} is given twice")
            params[name] = unquote(match[2])
    return params
