"""Which bodies are taken as a session description."""

import pytest

from sip.body import unsupported_body
from sip.errors import ParseError
from sip.message import Request
from sip.uri import parse_uri


def invite(body: bytes, *fields: tuple[str, str]) -> Request:
    return Request("INVITE", parse_uri("sip:a@192.0.2.1"), fields, body)


@pytest.mark.parametrize(
    ("request_", "supported"),
    [
        (invite(b""), None),
        (invite(b"v=0"), None),
        (invite(b"v=0", ("Content-Type", "Application/SDP;x=y")), None),
        (invite(b"v=0", ("Content-Encoding", "identity")), None),
        (invite(b"", ("Content-Type", "text/plain")), None),
        (invite(b"x", ("Content-Type", "text/plain")), [("Accept", "application/sdp")]),
        (invite(b"x", ("Content-Encoding", "gzip")), [("Accept-Encoding", "identity")]),
    ],
)
def test_what_can_be_read(request_: Request, supported: list[tuple[str, str]] | None) -> None:
    assert unsupported_body(request_) == supported


def test_a_type_that_is_none() -> None:
    with pytest.raises(ParseError, match="Content-Type"):
        unsupported_body(invite(b"x", ("Content-Type", "///")))
