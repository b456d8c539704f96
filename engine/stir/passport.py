"""PASSporTs: signed statements of who calls whom (RFC 8225), in Identity headers (RFC 8224 4).

Everything in them is of an unknown source: sizes are bounded before anything is decoded, and what
is decoded has exactly the types that it should have.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from sip.errors import ParseError
from sip.message.grammar import LWS, parse_params
from sip.message.message import Request
from sip.message.uri import SipUri, parse_uri

from .verdict import VerificationFailed

MOST_LOOKED_AT: Final = 16
MAX_HEADER_CHARS: Final = 4_096
MAX_URL_CHARS: Final = 512
SIGNATURE_BYTES: Final = 64
_ppt = re.compile(r";[ \t]*ppt[ \t]*=[ \t]*\"?([A-Za-z0-9-]*)", re.IGNORECASE).search
_info = re.compile(r";[ \t]*info[ \t]*=[ \t]*<([^<>\s]{0,512})>", re.IGNORECASE).search
_token = re.compile(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+").fullmatch

T = TypeVar("T")


class _Header(msgspec.Struct):
    """The JOSE header (RFC 8225 section 4)."""

    alg: str
    typ: str
    x5u: str
    ppt: str = ""


class _Origin(msgspec.Struct):
    tn: str = ""
    uri: str = ""


class _Destination(msgspec.Struct):
    tn: list[str] = []
    uri: list[str] = []


class Claims(msgspec.Struct):
    """What a SHAKEN PASSporT says (RFC 8225 section 5, RFC 8588 section 4)."""

    orig: _Origin
    dest: _Destination
    iat: int
    attest: Literal["A", "B", "C"]
    origid: str


class Passport(NamedTuple):
    """A PASSporT whose signature is not checked yet: `signed` is what `signature` is of."""

    claims: Claims
    url: str
    signed: bytes
    signature: bytes


class Parties(NamedTuple):
    """Who calls whom by the INVITE: what an identity may be written as (see `canonical`)."""

    orig: Collection[str]
    dest: Collection[str]


def identities(request: Request) -> list[str]:
    """The Identity headers of an INVITE that say they are SHAKEN."""
    return [value for value in request.get_all("Identity")[:MOST_LOOKED_AT] if is_shaken(value)]


def is_shaken(value: str) -> bool:
    """Whether an Identity header says that it has a SHAKEN PASSporT. Others (`div`, `rph`, none)
    attest nothing."""
    found = _ppt(";" + value.partition(";")[2][:MAX_HEADER_CHARS])
    return found is not None and found[1].lower() == "shaken"


def read_passport(value: str) -> Passport:
    """Read a SHAKEN Identity header. Raises VerificationFailed."""
    if len(value) > MAX_HEADER_CHARS:
        raise VerificationFailed("too_large", f"{len(value)} characters")
    token, _, rest = value.partition(";")
    token = token.strip(LWS)
    if token.startswith(".."):
        # Nothing can rebuild `attest` and `origid`: RFC 8588 section 4 wants the full form.
        raise VerificationFailed("compact_form")
    if _token(token) is None:
        raise VerificationFailed("malformed", "it is no signed token")
    alg, info = _parameters(rest)
    encoded_header, encoded_claims, encoded_signature = token.split(".")
    header = _decoded(encoded_header, _Header)
    # ES256 alone (RFC 8225 section 8): a key of another kind could be misread.
    if header.alg != "ES256" or alg not in ("", "ES256"):
        raise VerificationFailed("unsupported", f"algorithm {header.alg[:32]!r}")
    if header.typ.lower() != "passport" or header.ppt.lower() != "shaken":
        raise VerificationFailed("malformed", "its header is not that of a SHAKEN PASSporT")
    if header.x5u != info:
        raise VerificationFailed("malformed", "info and x5u are two certificates")
    claims = _decoded(encoded_claims, Claims)
    signature = _bytes(encoded_signature)
    if len(signature) != SIGNATURE_BYTES or not claims.origid:
        raise VerificationFailed("malformed", "signature or origid are none")
    return Passport(claims, header.x5u, f"{encoded_header}.{encoded_claims}".encode(), signature)


def check_claims(claims: Claims, parties: Parties, now: float, max_age_s: float) -> None:
    """Check that the claims are about this call, now. Raises VerificationFailed."""
    if abs(now - claims.iat) > max_age_s:
        raise VerificationFailed("stale", f"signed {now - claims.iat:.0f} s ago")
    if _canonical_claim(claims.orig.tn, claims.orig.uri) not in parties.orig:
        raise VerificationFailed("orig_mismatch")
    tns = [_canonical_claim(tn, "") for tn in claims.dest.tn]
    uris = [_canonical_claim("", uri) for uri in claims.dest.uri]
    if not any(one and one in parties.dest for one in (*tns, *uris)):
        raise VerificationFailed("dest_mismatch")


def canonical_number(text: str) -> str:
    """A number as RFC 8224 section 8.3 compares it: digits, `*` and `#`; "" where it is none.

    A leading `+` and visual separators are dropped.
    """
    bare = re.sub(r"[ ().\-]", "", text).removeprefix("+").lower()
    return bare if re.fullmatch(r"[0-9*#]{1,32}", bare) else ""


def canonical_uri(text: str) -> str:
    """A URI as RFC 8224 section 8.5 compares it: without port, parameters and headers."""
    try:
        uri = parse_uri(text)
    except ParseError:
        return ""
    return f"sip:{uri.user or ''}@{uri.host}" if isinstance(uri, SipUri) else ""


def _canonical_claim(tn: str, uri: str) -> str:
    return canonical_number(tn[:64]) if tn else canonical_uri(uri[:MAX_URL_CHARS])


def _parameters(text: str) -> tuple[str, str]:
    """`alg` and `info` of an Identity header; info stands in angle brackets."""
    found = _info(";" + text)
    if found is None:
        raise VerificationFailed("malformed", "it has no info")
    try:
        params = parse_params((";" + text).replace(found[0], "", 1), "Identity")
    except ParseError as error:
        raise VerificationFailed("malformed", error.reason) from None
    return (params.get("alg") or "").strip('"'), found[1]


def _decoded(encoded: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(_bytes(encoded), type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise VerificationFailed("malformed", str(error)[:200]) from None


def _bytes(encoded: str) -> bytes:
    try:
        return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise VerificationFailed("malformed", "it is no base64") from None
