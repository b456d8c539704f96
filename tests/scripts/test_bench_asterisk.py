"""The comparison with Asterisk: what it says, and that it is left out in words."""

import pytest

from scripts.bench import asterisk_part
from scripts.bench.asterisk_part import Turns
from scripts.bench.asterisk_process import AsteriskProcess, NoAsterisk
from scripts.bench.options import QUICK
from scripts.bench.report import Report


def turns(setup_ms: float, talk_percent: float) -> Turns:
    return Turns([setup_ms], [1.0], [2.0], [talk_percent], [0.5], [1.5], [0.0])


def test_both_are_reported_and_how_they_compare() -> None:
    report = Report()
    asterisk_part._add(report, QUICK, turns(3.0, 50.0), turns(6.0, 200.0))
    ratios = [item.value for item in report.figures if item.name == "engine : Asterisk"]
    assert ratios == [0.5, 0.25]
    assert report.all_met


async def test_it_is_left_out_in_words_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ASTERISK", raising=False)
    monkeypatch.setenv("PATH", "")
    report = Report()
    await asterisk_part.run(report, QUICK)
    assert not report.figures
    (note,) = report.notes
    assert "skipped: there is no asterisk" in note


async def test_one_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTERISK", "/bin/false")
    with pytest.raises(NoAsterisk, match="did not start"):
        async with AsteriskProcess("127.0.0.1:5"):
            pass
