"""The Reason header, as peers write it and as we do (RFC 3326)."""

import pytest

from sip.message.message import Response
from sip.message.reason import Reason, parse_reasons, q850_of, reason_text


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ('Q.850;cause=16;text="Terminated"', [Reason("Q.850", 16, "Terminated")]),
        ("q.850 ; cause=17", [Reason("q.850", 17)]),
        (
            'SIP;cause=200;text="Call completed elsewhere", Q.850;cause="31"',
            [Reason("SIP", 200, "Call completed elsewhere"), Reason("Q.850", 31)],
        ),
        ('X;text="a, b;c"', [Reason("X", None, "a, b;c")]),
        ("SIP;cause=99999", [Reason("SIP", None)]),
        ("", []),
        (";;;", []),
        ('SIP;text="open', []),
        ('SIP;cause=1, "open', []),
        ("SIP;cause=1;cause=2", []),
    ],
)
def test_reading(text: str, reasons: list[Reason]) -> None:
    assert parse_reasons(text) == reasons


def test_writing() -> None:
    assert Reason("Q.850", 16, 'a "b"').encode() == 'Q.850;cause=16;text="a \\"b\\""'
    assert Reason("SIP", None).encode() == "SIP"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (None, None),
        ("SIP;cause=486", None),
        ("SIP;cause=486,Q.850;cause=17", 17),
        ("Q.850;cause=145", 17),  # with the extension bit
    ],
)
def test_the_q850_cause(text: str | None, cause: int | None) -> None:
    assert q850_of(text) == cause


def test_several_fields() -> None:
    response = Response(480, None, [("Reason", "SIP;cause=480"), ("Reason", "Q.850;cause=20")])
    assert reason_text(response) == "SIP;cause=480, Q.850;cause=20"
    assert reason_text(Response(480)) is None
