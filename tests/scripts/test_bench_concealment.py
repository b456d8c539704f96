"""What the bench says of lost packets: scores of both ways, or why nothing is judged."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from scripts.bench import concealment_part
from scripts.bench.options import Options
from scripts.bench.report import Report


def judged(_rate_hz: int, said: Any, heard: Any, _mode: str) -> float:
    """Stands in for PESQ: the nearer to what was said, the better."""
    return 4.5 - float(np.mean(np.abs(said.astype(float) - heard.astype(float)))) / 1000


async def test_both_ways_are_judged_side_by_side() -> None:
    report = Report()
    judge = SimpleNamespace(pesq=judged)
    with patch("scripts.bench.concealment_part.importlib.import_module", lambda _name: judge):
        await concealment_part.run(report, Options(concealment_seeds=1))
    repeated, concealed = report.figures
    assert repeated.target is None
    assert concealed.target == repeated.value
    assert 1.0 < repeated.value < 4.5


async def test_without_the_judge_it_says_so() -> None:
    report = Report()

    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name}")

    with patch("scripts.bench.concealment_part.importlib.import_module", missing):
        await concealment_part.run(report, Options())
    assert report.figures == []
    assert report.notes == ["concealment at 5 % random loss: not judged: No module named pesq"]
