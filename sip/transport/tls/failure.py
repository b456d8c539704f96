"""Why a TLS connection could not be made: one word of a fixed list, and a sentence."""

import ssl
from typing import Final, Literal

from ...errors import SipError

TlsWord = Literal[
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_unknown_issuer",
    "certificate_wrong_name",
    "certificate_wrong_purpose",
    "certificate_invalid",
    "certificate_missing",
    "certificate_refused",
    "not_tls",
    "version",
    "ciphers",
    "alpn",
    "handshake_timeout",
    "handshake_failed",
    "closed",
]

# Those of X509_verify_cert (OpenSSL's x509_vfy.h).
_BY_VERIFY_CODE: Final[dict[int, TlsWord]] = {
    2: "certificate_unknown_issuer",
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_unknown_issuer",
    19: "certificate_unknown_issuer",
    20: "certificate_unknown_issuer",
    21: "certificate_unknown_issuer",
    26: "certificate_wrong_purpose",
    27: "certificate_unknown_issuer",
}

# OpenSSL's reasons. An ALERT is what the peer says of us.
_BY_REASON: Final[dict[str, TlsWord]] = {
    "WRONG_VERSION_NUMBER": "not_tls",
    "HTTP_REQUEST": "not_tls",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "NO_PROTOCOLS_AVAILABLE": "version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "version",
    "NO_SHARED_CIPHER": "ciphers",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "ciphers",
    "NO_COMMON_SIGNATURE_ALGORITHMS": "ciphers",
    "NO_SUITABLE_KEY_SHARE": "ciphers",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "ciphers",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "ciphers",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "certificate_missing",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "certificate_refused",
    "TLSV1_ALERT_UNKNOWN_CA": "certificate_refused",
    "TLSV1_ALERT_ACCESS_DENIED": "certificate_refused",
    "SSLV3_ALERT_BAD_CERTIFICATE": "certificate_refused",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "certificate_refused",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "alpn",
    "NO_APPLICATION_PROTOCOL": "alpn",
}

_SENTENCES: Final[dict[TlsWord, str]] = {
    "certificate_expired": "the peer's certificate has expired",
    "certificate_not_yet_valid": "the peer's certificate is not valid yet",
    "certificate_unknown_issuer": "the peer's certificate is of no issuer that we trust",
    "certificate_wrong_name": "the peer's certificate is of another name",
    "certificate_wrong_purpose": "the peer's certificate may not be used for this",
    "certificate_invalid": "the peer's certificate is not valid",
    "certificate_missing": "the peer has shown no certificate",
    "certificate_refused": "the peer does not accept our certificate, or wants one",
    "not_tls": "the peer does not speak TLS there",
    "version": "no version of TLS that both accept",
    "ciphers": "no cipher that both accept",
    "alpn": "the peer accepts no ALPN protocol of ours",
    "handshake_timeout": "the handshake was not completed in time",
    "handshake_failed": "the handshake failed",
    "closed": "the peer closed the connection in the handshake",
}


class TlsFailed(SipError):
    """A TLS connection that cannot be used. `word` is for programs, `reason` for people."""

    def __init__(self, word: TlsWord, detail: str = "") -> None:
        sentence = _SENTENCES[word]
        super().__init__(f"tls {word}: {sentence}{f' ({detail})' if detail else ''}")
        self.word = word


def failure_of(error: ssl.SSLError) -> TlsFailed:
    """What an error of the TLS library means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        word = _BY_VERIFY_CODE.get(error.verify_code, "certificate_invalid")
        return TlsFailed(word, error.verify_message)
    reason: str = getattr(error, "reason", None) or ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return TlsFailed("closed")
    detail = reason.replace("_", " ").lower()
    return TlsFailed(_BY_REASON.get(reason, "handshake_failed"), detail)
