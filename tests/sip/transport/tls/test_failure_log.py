"""What of TLS failures is logged."""

import logging

import pytest

from sip.hop import Hop
from sip.transport.tls.failure import TlsFailed
from sip.transport.tls.failure_log import TlsFailureLog

HOP = Hop("tls", "192.0.2.1", 40000)


def test_unknown_sources_get_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = TlsFailureLog(lambda: now)
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            log.log_failure(HOP, TlsFailed("not_tls"), is_known=False)
        assert len(caplog.messages) == 1
        now = 61.0
        log.log_failure(HOP, TlsFailed("closed"), is_known=False)
    assert len(caplog.messages) == 2
    assert "49 more like it" in caplog.messages[1]
    assert log.counts == {"not_tls": 50, "closed": 1}


def test_each_failure_of_a_trunk_is_told(caplog: pytest.LogCaptureFixture) -> None:
    log = TlsFailureLog(lambda: 0.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            log.log_failure(HOP, TlsFailed("certificate_expired"), is_known=True)
    assert (
        caplog.messages == ["tls:192.0.2.1:40000: " + TlsFailed("certificate_expired").reason] * 3
    )
