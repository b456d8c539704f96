"""A part of the bench that fails costs its own figures, and no other."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from scripts.bench import __main__ as bench
from scripts.bench.engine_process import EngineFailed
from scripts.bench.options import QUICK, Options
from scripts.bench.report import Report, figure


async def _good(report: Report, _options: Options) -> None:
    report.figures.append(figure("good", "ratio", "×", [1.0], target=2.0))  # noqa: RUF001


async def _bad(report: Report, _options: Options) -> None:
    report.figures.append(figure("bad", "first", "ms", [3.0]))
    raise EngineFailed("[errno] the engine did not start")


async def test_what_was_measured_is_kept_and_the_failure_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "PARTS", {"bad": _bad, "good": _good})
    console, report = Console(file=io.StringIO(), width=150), Report()
    output = tmp_path / "new" / "bench.json"
    await bench.measure(["bad", "good"], report, QUICK, console, output)
    assert [item.part for item in report.figures] == ["bad", "good"]
    assert not report.all_met
    written = json.loads(output.read_text())
    assert written["failed"] == {"bad": "EngineFailed: [errno] the engine did not start"}
    assert len(written["figures"]) == 2
    report.show(console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "not measured bad: EngineFailed: [errno] the engine did not start" in text


def test_the_exit_status_says_that_a_part_was_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "PARTS", {"bad": _bad, "good": _good})
    for part, status in (("bad", 2), ("good", 0)):
        monkeypatch.setattr("sys.argv", ["bench", part, "--output", str(tmp_path / "bench.json")])
        assert bench.main() == status
