import ctypes
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from engine.routing import local_codecs
from engine.routing.local_codecs import here, missing


@pytest.fixture(autouse=True)
def looked_for_again() -> Iterator[None]:
    """The library is looked for in each test, and after the last."""
    local_codecs.missing.cache_clear()
    yield
    local_codecs.missing.cache_clear()


def test_with_libopus_every_codec_is_there() -> None:
    with patch.object(ctypes, "CDLL") as load:
        assert missing() == {}
        assert here(("opus", "PCMU")) == ("opus", "PCMU")
    assert load.call_count == 1


def test_without_libopus_there_is_no_opus_and_a_reason() -> None:
    with patch.object(ctypes, "CDLL", side_effect=OSError("not found")):
        assert missing() == {"opus": "libopus is not on this machine (Debian and Ubuntu: libopus0)"}
        assert here(("opus", "PCMU")) == ("PCMU",)
