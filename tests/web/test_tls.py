"""The certificate of the gateway, which may be renewed while it runs."""

from pathlib import Path

import pytest

from tests.support.certificates import Authority
from web.tls import Certificate


def test_files_that_are_no_certificate_are_refused_at_the_start(tmp_path: Path) -> None:
    files = Authority(tmp_path).certificate("127.0.0.1")
    with pytest.raises(FileNotFoundError):
        Certificate(str(tmp_path / "none.pem"), files.key)
    with pytest.raises(OSError):
        Certificate(files.key, files.key)


def test_what_is_read_again_holds_from_then_on_unless_it_is_none(tmp_path: Path) -> None:
    files = Authority(tmp_path).certificate("127.0.0.1")
    under_test = Certificate(files.cert, files.key)
    first = under_test.context()
    under_test.read_again()
    second = under_test.context()
    assert second is not first
    Path(files.key).unlink()
    under_test.read_again()
    assert under_test.context() is second
