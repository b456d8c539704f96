"""What our own certificate says."""

import time
from pathlib import Path

import pytest

from sip.transport.tls.own_certificate import own_certificate
from tests.support.certificates import Authority


def test_names_and_times_are_read(tmp_path: Path) -> None:
    made = Authority(tmp_path).certificate("sbc.example", "192.0.2.1", to_days=10.0)
    own = own_certificate(made.cert, made.key)
    assert own is not None
    assert own.names == ("sbc.example", "192.0.2.1")
    assert own.not_after == pytest.approx(time.time() + 10 * 86_400, abs=60)
    assert own.not_before < time.time()


def test_one_that_has_expired_says_nothing_more(tmp_path: Path) -> None:
    made = Authority(tmp_path).certificate("a", to_days=-0.1)
    assert own_certificate(made.cert, made.key) is None


def test_no_certificate_says_nothing() -> None:
    assert own_certificate("missing.pem") is None
