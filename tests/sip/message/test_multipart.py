"""Bodies of several parts: which are told apart, and which session description is used."""

import base64

import pytest

from sip.errors import ParseError
from sip.message.message import Request
from sip.message.multipart import MOST_PARTS, parse_multipart, sdp_of
from sip.message.uri import parse_uri

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\n"
ISUP = bytes(range(256))


def part(kind: str, body: bytes, *fields: str) -> bytes:
    head = [f"Content-Type: {kind}", *fields]
    return "\r\n".join(["--b1", *head, "", ""]).encode() + body + b"\r\n"


def invite(kind: str, body: bytes) -> Request:
    return Request("INVITE", parse_uri("sip:a@192.0.2.1"), [("Content-Type", kind)], body)


class TestParts:
    def test_isup_beside_a_description(self) -> None:
        body = part("application/SDP", SDP) + part(
            "application/isup;version=itu-t92+",
            ISUP,
            "Content-Disposition: signal;handling=required",
        )
        request = invite("multipart/mixed;boundary=b1", body + b"--b1--\r\n")
        assert request.sdp == SDP
        isup = request.parts[1]
        assert (isup.content_type, isup.body) == ("application/isup", ISUP)
        assert isup.disposition == "signal;handling=required"

    @pytest.mark.parametrize("end", [b"--b1--", b"--b1--\r\ntrailing text", b""])
    @pytest.mark.parametrize("start", [b"", b"a preamble\r\n", b"\r\n"])
    def test_what_stands_around_the_parts_is_read_past(self, start: bytes, end: bytes) -> None:
        body = start + part("text/plain", b"x") + part("application/sdp", SDP) + end
        found = parse_multipart('multipart/mixed; boundary="b1"', body)
        assert [one.content_type for one in found] == ["text/plain", "application/sdp"]
        assert sdp_of(found).startswith(SDP.rstrip())

    def test_line_ends_of_lf_alone(self) -> None:
        body = part("application/sdp", SDP).replace(b"\r\n", b"\n") + b"--b1--\n"
        assert sdp_of(parse_multipart("multipart/mixed;boundary=b1", body)).startswith(b"v=0\n")

    def test_a_part_without_fields_and_one_without_a_body(self) -> None:
        body = b"--b1\r\n\r\nplain\r\n--b1\r\nContent-Type: text/x\r\n--b1--"
        found = parse_multipart("multipart/mixed;boundary=b1", body)
        assert [(one.content_type, one.body) for one in found] == [("", b"plain"), ("text/x", b"")]

    def test_a_multipart_within_a_multipart(self) -> None:
        inner = b"--in\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--in--"
        body = part("multipart/alternative;boundary=in", inner) + part("text/plain", b"x")
        found = parse_multipart("multipart/related;boundary=b1", body)
        assert [one.content_type for one in found] == ["application/sdp", "text/plain"]
        assert sdp_of(found) == SDP

    def test_a_part_in_base64(self) -> None:
        coded = base64.encodebytes(SDP)
        body = part("application/sdp", coded, "Content-Transfer-Encoding: BASE64")
        assert sdp_of(parse_multipart("multipart/mixed;boundary=b1", body)) == SDP
        broken = part("application/sdp", b"x", "Content-Transfer-Encoding: base64")
        with pytest.raises(ParseError, match="base64"):
            parse_multipart("multipart/mixed;boundary=b1", broken)

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("multipart/mixed", part("a/b", b"")),
            ('multipart/mixed;boundary=""', part("a/b", b"")),
            ("multipart/mixed;boundary=" + "x" * 71, b""),
            ("multipart/mixed;boundary=other", part("a/b", b"")),
            ("multipart/mixed;boundary=b1", b"no boundary at all"),
            ("multipart/mixed;boundary=b1", part("a/b", b"") * (MOST_PARTS + 1)),
        ],
    )
    def test_parts_that_cannot_be_told_apart(self, kind: str, body: bytes) -> None:
        with pytest.raises(ParseError):
            parse_multipart(kind, body)

    def test_parts_within_parts_within_parts(self) -> None:
        body = b"x"
        for number in range(50):
            head = f"--n{number}\r\nContent-Type: multipart/mixed;boundary=n{number - 1}\r\n\r\n"
            body = head.encode() + body + f"\r\n--n{number}--".encode()
        (only,) = parse_multipart("multipart/mixed;boundary=n49", body)
        assert only.content_type == "multipart/mixed"


class TestSdp:
    def test_other_bodies_have_none(self) -> None:
        assert invite("application/sdp", SDP).sdp == SDP
        assert Request("INVITE", parse_uri("sip:a@b"), (), SDP).sdp == SDP
        assert invite("text/plain", b"x").sdp == b""
        assert invite("multipart/mixed;boundary=b1", part("text/plain", b"x")).sdp == b""
