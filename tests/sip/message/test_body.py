"""Which bodies are read, refused and ignored."""

import pytest

from sip.errors import ParseError
from sip.message.body import ACCEPTED_BODIES, ignore_optional_body, unsupported_body
from sip.message.message import Request
from sip.message.uri import parse_uri


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
        (invite(b"x", ("Content-Type", "text/plain")), [("Accept", ACCEPTED_BODIES)]),
        (invite(b"x", ("Content-Encoding", "gzip")), [("Accept-Encoding", "identity")]),
    ],
)
def test_what_can_be_read(request_: Request, supported: list[tuple[str, str]] | None) -> None:
    assert unsupported_body(request_) == supported


def test_a_type_that_is_none() -> None:
    with pytest.raises(ParseError, match="Content-Type"):
        unsupported_body(invite(b"x", ("Content-Type", "///")))


@pytest.mark.parametrize(
    ("disposition", "content_type", "is_kept"),
    [
        ("render; Handling = OPTIONAL", "text/plain", False),
        ("session;handling=optional", "application/sdp", True),
        ("render;handling=required", "text/plain", True),
        ("render", "text/plain", True),
        ("render;handling=optional;handling=optional", "text/plain", True),
    ],
)
def test_what_may_be_ignored(disposition: str, content_type: str, is_kept: bool) -> None:
    request = invite(b"x", ("Content-Disposition", disposition), ("Content-Type", content_type))
    ignore_optional_body(request)
    assert bool(request.body) is is_kept
    assert (request.content_type is not None) is is_kept


def test_a_digit_is_no_body_to_be_ignored() -> None:
    fields = (("Content-Disposition", "x;handling=optional"), ("Content-Type", "application/dtmf"))
    request = Request("INFO", parse_uri("sip:a@192.0.2.1"), fields, b"5")
    ignore_optional_body(request)
    assert request.body == b"5"
