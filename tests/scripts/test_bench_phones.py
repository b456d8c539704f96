"""The part of the bench with agents whose phone is a browser, on a small scale."""

import dataclasses

import pytest

from media.webrtc_client import is_installed
from scripts.bench import phones_part
from scripts.bench.options import QUICK
from scripts.bench.report import Report


async def test_pages_are_signed_in_and_hear_of_each_change() -> None:
    if not is_installed():
        pytest.skip("aiortc is not installed (pip install 'ringback[webrtc]')")
    report = Report()
    await phones_part.run(report, dataclasses.replace(QUICK, phones=3, phones_s=0.6))
    names = [one.name for one in report.figures]
    assert [name.rpartition(", ")[2] for name in names[2:]] == ["p50", "p99", "most"]
    assert all(one.value >= 0 for one in report.figures)
