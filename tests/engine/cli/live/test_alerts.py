"""What the live screen says needs attention."""

from typing import Any

import pytest

from engine.cli.live.alerts import alerts


def alerting_view(**changed: Any) -> dict[str, Any]:
    engine = {
        "draining": False, "media_workers": 1, "webhooks": [], "trunks": [],
        "store": {"pending": 0, "last_error": None},
    }  # fmt: skip
    whole: dict[str, Any] = {"time": 1000.0, "queues": [], "agents": []}
    whole["engine"] = engine | changed.pop("engine", {})
    return whole | changed


def waiting_queue(**changed: Any) -> dict[str, Any]:
    return {"queue": "sales", "waiting": 3, "paused": False} | changed


def agent_who(state: str, queue: str = "sales") -> dict[str, Any]:
    return {"state": state, "queues": [queue]}


HOOK = {"webhook": "crm", "pending": 7, "last_error": "500", "last_error_at": 990.0}


@pytest.mark.parametrize(
    ("changed", "expected"),
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
        ({"queues": [waiting_queue()]}, "sales: 3 wait, and no agent who serves it"),
        (
            {"queues": [waiting_queue()], "agents": [agent_who("paused")]},
            "no agent who serves it is at work",
        ),
        ({"queues": [waiting_queue()], "agents": [agent_who("talking")]}, None),
        (
            {"queues": [waiting_queue()], "agents": [agent_who("talking", "help")]},
            "no agent who serves it",
        ),
        ({"queues": [waiting_queue(waiting=0)]}, None),
        (
            {
                "queues": [waiting_queue(why_waiting="c-1 waits although an agent is free: …")],
                "agents": [agent_who("available")],
            },
            "queue sales: c-1 waits although an agent is free",
        ),
        ({"queues": [waiting_queue(paused=True)], "agents": [agent_who("available")]}, "is paused"),
    ],
)
def test_alerts(changed: dict[str, Any], expected: str | None) -> None:
    found = alerts(alerting_view(**changed))
    assert len(found) == (0 if expected is None else 1)
    if expected is not None:
        assert expected in found[0]
