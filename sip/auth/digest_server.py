"""Digest authentication, server side (RFC 3261 section 22, RFC 7616, RFC 8760).

Nothing is kept of who only asks: a nonce says itself when it was made, and is signed. It holds for
one source host and for a time. Only a nonce that was used with the right password is remembered,
so that no nonce count is accepted twice.
"""

import hashlib
import hmac
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from ..errors import ParseError
from ..message.grammar import LWS, quote
from ..message.message import Fields, Request
from ..message.uri import SipUri, parse_uri
from .digest import HASHES, parse_auth_params

Algorithm = Literal["SHA-256", "MD5"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("SHA-256", "MD5")

MAX_HEADER_CHARS: Final = 2_048
MAX_HEADERS: Final = 4
MAX_NONCES: Final = 10_000
_TIME_BYTES: Final = 8
_RANDOM_BYTES: Final = 6
_MAC_BYTES: Final = 13  # 27 bytes together: 36 characters, without padding
_WINDOW: Final = 64
_MAX_COUNT: Final = 0xFFFF_FFFF

Outcome = Literal["none", "stale", "wrong", "right"]
"""What the credentials of a request are worth. "none": there are none that can be read. "stale":
their nonce is no longer good, or its count was used; the password was not looked at, or is right.
"wrong": an unknown user, or another password."""


class Verdict(NamedTuple):
    """What a request was found to be; `user` is set where it is "right"."""

    outcome: Outcome
    user: str = ""


class _Answer(NamedTuple):
    """What Authorization has."""

    algorithm: str
    username: str
    nonce: str
    uri: str
    response: str
    cnonce: str
    nc: str


class DigestServer:
    """Challenges requests and checks the answers. `users` are their passwords by name.

    `nonce_s` is how long a nonce is good. Times are seconds on the caller's clock. A restart makes
    all nonces stale: their key is made from `rng` again.
    """

    def __init__(
        self,
        realm: str,
        users: Mapping[str, str],
        *,
        algorithms: Sequence[Algorithm] = ALGORITHMS,
        nonce_s: float = 300.0,
        rng: random.Random,
    ) -> None:
        self._realm = realm
        self._nonce_s = nonce_s
        self._rng = rng
        self._key = rng.randbytes(32)
        self._algorithms = {name.lower(): name for name in algorithms}
        # The secret of nobody, so that an unknown user costs what a known one does.
        nobody = f"{rng.getrandbits(128):032x}"
        self._nobody = {name: self._secret(name, nobody, nobody) for name in self._algorithms}
        self._secrets = {
            (name, user): self._secret(name, user, password)
            for name in self._algorithms
            for user, password in users.items()
        }
        self._used = UsedCounts(nonce_s)

    def challenge(self, host: str, now: float, *, is_stale: bool = False) -> Fields:
        """The header fields of a 401 for `host`: one challenge for each algorithm."""
        nonce = self._nonce(host, now)
        stale = ",stale=true" if is_stale else ""
        head = f'Digest realm={quote(self._realm)},nonce="{nonce}",qop="auth",algorithm='
        return [("WWW-Authenticate", f"{head}{name}{stale}") for name in self._algorithms.values()]

    def check(self, request: Request, host: str, now: float) -> Verdict:
        """What the credentials of a request from `host` are worth. Nothing makes it raise."""
        answer = self._answer(request)
        if answer is None:
            return Verdict("none")
        issued = self._issued(answer.nonce, host)
        if issued is None or not 0 <= now - issued <= self._nonce_s:
            return Verdict("stale")
        if not self._is_right(answer, request.method) or not _is_about(answer.uri, request):
            return Verdict("wrong")
        if not self._used.note_use(answer.nonce, int(answer.nc, 16), issued, now):
            return Verdict("stale")
        return Verdict("right", answer.username)

    # -- nonces

    def _nonce(self, host: str, now: float) -> str:
        issued = int(now * 1000).to_bytes(_TIME_BYTES)
        content = issued + self._rng.randbytes(_RANDOM_BYTES)
        return urlsafe_b64encode(content + self._mac(content, host)).decode()

    def _mac(self, content: bytes, host: str) -> bytes:
        return hashlib.blake2s(
            content + host.encode("utf-8", "surrogateescape"),
            key=self._key,
            digest_size=_MAC_BYTES,
        ).digest()

    def _issued(self, nonce: str, host: str) -> float | None:
        """When the nonce was made; None where it is not ours, or was made for another host."""
        size = _TIME_BYTES + _RANDOM_BYTES
        if len(nonce) != (size + _MAC_BYTES) * 4 // 3:
            return None
        try:
            data = urlsafe_b64decode(nonce)
        except ValueError:
            return None
        content, mac = data[:size], data[size:]
        if not hmac.compare_digest(mac, self._mac(content, host)):
            return None
        return int.from_bytes(content[:_TIME_BYTES]) / 1000

    # -- answers

    def _answer(self, request: Request) -> _Answer | None:
        for value in request.get_all("Authorization")[:MAX_HEADERS]:
            scheme, _, rest = value.strip(LWS).replace("\t", " ").partition(" ")
            if len(value) > MAX_HEADER_CHARS or scheme.lower() != "digest":
                continue
            try:
                params = parse_auth_params(rest)
            except ParseError:
                continue
            algorithm = params.get("algorithm", "MD5").lower()
            if params.get("realm") != self._realm or algorithm not in self._algorithms:
                continue
            answer = _Answer(
                algorithm,
                params.get("username", ""),
                params.get("nonce", ""),
                params.get("uri", ""),
                params.get("response", ""),
                params.get("cnonce", ""),
                params.get("nc", ""),
            )
            if params.get("qop", "").lower() == "auth" and answer.cnonce and _is_count(answer):
                return answer
        return None

    def _is_right(self, answer: _Answer, method: str) -> bool:
        algorithm, nobody = answer.algorithm, self._nobody[answer.algorithm]
        secret = self._secrets.get((algorithm, answer.username), nobody)
        request = _hashed(algorithm, method, answer.uri)
        proof = _hashed(algorithm, secret, answer.nonce, answer.nc, answer.cnonce, "auth", request)
        given = answer.response.encode("utf-8", "surrogateescape")
        is_equal = hmac.compare_digest(proof.encode(), given.lower())
        return is_equal and secret is not nobody

    def _secret(self, algorithm: str, user: str, password: str) -> str:
        return _hashed(algorithm, user, self._realm, password)


class UsedCounts:
    """Which counts of which nonces were accepted: a window for each nonce, as RFC 4303 3.4.3 has.

    At most `most` nonces are kept. Where one more comes, the one that was used first is dropped,
    and with it every nonce of its time counts as used.
    """

    def __init__(self, nonce_s: float, most: int = MAX_NONCES) -> None:
        self._nonce_s = nonce_s
        self._most = most
        self._windows: dict[str, tuple[float, int, int]] = {}
        self._dropped_until = -1.0

    def __len__(self) -> int:
        return len(self._windows)

    def note_use(self, nonce: str, count: int, issued: float, now: float) -> bool:
        """Note that `count` was used with a nonce made at `issued`. False: it was used before."""
        window = self._windows.get(nonce)
        if window is None:
            if issued <= self._dropped_until or count == 0:
                return False
            self._make_room(now)
            self._windows[nonce] = (issued, count, 1)
            return True
        _, highest, seen = window
        if count > highest:
            shift = min(count - highest, _WINDOW)
            seen = (seen << shift | 1) & (1 << _WINDOW) - 1
            self._windows[nonce] = (issued, count, seen)
            return True
        bit = highest - count
        if count == 0 or bit >= _WINDOW or seen >> bit & 1:
            return False
        self._windows[nonce] = (issued, highest, seen | 1 << bit)
        return True

    def _make_room(self, now: float) -> None:
        while self._windows:
            nonce, (issued, _, _) = next(iter(self._windows.items()))
            if now - issued <= self._nonce_s:
                if len(self._windows) < self._most:
                    return
                self._dropped_until = max(self._dropped_until, issued)
            del self._windows[nonce]


def _hashed(algorithm: str, *parts: str) -> str:
    return HASHES[algorithm](":".join(parts).encode("utf-8", "surrogateescape"))


def _is_count(answer: _Answer) -> bool:
    try:
        return len(answer.nc) == 8 and 0 <= int(answer.nc, 16) <= _MAX_COUNT
    except ValueError:
        return False


def _is_about(text: str, request: Request) -> bool:
    """Whether credentials for the URI `text` are for this request (RFC 7616 section 3.4.6).

    Proxies on the way may write another host into the Request-URI. User agents that name no user
    in the credentials mean any.
    """
    if text == request.uri.encode():
        return True
    try:
        named = parse_uri(text)
    except ParseError:
        return False
    uri = request.uri
    if not isinstance(named, SipUri) or not isinstance(uri, SipUri):
        return False
    return named.user in (None, "", uri.user)
