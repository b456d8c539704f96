"""When an alert is raised and cleared, what its event says, and what its command gets."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from config.alerts import Alert
from engine.reports import alerts
from engine.reports.alerts import Alerts, AlertWatch
from tests.support.waiting import until

LONG = Alert(name="long", figure="longest_wait_s", above=60.0, for_s=10.0)
EMPTY = Alert(name="empty", figure="agents_available", below=1)


class Now:
    """What the figures are, and what was published."""

    def __init__(self, *alerts: Alert) -> None:
        self.queues: list[dict[str, Any]] = []
        self.engine: dict[str, Any] = {"agents_available": 5}
        self.published: list[dict[str, Any]] = []
        self.alerts = Alerts(alerts, self, queues=lambda: self.queues, engine=lambda: self.engine)

    def publish(self, type: str, **fields: Any) -> object:
        self.published.append({"type": type, **fields})
        return None

    def waits(self, seconds: float | None, queue: str = "sales") -> None:
        self.queues = [{"queue": queue, "longest_wait_s": seconds}]


def seen(now: Now) -> list[tuple[str, str | None]]:
    return [(event["type"], event["queue"]) for event in now.published]


def test_a_figure_has_to_be_past_its_threshold_for_the_whole_time() -> None:
    now = Now(LONG)
    for moment, waited_s in ((0, 61.0), (9, 70.0), (9.5, 60.0), (10, 61.0), (19, 70.0)):
        now.waits(waited_s)
        now.alerts.look(moment)
    assert seen(now) == []
    now.alerts.look(20)
    assert now.published == [
        {
            "type": "alert.raised", "alert": "long", "figure": "longest_wait_s", "queue": "sales",
            "value": 70.0, "threshold": 60.0, "since_s": 10.0,
        }
    ]  # fmt: skip


def test_it_is_published_once_and_once_more_when_it_is_over() -> None:
    now = Now(LONG)
    now.waits(99.0)
    for moment in range(0, 100, 5):
        now.alerts.look(moment)
    assert now.alerts.raised() == [{"alert": "long", "queue": "sales"}]
    now.waits(3.0)
    now.alerts.look(100)
    now.alerts.look(105)
    assert seen(now) == [("alert.raised", "sales"), ("alert.cleared", "sales")]
    assert now.published[1]["since_s"] == 100.0
    assert now.alerts.raised() == []


def test_each_queue_is_looked_at_by_itself_unless_one_is_named() -> None:
    every = LONG.model_copy(update={"for_s": 0.0})
    one = every.model_copy(update={"name": "help only", "queue": "help"})
    now = Now(every, one)
    now.queues = [
        {"queue": "sales", "longest_wait_s": 99.0},
        {"queue": "help", "longest_wait_s": 99.0},
        {"queue": "quiet", "longest_wait_s": 0.0},
    ]
    now.alerts.look(0)
    raised = sorted((event["alert"], event["queue"]) for event in now.published)
    assert raised == [("help only", "help"), ("long", "help"), ("long", "sales")]


def test_a_figure_of_the_engine_may_be_too_low() -> None:
    now = Now(EMPTY)
    now.alerts.look(0)
    now.engine["agents_available"] = 0
    now.alerts.look(1)
    assert [(event["alert"], event["value"]) for event in now.published] == [("empty", 0)]


def test_a_figure_that_there_is_not_raises_nothing() -> None:
    low = Alert(name="level", figure="service_level_percent", below=80.0)
    now = Now(low)
    now.queues = [{"queue": "sales", "service_level_percent": None}]
    now.alerts.look(0)
    assert seen(now) == []


def test_an_alert_that_stays_as_it_is_keeps_its_state_over_a_reload() -> None:
    watch = AlertWatch([EMPTY, LONG])
    watch.look([], {"agents_available": 0}, 0.0)
    watch.configure([EMPTY])
    assert watch.look([], {"agents_available": 0}, 1.0) == []
    changed = EMPTY.model_copy(update={"below": 2.0})
    watch.configure([changed])
    assert [one.kind for one in watch.look([], {"agents_available": 1}, 2.0)] == ["raised"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"figure": "waiting"}, "give one of above and below"),
        ({"figure": "waiting", "above": 1.0, "below": 2.0}, "give one of above and below"),
        ({"figure": "calls", "above": 1.0, "queue": "sales"}, "not a figure of a queue"),
        ({"figure": "calls", "above": 1.0, "command": ["page"]}, "not the full path"),
    ],
)
def test_what_an_alert_must_say(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Alert(name="x", **keys)


async def test_the_command_gets_the_event_on_its_input(tmp_path: Path) -> None:
    program, heard = tmp_path / "page", tmp_path / "heard"
    os.mkfifo(heard)
    program.write_text(f"#!/bin/sh\ncat > {heard}\n")
    program.chmod(0o755)
    alert = EMPTY.model_copy(update={"command": [str(program)]})
    now = Now(alert)
    now.engine["agents_available"] = 0
    now.alerts.look(0)
    text = await asyncio.to_thread(heard.read_text)
    await now.alerts.stop()
    assert json.loads(text) == {
        "type": "alert.raised", "alert": "empty", "figure": "agents_available", "queue": None,
        "value": 0, "threshold": 1.0, "since_s": 0.0,
    }  # fmt: skip


async def logged_of_command(
    capsys: pytest.CaptureFixture[str], *command: str, count: int = 1
) -> str:
    """What the log says once the command of an alert, raised `count` times, has ended."""
    raised = (
        EMPTY.model_copy(update={"name": f"a{n}", "command": list(command)}) for n in range(count)
    )
    now = Now(*raised)
    now.engine["agents_available"] = 0
    now.alerts.look(0)
    await until(lambda: not now.alerts._commands)
    await now.alerts.stop()
    assert [event["type"] for event in now.published] == ["alert.raised"] * count
    return capsys.readouterr().out


async def test_a_command_that_is_not_there_costs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = await logged_of_command(capsys, str(tmp_path / "none"))
    assert "alert_command_failed" in logged and "No such file" in logged


async def test_a_command_that_fails_is_logged_with_its_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "status=7" in await logged_of_command(capsys, "/bin/sh", "-c", "exit 7")


async def test_a_command_is_told_none_of_the_engines_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_CONTROL__TOKEN", "s3cret")
    monkeypatch.setenv("HOME", "/var/lib/pages")
    look = '[ "$HOME" = /var/lib/pages ] && exit $((7 + ${#RINGBACK_CONTROL__TOKEN}))'
    assert "status=7" in await logged_of_command(capsys, "/bin/sh", "-c", look)


async def test_a_command_that_takes_too_long_is_killed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "COMMAND_LIMIT_S", 0.05)
    assert "took too long" in await logged_of_command(capsys, "/bin/sleep", "600")


async def test_what_such_a_command_has_started_is_killed_with_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)

    def is_let_go() -> bool:
        try:
            return os.read(reader, 1) == b""
        except BlockingIOError:  # somebody has it open
            return False

    monkeypatch.setattr(alerts, "COMMAND_LIMIT_S", 0.3)
    start = f"exec 3>{held}; sleep 600 & sleep 600"
    assert "took too long" in await logged_of_command(capsys, "/bin/sh", "-c", start)
    await until(is_let_go)
    os.close(reader)


async def test_commands_beyond_the_most_at_once_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MOST_COMMANDS", 1)
    assert "alert_command_left_out" in await logged_of_command(capsys, "/bin/true", count=2)
