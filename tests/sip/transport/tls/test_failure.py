"""The words for what goes wrong with TLS. Those of real handshakes are in test_tls.py."""

import ssl

import pytest

from sip.transport.tls.failure import failure_of


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("NO_SHARED_CIPHER", "ciphers"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "version"),
        ("TLSV1_ALERT_UNKNOWN_CA", "certificate_refused"),
        ("WRONG_VERSION_NUMBER", "not_tls"),
        ("SOMETHING_NEW", "handshake_failed"),
    ],
)
def test_reasons_of_the_library_become_words(reason: str, word: str) -> None:
    error = ssl.SSLError(1, "text")
    error.reason = reason
    failure = failure_of(error)
    assert failure.word == word
    assert failure.reason.endswith(f"({reason.replace('_', ' ').lower()})")


@pytest.mark.parametrize("kind", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_a_peer_that_closes_in_the_handshake(kind: type[ssl.SSLError]) -> None:
    assert failure_of(kind(8, "EOF occurred in violation of protocol")).word == "closed"
