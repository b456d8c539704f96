"""What is told to look at, and what is not."""

from typing import Any

import pytest

from engine.cli.alerts import alerts


def view(**changed: Any) -> dict[str, Any]:
    engine = {
        "draining": False, "media_workers": 1, "webhooks": [], "trunks": [],
        "store": {"pending": 0, "last_error": None},
    }  # fmt: skip
    whole: dict[str, Any] = {"time": 1000.0, "queues": [], "agents": []}
    whole["engine"] = engine | changed.pop("engine", {})
    return whole | changed


def queue(**changed: Any) -> dict[str, Any]:
    return {"queue": "sales", "waiting": 3, "paused": False} | changed


def agent(state: str, queue: str = "sales") -> dict[str, Any]:
    return {"state": state, "queues": [queue]}


HOOK = {"webhook": "crm", "pending": 7, "last_error": "500", "last_error_at": 990.0}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"engine": {"draining": True}}, "draining"),
        ({"engine": {"media_workers": 0}}, "no media worker runs"),
        ({"engine": {"trunks": [{"name": "pbx", "state": "failed", "reason": "403"}]}}, "403"),
        ({"engine": {"trunks": [{"name": "pbx", "state": "registered", "reason": None}]}}, None),
        ({"engine": {"store": {"pending": 20_000, "last_error": None}}}, "is behind: 20000"),
        ({"engine": {"store": {"last_error": {"time": 990.0, "message": "full"}}}}, "full"),
        ({"engine": {"store": {"last_error": {"time": 900.0, "message": "full"}}}}, None),
        ({"engine": {"webhooks": [HOOK]}}, "webhook crm: 7 wait; 500"),
        ({"engine": {"webhooks": [HOOK | {"pending": 0}]}}, None),
        ({"queues": [queue()]}, "sales: 3 wait, and no agent who serves it"),
        ({"queues": [queue()], "agents": [agent("paused")]}, "no agent who serves it is at work"),
        ({"queues": [queue()], "agents": [agent("talking")]}, None),
        ({"queues": [queue()], "agents": [agent("talking", "help")]}, "no agent who serves it"),
        ({"queues": [queue(waiting=0)]}, None),
        ({"queues": [queue(paused=True)], "agents": [agent("available")]}, "is paused"),
    ],
)
def test_alerts(changed: dict[str, Any], told: str | None) -> None:
    found = alerts(view(**changed))
    assert len(found) == (0 if told is None else 1)
    if told is not None:
        assert told in found[0]
