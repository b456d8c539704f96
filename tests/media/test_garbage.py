"""How seldom a process that sends packets stands still for garbage."""

import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from media import garbage
from media.streams import stream_host


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    callbacks = gc.callbacks.copy()
    yield
    gc.callbacks[:] = callbacks
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


def circle() -> "weakref.ref[Circle]":
    """Garbage, as soon as it is made."""
    one = Circle()
    one.myself = one
    return weakref.ref(one)


class Circle:
    """Refers to itself."""

    myself: "Circle"


@pytest.mark.usefixtures("as_before")
def test_what_has_been_looked_at_is_not_looked_at_again_before_nobody_talks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    garbage.collect_in_short_looks(1_000_000)
    leftovers = garbage.Leftovers()
    kept = Circle()
    kept.myself, seen = kept, weakref.ref(kept)
    gone = circle()
    gc.collect(0)
    assert gone() is None and seen() is kept
    del kept
    gc.collect()
    assert seen() is not None  # it was looked at while it was of use
    assert not leftovers.collect()
    monkeypatch.setattr(garbage, "_MANY", 1)
    assert leftovers.collect()
    assert seen() is None
    assert not leftovers.collect()


@pytest.mark.usefixtures("as_before")
def test_a_look_is_as_short_with_many_objects_as_with_few() -> None:
    garbage.collect_in_short_looks(500)
    looks: list[int] = []

    def note(phase: str, _about: dict[str, Any]) -> None:
        if phase == "start":
            looks.append(len(gc.get_objects()))

    gc.callbacks.insert(0, note)
    kept = [[number] for number in range(20_000)]
    gc.callbacks.remove(note)
    assert len(kept) == 20_000 and len(looks) > 20
    assert max(looks) < 2000


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
