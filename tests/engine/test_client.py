"""The former import of the client works for one release, and warns."""

import importlib
import sys

import pytest

import ringback_client


def test_former_import_warns_and_gives_the_same_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "engine.client", raising=False)
    with pytest.warns(DeprecationWarning, match="ringback_client") as warned:
        former = importlib.import_module("engine.client")
    assert len(warned) == 1
    for name in (
        "ENDED", "Client", "ClientError", "ConnectionLost", "EngineError", "Event", "EventStream",
        "NoEngine", "NoReply", "RequestRejected",
    ):  # fmt: skip
        assert getattr(former, name) is getattr(ringback_client, name)


def test_the_warning_names_the_line_that_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "engine.client", raising=False)
    with pytest.warns(DeprecationWarning) as warned:
        from engine.client import Client  # noqa: F401
    assert warned[0].filename == __file__
