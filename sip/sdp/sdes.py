"""Keys for SRTP in SDP: the a=crypto attribute (SDES, RFC 4568; AES-GCM, RFC 7714).

Each side says the key with which it protects what it sends. The answer selects one of the offered
attributes by its tag and suite. A line that asks for what we lack (an MKI, several keys, a key
derivation rate, unprotected streams) is passed over, as section 5.1.2 requires.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from ..errors import NegotiationFailed
from .description import MediaDescription

SrtpPolicy = Literal["off", "offered", "required"]
"""`off`: never. `offered`: where the peer has it too. `required`: no call without it."""

SUITES: Final[dict[str, int]] = {
    "AEAD_AES_256_GCM": 44,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""The bytes of master key and master salt by suite, in the order in which they are offered."""

PLAIN: Final = ("RTP/AVP", "RTP/AVPF")
SECURE: Final = ("RTP/SAVP", "RTP/SAVPF")

# inline:KEY|LIFETIME, where the lifetime is a number of packets or a power of two. An MKI is
# KEY|LIFETIME|MKI:LENGTH or KEY|MKI:LENGTH.
_is_inline = re.compile(r"inline:([A-Za-z0-9+/=]+)(?:\|(2\^[0-9]{1,2}|[0-9]{1,15}))?\Z", re.I).match
# Session parameters that change nothing for us: the replay window, and the order of FEC.
_is_harmless = re.compile(r"(?:WSH=[0-9]{1,9}|KDR=0|-.*)\Z", re.I).match


class CryptoAttribute(msgspec.Struct, frozen=True, gc=False):
    """One a=crypto line that we can use. `key` is the master key and the master salt."""

    tag: int
    suite: str
    key: bytes

    def encode(self) -> str:
        """The value of the attribute."""
        return f"{self.tag} {self.suite} inline:{b64encode(self.key).decode()}"

    def __repr__(self) -> str:
        """Without the key, so that no log can have it."""
        return f"CryptoAttribute(tag={self.tag}, suite={self.suite!r})"


class SrtpKeys(msgspec.Struct, frozen=True, gc=False):
    """What protects one audio stream: the suite, our key and the peer's."""

    suite: str
    sent: bytes
    received: bytes

    def __repr__(self) -> str:
        """Without the keys, so that no log can have them."""
        return f"SrtpKeys(suite={self.suite!r})"


class LocalKeys(msgspec.Struct, frozen=True):
    """Our own key for each suite, the same for the life of a leg.

    A stream keeps its key over a re-INVITE, and so its packet index goes on (section 7.1.4).
    """

    keys: dict[str, bytes]

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> LocalKeys:
        """New keys, from a source of random bytes that nobody can guess."""
        return cls({suite: random_bytes(length) for suite, length in SUITES.items()})

    def offered(self) -> list[CryptoAttribute]:
        """One attribute for each suite, the best one first."""
        return [
            CryptoAttribute(tag, suite, key)
            for tag, (suite, key) in enumerate(self.keys.items(), start=1)
        ]

    def __repr__(self) -> str:
        """Without the keys, so that no log can have them."""
        return f"LocalKeys({', '.join(self.keys)})"


def crypto_attributes(media: MediaDescription) -> Iterator[CryptoAttribute]:
    """The a=crypto lines of a stream that we can use, in their order."""
    for name, value in media.attributes:
        if name == "crypto" and value:
            attribute = parse_crypto(value)
            if attribute is not None:
                yield attribute


def parse_crypto(value: str) -> CryptoAttribute | None:
    """Read the value of an a=crypto line; None where it is malformed or asks for what we lack."""
    words = value.split()
    if len(words) < 3:
        return None
    tag, suite, inline, *parameters = words
    suite = suite.upper()
    found = _is_inline(inline)
    is_tag = tag.isascii() and tag.isdigit() and len(tag) <= 9
    if not is_tag or found is None or not all(map(_is_harmless, parameters)):
        return None
    try:
        key = b64decode(found[1], validate=True)
    except (Base64Error, ValueError):
        return None
    if len(key) != SUITES.get(suite):
        return None
    return CryptoAttribute(int(tag), suite, key)


def select(
    media: MediaDescription, keys: LocalKeys, policy: SrtpPolicy
) -> tuple[CryptoAttribute, SrtpKeys] | None:
    """What answers the crypto of an offered stream, and the keys agreed; None for plain RTP.

    The first line of the offer that we can use is taken: their order is the peer's preference.
    Raises NegotiationFailed where the stream cannot be taken by this policy.
    """
    is_secure = media.protocol in SECURE
    if policy == "off":
        if is_secure:
            reason = f"audio is offered over {media.protocol}, and SRTP is off here"
            raise NegotiationFailed(reason, 302)
        return None
    for theirs in crypto_attributes(media):
        ours = CryptoAttribute(theirs.tag, theirs.suite, keys.keys[theirs.suite])
        return ours, SrtpKeys(theirs.suite, sent=ours.key, received=theirs.key)
    if is_secure:
        raise NegotiationFailed("no SRTP suite in common", 306)
    if policy == "required":
        raise NegotiationFailed("audio is offered without SRTP, which is required here", 302)
    return None


def agreed(
    media: MediaDescription, offered: Sequence[CryptoAttribute], policy: SrtpPolicy
) -> SrtpKeys | None:
    """The keys that an answer agrees to; None for plain RTP.

    Raises NegotiationFailed where the answer selects nothing that was offered, or does without
    SRTP although it is required.
    """
    if not offered:
        return None
    has_crypto = False
    for theirs in crypto_attributes(media):
        has_crypto = True
        for ours in offered:
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
                return SrtpKeys(ours.suite, sent=ours.key, received=theirs.key)
    if has_crypto or media.attribute("crypto") is not None:
        raise NegotiationFailed("the answer selects no SRTP key that was offered")
    if policy == "required" or media.protocol in SECURE:
        raise NegotiationFailed("the answer has no SRTP key")
    return None
