"""What our own certificate says: whose it is, and until when it is valid."""

import contextlib
import ssl
from dataclasses import dataclass

from .certificate import Certificate, names_of


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """The names of a certificate, and the Unix times from and until which it is valid."""

    names: tuple[str, ...]
    not_before: float
    not_after: float


def own_certificate(cert: str, key: str = "") -> OwnCertificate | None:
    """What the certificate in the file `cert` says; None where it cannot be told, or has expired.

    The library tells it of a peer's certificate that it has verified. So two ends shake hands in
    memory, and one shows it to the other, who trusts nothing else.
    """
    shown = _shown(cert, key)
    if not shown:
        return None
    return OwnCertificate(
        names_of(shown),
        float(ssl.cert_time_to_seconds(shown["notBefore"])),
        float(ssl.cert_time_to_seconds(shown["notAfter"])),
    )


def _shown(cert: str, key: str) -> Certificate:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with contextlib.suppress(ssl.SSLError, OSError):
        server.load_cert_chain(cert, key or None, password=lambda: "")
        client.load_verify_locations(cert)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = (
            client.wrap_bio(to_client, to_server),
            server.wrap_bio(to_server, to_client, server_side=True),
        )
        for _ in range(4):
            for end in ends:
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return ends[0].getpeercert() or {}
    return {}
