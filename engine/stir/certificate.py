"""Certificates of those who sign calls (RFC 8226): their chain, what they may sign, and their key.

`cryptography` reads and checks them; X.509 in it is memory-safe Rust.
"""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from .verdict import VerificationFailed

MAX_CERTIFICATES: Final = 8
MAX_DEPTH: Final = 4
MAX_ENTRIES: Final = 1_000
_UNREADABLE: Final = (
    ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip
"""What reading a certificate raises where it is damaged: they have no class in common."""
TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
_SEQUENCE, _INTEGER, _IA5_STRING = 0x30, 0x02, 0x16
_SPC, _RANGE, _ONE = 0xA0, 0xA1, 0xA2


class TrustError(ValueError):
    """The trust store cannot be used."""


class SigningCertificate(NamedTuple):
    """A certificate that was checked: until when it holds (Unix seconds), and what it may sign.

    `numbers` are first and last number of ranges; None: every number of its service provider.
    """

    key: ec.EllipticCurvePublicKey
    not_after: float
    numbers: tuple[tuple[str, str], ...] | None

    def check(self, signed: bytes, signature: bytes, number: str) -> None:
        """Check an ES256 signature (RFC 7518 section 3.4) for `number`. Raises
        VerificationFailed."""
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            self.key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise VerificationFailed("signature") from None
        if self.numbers is not None and not any(
            len(first) == len(number) and first <= number <= last for first, last in self.numbers
        ):
            raise VerificationFailed("certificate_not_authorized", "the number is not in its list")


class TrustStore:
    """The issuers that are trusted: PEM files, one or all of a directory."""

    def __init__(self, roots: Sequence[x509.Certificate]) -> None:
        self._store = Store(list(roots))
        self.size = len(roots)

    @classmethod
    def read(cls, path: Path) -> "TrustStore":
        """Read a file, or every .pem, .crt and .cer of a directory. Raises TrustError."""
        roots: list[x509.Certificate] = []
        try:
            files = [path]
            if path.is_dir():
                files = [one for one in sorted(path.iterdir()) if one.suffix in _SUFFIXES]
            for file in files:
                path = file
                roots += x509.load_pem_x509_certificates(file.read_bytes())
        except OSError as error:
            raise TrustError(f"{path}: {error.strerror or error}") from error
        except _UNREADABLE as error:
            raise TrustError(f"{path}: holds no certificate in PEM") from error
        if not roots:
            raise TrustError(f"{path}: holds no certificate")
        return cls(roots)

    def check(self, pem: bytes, now: float) -> SigningCertificate:
        """The certificate that `pem` begins with, whose issuers may follow. Raises
        VerificationFailed."""
        try:
            chain = x509.load_pem_x509_certificates(pem)
        except _UNREADABLE as error:
            raise VerificationFailed("certificate_invalid", str(error)[:200]) from None
        if not 0 < len(chain) <= MAX_CERTIFICATES:
            raise VerificationFailed("certificate_invalid", f"{len(chain)} certificates")
        leaf = chain[0]
        at = datetime.datetime.fromtimestamp(now, datetime.UTC)
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(at)
            .max_chain_depth(MAX_DEPTH)
            .extension_policies(ca_policy=_OF_ISSUERS, ee_policy=_OF_SIGNERS)
            .build_client_verifier()
        )
        try:
            verified = verifier.verify(leaf, chain[1:])
            key = leaf.public_key()
            entries = leaf.extensions.get_extension_for_oid(TN_AUTH_LIST).value
        except (VerificationError, x509.ExtensionNotFound, *_UNREADABLE) as error:
            raise VerificationFailed("certificate_untrusted", str(error)[:200]) from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise VerificationFailed("certificate_invalid", "its key is not of P-256")
        assert isinstance(entries, x509.UnrecognizedExtension)
        not_after = min(one.not_valid_after_utc for one in verified.chain).timestamp()
        return SigningCertificate(key, not_after, read_tn_auth_list(entries.value))


_SUFFIXES: Final = frozenset({".pem", ".crt", ".cer"})


def _may_issue(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer may not issue")


def _may_sign(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("it may not sign")


# Certificates of RFC 8226 have neither the names nor the purposes of those of web servers.
_OF_ISSUERS: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)
)
_OF_SIGNERS: Final = ExtensionPolicy.permit_all().may_be_present(
    x509.KeyUsage, Criticality.AGNOSTIC, _may_sign
)


def read_tn_auth_list(der: bytes) -> tuple[tuple[str, str], ...] | None:
    """The numbers of a TNAuthorizationList (RFC 8226 section 9) as ranges; None where it names a
    service provider, who may sign for all of its numbers. Raises VerificationFailed."""
    ranges: list[tuple[str, str]] = []
    tag, entries = _only(der)
    if tag != _SEQUENCE:
        raise VerificationFailed("certificate_invalid", "its TNAuthList is none")
    for count, (kind, content) in enumerate(_elements(entries)):
        if kind == _SPC:
            return None
        if count >= MAX_ENTRIES:
            raise VerificationFailed("certificate_invalid", "its TNAuthList is too long")
        if kind == _ONE:
            number = _number(*_only(content))
            ranges.append((number, number))
        elif kind == _RANGE:
            tag, inner = _only(content)
            parts = list(_elements(inner))
            if tag != _SEQUENCE or [kind for kind, _ in parts] != [_IA5_STRING, _INTEGER]:
                raise VerificationFailed("certificate_invalid", "a range of its TNAuthList")
            first, size = _number(*parts[0]), int.from_bytes(parts[1][1][:8])
            if not first.isdigit():
                raise VerificationFailed("certificate_invalid", "a range of its TNAuthList")
            ranges.append((first, str(int(first) + max(size, 1) - 1).zfill(len(first))))
    return tuple(ranges)


def _number(tag: int, content: bytes) -> str:
    text = content[:16].decode("ascii", "replace")
    if tag != _IA5_STRING or not text or not set(text) <= set("0123456789#*"):
        raise VerificationFailed("certificate_invalid", "a number of its TNAuthList")
    return text


def _only(der: bytes) -> tuple[int, bytes]:
    """The one element of DER."""
    elements = list(_elements(der))
    if len(elements) != 1:
        raise VerificationFailed("certificate_invalid", "its TNAuthList is no DER")
    return elements[0]


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of DER: tag and content."""
    place = 0
    while place < len(der):
        tag, length, start = der[place], der[place + 1 : place + 2], place + 2
        size = length[0] if length else len(der)
        if size >= 0x80:
            more = size & 0x7F
            size = int.from_bytes(der[start : start + more]) if 0 < more <= 4 else len(der)
            start += more
        place = start + size
        if place > len(der):
            raise VerificationFailed("certificate_invalid", "its TNAuthList is no DER")
        yield tag, der[start:place]
