"""Logging: where it goes and what passes."""

import json
from collections.abc import Iterator

import pytest
import structlog

from engine import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_json_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    structlog.get_logger().info("ready", control="run/control.sock")
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["event"], line["level"], line["control"]) == ("ready", "info", "run/control.sock")


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "console")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    captured = capsys.readouterr().err
    assert "quiet" not in captured
    assert "loud" in captured


def test_another_level_holds_for_loggers_that_are_in_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("warning", "console")
    logger = structlog.get_logger()
    logger.warning("first")
    logs.set_level("debug")
    logger.debug("second")
    logs.set_level("error")
    logger.warning("third")
    captured = capsys.readouterr().err
    assert "first" in captured
    assert "second" in captured
    assert "third" not in captured
