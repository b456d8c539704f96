"""How seldom a process that sends packets stands still for garbage."""

import gc
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from media import garbage
from media.streams import stream_host


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("as_before")
def test_what_is_there_is_not_looked_at_again() -> None:
    circle: list[object] = []
    circle.append(circle)
    garbage.collect_seldom(12_345)
    assert gc.get_threshold()[0] == 12_345
    assert not any(one is circle for one in gc.get_objects())
    assert gc.get_freeze_count() > 0


@pytest.mark.usefixtures("as_before")
def test_the_stream_host_does_not_look_at_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []
    for name in ("signal", "never_wait_for_stderr", "ctypes", "priority", "socket", "serve"):
        monkeypatch.setattr(stream_host, name, MagicMock())
    resource = MagicMock()
    resource.getrlimit.return_value = (1, 1)
    monkeypatch.setattr(stream_host, "resource", resource)
    runner = SimpleNamespace(run=lambda _coroutine: frozen.append(gc.get_freeze_count()))
    monkeypatch.setattr(stream_host, "uvloop", runner)
    stream_host.main()
    assert frozen[0] > 0
