"""A PKI for tests that signs calls as carriers do (STIR/SHAKEN)."""

import datetime
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from engine.stir.certificate import TN_AUTH_LIST

NOW: Final = 1_800_000_000.0
URL: Final = "https://certs.carrier.example/709J.pem"
CALLER, SHOP = "442079461111", "442079460000"
SPC: Final = bytes.fromhex("3008a006160437303941")
"""A TNAuthList with the service provider code 709A."""

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str,
    key: Any,
    issuer: x509.Certificate | None = None,
    issuer_key: Any = None,
    *,
    is_issuer: bool = False,
    path_length: int | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    days: tuple[float, float] = (-1, 30),
    now: float = NOW,
) -> x509.Certificate:
    """A certificate of `issuer`, or of itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at + datetime.timedelta(days=days[0]))
        .not_valid_after(at + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(is_issuer, path_length), critical=True)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(issuer_key or key, hashes.SHA256())


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Certificates in one PEM file."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def tn_auth_list(der: bytes = SPC) -> tuple[x509.ExtensionType, bool]:
    """The extension that says which numbers a certificate is for."""
    return x509.UnrecognizedExtension(TN_AUTH_LIST, der), False


class Carrier:
    """A root, an issuer below it, and a certificate that signs calls. `now` is its time."""

    def __init__(self, now: float = NOW) -> None:
        self.root_key, self.issuer_key, self.key = new_key(), new_key(), new_key()
        self.now = now
        self.root = certificate("STI Root", self.root_key, is_issuer=True, now=now)
        self.issuer = certificate(
            "STI Issuer", self.issuer_key, self.root, self.root_key, is_issuer=True, now=now
        )
        self.certificate = self.signer()

    def signer(self, *, der: bytes | None = SPC, **more: Any) -> x509.Certificate:
        """A certificate of its key that may sign."""
        more.setdefault("extensions", [] if der is None else [tn_auth_list(der)])
        more.setdefault("now", self.now)
        return certificate("SHAKEN 709A", self.key, self.issuer, self.issuer_key, **more)

    @property
    def pem(self) -> bytes:
        """What is at its URL: its certificate, and the issuer's."""
        return pem_of(self.certificate, self.issuer)

    def identity(self, *, key: Key | None = None, **changes: Any) -> str:
        """The value of Identity for a call. `changes` are of the claims or of the header."""
        header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
        claims: dict[str, Any] = {
            "attest": "A",
            "dest": {"tn": [SHOP]},
            "iat": int(self.now),
            "orig": {"tn": CALLER},
            "origid": "2e4c9c2a-7d3c-4f4a-8a43-0a4b4a6c0001",
        }
        for name, value in changes.items():
            target = header if name in header else claims
            if value is None:
                target.pop(name, None)
            else:
                target[name] = value
        url = header.get("x5u", URL)
        token = signed_token(header, claims, key or self.key)
        return f"{token};info=<{url}>;alg=ES256;ppt=shaken"


def signed_token(header: Any, claims: Any, key: Key) -> str:
    """A JWT, signed with ES256."""
    signed = f"{encoded(msgspec.json.encode(header))}.{encoded(msgspec.json.encode(claims))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
