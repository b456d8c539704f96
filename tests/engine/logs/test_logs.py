"""Logging: where it goes and what passes."""

import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from engine import logs

WAIT_S = 40.0


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    yield
    structlog.reset_defaults()


def test_json_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logs.configure("info", "json")
    structlog.get_logger().info("ready", control="run/control.sock")
    assert lines.drain(WAIT_S)
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["event"], line["level"], line["control"]) == ("ready", "info", "run/control.sock")


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logs.configure("warning", "console")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert lines.drain(WAIT_S)
    captured = capsys.readouterr().err
    assert "quiet" not in captured
    assert "loud" in captured


def test_another_level_holds_for_loggers_that_are_in_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = logs.configure("warning", "console")
    logger = structlog.get_logger()
    logger.warning("first")
    logs.set_level("debug")
    logger.debug("second")
    logs.set_level("error")
    logger.warning("third")
    assert lines.drain(WAIT_S)
    captured = capsys.readouterr().err
    assert "first" in captured
    assert "second" in captured
    assert "third" not in captured


def test_lines_that_had_no_room_are_counted_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logs.configure("info", "json")
    lines.write("x" * (1 << 20) + "\n")
    assert logs.lines_dropped() == 1
    structlog.get_logger().info("ready")
    assert lines.drain(WAIT_S)
    seen = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in seen] == ["ready", "log_lines_dropped"]
    assert seen[1]["lines"] == 1
