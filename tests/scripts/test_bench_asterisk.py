"""The comparison with Asterisk: what it says, and that it is left out in words."""

from typing import cast

import pytest

from scripts.bench import asterisk_part
from scripts.bench.asterisk_part import Turns
from scripts.bench.asterisk_process import AsteriskProcess, NoAsterisk
from scripts.bench.options import QUICK
from scripts.bench.report import Report
from scripts.load.driver import LoadPeerFailed, LoadPeerProcess


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


class _Peer:
    """Phones whose counts never change."""

    def ask(self, _what: str, **_more: object) -> dict[str, float]:
        return {"up": 0, "invite": 3, "streams": 0}


async def test_a_switch_that_does_not_bridge_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_part, "LIMIT_S", 0.0)
    monkeypatch.setattr(asterisk_part, "LOOK_S", 0.0)
    peer = cast(LoadPeerProcess, _Peer())
    reason = "Asterisk: not in 0 s: both phones of 5 callbacks were called.*'invite': 3"
    with pytest.raises(LoadPeerFailed, match=reason), asterisk_part._naming("Asterisk"):
        called = "both phones of 5 callbacks were called"
        await asterisk_part._until(peer, called, lambda stats: stats["invite"] >= 10)


def test_what_was_measured_before_one_failed_is_kept() -> None:
    report = Report()
    asterisk_part._add(report, QUICK, turns(3.0, 50.0), Turns())
    names = {item.name for item in report.figures}
    assert "CPU per callback, engine and worker" in names
    assert not any("Asterisk" in name for name in names)
    asterisk_part._add(report, QUICK, Turns(), Turns())
    assert len(report.figures) == len(names)
