"""Digest authentication, client side (RFC 3261 section 22, RFC 7616, RFC 8760).

If a realm sends several challenges, the one with the strongest algorithm is answered. So an
attacker on the path cannot force MD5 when the server offers more.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..errors import ChallengeRefused, ParseError
from ..message.grammar import LWS, quote, unquote
from ..message.message import Response

_PARAM: Final = (
    r"[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]*+=[ \t]*+"
    r'("(?:[^"\\]++|\\.)*"|[^\s",;]++)[ \t]*+(?:,|$)'
)
_param = re.compile(rf"{_PARAM}|[ \t]*+,").match


@dataclass(frozen=True, slots=True)
class Challenge:
    """One digest challenge. `algorithm` is as written; None means MD5."""

    realm: str
    nonce: str
    opaque: str | None = None
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    stale: bool = False


def parse_challenge(value: str) -> Challenge | None:
    """Read a challenge. Returns None for a scheme other than Digest. Raises ParseError."""
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
    """Read `name=value, name="value"`. Returns lower-case names and unquoted values.

    Raises ParseError for malformed text and for a name given twice.
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


#: Supported algorithms in lower case and without `-sess`, weakest first.
HASHES: Final[dict[str, Callable[[bytes], str]]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_STRENGTH: Final = {name: place for place, name in enumerate(HASHES)}
_HEADERS: Final = {
    "WWW-Authenticate": "Authorization",
    "Proxy-Authenticate": "Proxy-Authorization",
}
# Ends the loop with a server that calls every new nonce stale.
_MAX_STALE_IN_A_ROW: Final = 2
# Each request is signed for every known realm. New realm names must not accumulate.
_MAX_REALMS: Final = 8


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and password, used for every realm."""

    username: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Protection:
    """The nonce in use for one realm."""

    challenge: Challenge
    cnonce: str
    uses: int = 0
    stale_in_a_row: int = 0


class DigestClient:
    """Answers the challenges for one account or dialog and signs its later requests.

    `rng` makes the cnonces.
    """

    __slots__ = ("_credentials", "_protections", "_rng")

    def __init__(self, credentials: Credentials, rng: random.Random) -> None:
        self._credentials = credentials
        self._rng = rng
        self._protections: dict[tuple[str, str], _Protection] = {}

    def answer(
        self, response: Response, method: str, uri: str, body: bytes = b""
    ) -> list[tuple[str, str]]:
        """Return the header fields for the retry after a 401 or 407.

        `uri` is the request URI as sent. Raises ChallengeRefused if no challenge is supported, or
        if the server refused credentials that were signed with a fresh nonce.
        """
        for key, challenge in _strongest(response).items():
            held = self._protections.get(key)
            fresh = _Protection(challenge, f"{self._rng.getrandbits(128):032x}")
            # A nonce used more than once may have expired, even if `stale` is not set.
            if held is not None and held.uses == 1:
                if not challenge.stale:
                    raise ChallengeRefused(f"{challenge.realm} refused the user name or password")
                fresh.stale_in_a_row = held.stale_in_a_row + 1
                if fresh.stale_in_a_row > _MAX_STALE_IN_A_ROW:
                    raise ChallengeRefused(f"{challenge.realm} calls every nonce stale")
            self._protections[key] = fresh
        while len(self._protections) > _MAX_REALMS:
            del self._protections[next(iter(self._protections))]
        return self.authorize(method, uri, body)

    def authorize(self, method: str, uri: str, body: bytes = b"") -> list[tuple[str, str]]:
        """Return the header fields for a further request; empty before the first challenge."""
        fields: list[tuple[str, str]] = []
        for (name, _), protection in self._protections.items():
            protection.uses += 1
            value = answer_challenge(
                protection.challenge,
                self._credentials,
                method=method,
                uri=uri,
                body=body,
                cnonce=protection.cnonce,
                nonce_count=protection.uses,
            )
            fields.append((name, value))
        return fields


def answer_challenge(
    challenge: Challenge,
    credentials: Credentials,
    *,
    method: str,
    uri: str,
    cnonce: str,
    nonce_count: int = 1,
    body: bytes = b"",
) -> str:
    """Return the value of (Proxy-)Authorization (RFC 7616 section 3.4). Raises ChallengeRefused."""
    algorithm = (challenge.algorithm or "MD5").lower()
    is_session = algorithm.endswith("-sess")
    digest = HASHES.get(algorithm.removesuffix("-sess"))
    if digest is None:
        raise ChallengeRefused(f"algorithm {challenge.algorithm} is not supported")
    qop = _pick_qop(challenge)

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode("utf-8", "surrogateescape"))

    secret = hashed(credentials.username, challenge.realm, credentials.password)
    if is_session:
        secret = hashed(secret, challenge.nonce, cnonce)
    request = hashed(method, uri, digest(body)) if qop == "auth-int" else hashed(method, uri)
    count = f"{nonce_count:08x}"
    if qop is None:
        proof = hashed(secret, challenge.nonce, request)
    else:
        proof = hashed(secret, challenge.nonce, count, cnonce, qop, request)
    params = [
        f"username={quote(credentials.username)}",
        f"realm={quote(challenge.realm)}",
        f"nonce={quote(challenge.nonce)}",
        f"uri={quote(uri)}",
        f'response="{proof}"',
    ]
    if challenge.algorithm is not None:
        params.append(f"algorithm={challenge.algorithm}")
    if qop is not None or is_session:
        params.append(f"cnonce={quote(cnonce)}")
    if qop is not None:
        params += [f"qop={qop}", f"nc={count}"]
    if challenge.opaque is not None:
        params.append(f"opaque={quote(challenge.opaque)}")
    return "Digest " + ", ".join(params)


def _pick_qop(challenge: Challenge) -> str | None:
    if not challenge.qop:
        return None
    for qop in ("auth", "auth-int"):
        if qop in challenge.qop:
            return qop
    raise ChallengeRefused(f"quality of protection {', '.join(challenge.qop)} is not supported")


def _strongest(response: Response) -> dict[tuple[str, str], Challenge]:
    """Return the challenge to answer, by header name and realm. Raises ChallengeRefused if none."""
    best: dict[tuple[str, str], Challenge] = {}
    reason = "the response has no challenge"
    for asking, answering in _HEADERS.items():
        for value in response.get_all(asking):
            try:
                challenge = parse_challenge(value)
            except ParseError as error:
                reason = error.reason
                continue
            if challenge is None:
                reason = "the authentication scheme is not Digest"
                continue
            try:
                _pick_qop(challenge)
            except ChallengeRefused as refused:
                reason = refused.reason
                continue
            strength = _strength(challenge)
            if strength < 0:
                reason = f"algorithm {challenge.algorithm} is not supported"
                continue
            key = (answering, challenge.realm)
            if key not in best or strength > _strength(best[key]):
                best[key] = challenge
    if not best:
        raise ChallengeRefused(reason)
    return best


def _strength(challenge: Challenge) -> int:
    algorithm = (challenge.algorithm or "MD5").lower().removesuffix("-sess")
    return _STRENGTH.get(algorithm, -1)
