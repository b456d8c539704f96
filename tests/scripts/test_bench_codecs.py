"""What the bench says of calls between codecs: shares of a core, or why there is none."""

from unittest.mock import patch

from scripts.bench import codecs_part
from scripts.bench.options import Options
from scripts.bench.report import Report

BRIEF = Options(codec_calls=1, codec_runs=1, codec_s=0.1)


async def test_each_pair_is_measured_or_not_in_words() -> None:
    report = Report()
    with patch.object(codecs_part, "SETTLE_FRAMES", 5):
        await codecs_part.run(report, BRIEF)
    names = [item.name for item in report.figures]
    assert names[:3] == [
        "PCMU, PCMU: of a core for each call",
        "PCMU, PCMA: of a core for each call",
        "PCMU, G722: of a core for each call",
    ]
    assert all(item.value > 0 for item in report.figures)
    assert len(report.figures) + len(report.notes) == 4


async def test_a_codec_that_is_not_here_is_noted() -> None:
    report = Report()
    with (
        patch.object(codecs_part, "SETTLE_FRAMES", 1),
        patch.object(codecs_part, "PAIRS", codecs_part.PAIRS[3:]),
        patch.object(codecs_part, "unavailable", lambda: {"opus": "no libopus"}),
    ):
        await codecs_part.run(report, BRIEF)
    assert report.figures == []
    assert report.notes == ["codecs: PCMU, opus: of a core for each call: not measured: no libopus"]
