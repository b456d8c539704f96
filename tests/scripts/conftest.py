"""Scripts start engines whose RTP ports are their own choice: here none that tests are given."""

import pytest

from tests.support.ports import HIGHEST, MEDIA_END


@pytest.fixture(autouse=True)
def _rtp_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_MEDIA__PORTS", f"[{HIGHEST}, {MEDIA_END - 1}]")
