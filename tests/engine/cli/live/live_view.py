"""What report.live says, made up for the tests, and the texts that the screen shows of it."""

from typing import Any

from engine.cli.live.agent_lines import Choices
from engine.cli.live.top_view import screen

NOW = 100_000.0


def agent(name: str, state: str, since: float, **more: Any) -> dict[str, Any]:
    return {"agent": name, "state": state, "since": NOW - since, "reason": None, "work": None,
            "calls": 0, "talk_s": 0.0, "queues": ["sales"]} | more  # fmt: skip


def view(agents: list[dict[str, Any]] | None = None, **engine: Any) -> dict[str, Any]:
    queue = {
        "queue": "sales", "waiting": 3, "longest_wait_s": 75.0, "expected_wait_s": 125.0,
        "offered": 40, "answered": 30, "abandoned": 4, "expired": 1, "overflowed": 2, "asa_s": 12.0,
        "paused": False, "open": True, "service_level_percent": 83.3,
    }  # fmt: skip
    empty = queue | {
        "queue": "help", "waiting": 0, "open": False, "service_level_percent": None,
        "expected_wait_s": None,
    }  # fmt: skip
    return {
        "time": NOW,
        "queues": [queue, empty],
        "agents": agents or [],
        "jobs_today": {"completed": 17, "failed": 2},
        "engine": {
            "version": "1.2.3", "uptime_s": 3700.0, "draining": False, "calls": 5, "talking": 4,
            "legs": 9, "open_jobs": 11, "media_workers": 1, "webhooks": [],
            "trunks": [{"name": "pbx", "state": "failed", "reason": "403 Forbidden"}],
            "store": {"pending": 0, "last_error": None},
        } | engine,
    }  # fmt: skip


def texts(
    view: Any, trouble: str | None, choices: Choices, *, width: int = 120, height: int = 30
) -> list[str]:
    lines = screen(view, trouble, choices, width, height)
    assert len(lines) <= height
    return ["".join(text for text, _style in line) for line in lines]
