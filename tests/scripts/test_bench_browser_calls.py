"""The calls of browsers through the whole engine that the bench measures: both ends are heard."""

import pytest

from media.webrtc_client import is_installed
from scripts.bench import browser_calls_part
from scripts.bench.options import Options
from scripts.bench.report import Report


async def test_what_is_said_comes_out_at_the_other_end() -> None:
    if not is_installed():
        pytest.skip("aiortc is not installed (pip install 'ringback[webrtc]')")
    report = Report()
    await browser_calls_part.run(report, Options(browsers=2, browsers_s=1.0))
    worker, web_rtc, came, *delays = report.figures
    assert worker.value >= 0.0 and web_rtc.value >= 0.0
    assert len(delays) == 3 and all(delay.value > 0.0 for delay in delays)
    assert came.value > 60.0  # of all four streams


async def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_calls_part, "is_installed", lambda: False)
    report = Report()
    await browser_calls_part.run(report, Options())
    assert report.figures == [] and "aiortc" in report.notes[0]
