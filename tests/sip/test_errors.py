from __future__ import annotations

import pytest

from sip.errors import ChallengeRefused, NegotiationFailed, ParseError, SipError


@pytest.mark.parametrize("kind", [SipError, ParseError, NegotiationFailed, ChallengeRefused])
def test_every_error_says_why(kind: type[SipError]) -> None:
    error = kind("the reason")
    assert isinstance(error, SipError)
    assert error.reason == str(error) == "the reason"


def test_reason_is_fit_for_logs_and_json() -> None:
    assert SipError("caf\udce9 й").reason == "caf? й"


def test_parse_error_says_which_response_is_due() -> None:
    assert ParseError("x").status == 400
    assert ParseError("x", 505).status == 505
