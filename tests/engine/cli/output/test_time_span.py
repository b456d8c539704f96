"""Times as people write them."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import typer

from engine.cli.output.time_span import moment_of, time_of, written, written_to

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 29, 12, 0, tzinfo=LONDON).timestamp()


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("today", at(2026, 3, 29)),
        ("yesterday", at(2026, 3, 28)),  # 24 hours before today: today has 23
        ("2026-03-30", at(2026, 3, 30)),
        ("2026-03-29T00:30", at(2026, 3, 29, 0, 30)),
        ("2026-03-29 03:30", at(2026, 3, 29, 3, 30)),
        ("2026-03-29T03:30+05:00", at(2026, 3, 28, 22, 30)),
        ("2026-03-28T22:30Z", at(2026, 3, 28, 22, 30)),
        ("-7d", NOW - 7 * 86400),
        ("+90", NOW + 90),
        ("-1.5h", NOW - 5400),
        ("-2w", NOW - 14 * 86400),
        ("1795317630.5", 1795317630.5),
    ],
)
def test_what_is_understood(text: str, moment: float) -> None:
    assert moment_of(text, NOW, LONDON) == moment


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "12", "7d", "-d", "+1y", "nan"])
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment"):
        moment_of(text, NOW, LONDON)


def test_a_moment_is_written_with_its_offset() -> None:
    assert written(NOW, LONDON) == "2026-03-29 12:00:00+01:00"
    assert written(NOW - 86400, LONDON) == "2026-03-28 11:00:00+00:00"
    assert moment_of(written(NOW, LONDON), 0.0, None) == NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [(None, None), ("1795317630.5", 1795317630.5), ("+90", 1090.0), ("+2h", 8200.0), ("4e9", 4e9)],
)
def test_time_to_come(
    monkeypatch: pytest.MonkeyPatch, text: str | None, moment: float | None
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert time_of(text) == moment


def test_time_that_cannot_be_read() -> None:
    with pytest.raises(typer.BadParameter, match="'soon' is neither Unix seconds nor") as refused:
        time_of("soon", "--deadline", "+SECONDS")
    assert refused.value.param_hint == "--deadline"


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended, written_to(None):
        raise BrokenPipeError
    assert (ended.value.exit_code, capsys.readouterr().err) == (1, "")
