"""The calls of browsers that the bench measures are real: what is said at one end comes out at the
other."""

import pytest

from scripts.bench import browsers_part
from scripts.bench.options import Options
from scripts.bench.report import Report


async def test_what_is_said_comes_out_at_the_other_end() -> None:
    report = Report()
    await browsers_part.run(report, Options(browsers=1, browsers_s=1.0))
    per_packet, share, came, *delays = report.figures
    assert per_packet.value > 0.0 and share.value > 0.0
    assert len(delays) == 3 and all(delay.value > 0.0 for delay in delays)
    assert came.value > 10.0


async def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers_part, "is_installed", lambda: False)
    report = Report()
    await browsers_part.run(report, Options())
    assert report.figures == [] and "aiortc" in report.notes[0]
