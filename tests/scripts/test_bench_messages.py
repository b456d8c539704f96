"""The messages that the bench reads and writes are whole ones, no two alike."""

import random

from scripts.bench import messages_part
from scripts.bench.messages_part import HEADERS, built, read, split
from scripts.bench.options import Options
from scripts.bench.report import Report
from sip.message.message import Request
from sip.message.parser import parse


def test_an_invite_with_twelve_fields_and_a_description() -> None:
    rng = random.Random(1)
    one, other = built(1, rng), built(2, rng)
    assert one != other
    message = parse(one)
    assert isinstance(message, Request)
    assert message.method == "INVITE"
    assert len(message.headers()) + 1 == HEADERS  # Content-Length is written at last
    assert message.sdp
    read(one)
    split(one)


async def test_each_is_measured_beside_plain_string_methods() -> None:
    report = Report()
    await messages_part.run(report, Options(messages=20, messages_runs=2))
    names = [item.name for item in report.figures]
    assert names[:3] == [
        "parsed, a second",
        "parsed, with the description, a second",
        "built, a second",
    ]
    assert all(item.value > 0 for item in report.figures)
