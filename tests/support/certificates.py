"""Certificates for tests: an authority of the test's own, and what it has signed."""

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sip.transport.tls.contexts import TlsFiles

DAY = datetime.timedelta(days=1)
_KEY_USAGES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def alternative(text: str) -> x509.GeneralName:
    """A name for a certificate: an IP address, a `sip:` URI, or a DNS name."""
    if text.startswith(("sip:", "sips:", "https:")):
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one certificate: itself, its key, and the authority that it is of."""

    cert: str
    key: str
    ca: str

    @property
    def files(self) -> TlsFiles:
        """As the SIP endpoint takes them."""
        return TlsFiles(self.cert, self.key, self.ca)

    def server_context(self, *, verify_client: bool = False) -> ssl.SSLContext:
        """A peer of the test that others connect to."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if verify_client:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self, *, shows: bool = True) -> ssl.SSLContext:
        """A peer of the test that connects; `shows`: with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.ca)
        if shows:
            context.load_cert_chain(self.cert, self.key)
        return context


class Authority:
    """Signs certificates and writes them to `directory`."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        own = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * DAY)
            .not_valid_after(now + 400 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        self._made = 0

    def certificate(
        self,
        *names: str,
        common_name: str = "test",
        from_days: float = -1.0,
        to_days: float = 90.0,
        usages: Sequence[x509.ObjectIdentifier] = _KEY_USAGES,
    ) -> Certificate:
        """One of these names, valid from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + from_days * DAY)
            .not_valid_after(now + to_days * DAY)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False
            )
        self._made += 1
        cert = self._directory / f"cert-{self._made}.pem"
        cert_key = self._directory / f"key-{self._made}.pem"
        signed = builder.sign(self._key, hashes.SHA256())
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        cert_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        cert_key.chmod(0o600)
        return Certificate(str(cert), str(cert_key), str(self.ca))
