from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.sdp.description import (
    Connection,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
    parse_sdp,
)
from tests.support.sip import strategies

_EXAMPLE = b"""v=0\r
o=jdoe 2890844526 2890842807 IN IP4 10.47.16.5\r
s=SDP Seminar\r
i=A Seminar\r
c=IN IP4 224.2.17.12/127\r
b=AS:64\r
t=2873397496 2873404696\r
a=recvonly\r
m=audio 49170/2 RTP/AVP 0 97 101\r
i=the sound\r
c=IN IP6 2001:db8::1\r
a=rtpmap:97 iLBC/8000/1\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=rtcp:53020 IN IP4 126.16.64.4\r
a=ptime:30\r
a=sendonly\r
m=video 51372 RTP/AVP 99\r
a=rtpmap:99 h263-1998/90000\r
"""


def test_parts() -> None:
    session = parse_sdp(_EXAMPLE)
    assert session.origin == Origin("jdoe", "2890844526", "2890842807", "IP4", "10.47.16.5")
    assert session.name == "SDP Seminar"
    assert session.lines == [("i", "A Seminar"), ("b", "AS:64"), ("t", "2873397496 2873404696")]
    audio, video = session.media
    assert (audio.media, audio.port, audio.port_count, audio.protocol) == (
        "audio",
        49170,
        2,
        "RTP/AVP",
    )
    assert audio.formats == ["0", "97", "101"]
    assert audio.rtpmaps() == {97: RtpMap("iLBC", 8000, 1), 101: RtpMap("telephone-event", 8000)}
    assert (audio.rtcp_port, audio.ptime_ms, audio.direction) == (53020, 30, "sendonly")
    assert (video.rtcp_port, video.ptime_ms, video.direction) == (None, None, None)
    assert session.connection_of(audio) == Connection("IP6", "2001:db8::1")
    assert session.connection_of(video) == Connection("IP4", "224.2.17.12/127")
    assert session.direction_of(audio) == "sendonly"
    assert session.direction_of(video) == "recvonly"
    assert session.encode() == _EXAMPLE


def test_line_ends_and_missing_lines_are_accepted_as_they_come() -> None:
    assert parse_sdp(_EXAMPLE.replace(b"\r\n", b"\n")) == parse_sdp(_EXAMPLE)
    assert parse_sdp(_EXAMPLE.rstrip()) == parse_sdp(_EXAMPLE + b"\r\n\r\n") == parse_sdp(_EXAMPLE)
    bare = parse_sdp(b"v=0\no=- 1 1 IN IP4 h\nm=audio 4000  RTP/AVP 0 8\n")
    assert (bare.name, bare.connection, bare.media[0].formats) == ("-", None, ["0", "8"])
    assert bare.direction_of(bare.media[0]) == "sendrecv"


def test_direction() -> None:
    media = MediaDescription(
        attributes=[("sendonly", "x"), ("recvonly ", None), ("inactive", None)]
    )
    assert media.direction == "recvonly"


def test_unknown_lines_are_kept() -> None:
    text = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\ny=1\r\nm=audio 1 RTP/AVP 0\r\nZ=x=y\r\n"
    assert parse_sdp(text).encode() == text


@pytest.mark.parametrize(
    "origin", [b"", b"o=\r\n", b"o=- 1 1 IN IP4\r\n", b"o=a b 1 1 IN IP4 h\r\n"]
)
def test_an_odd_origin_is_read_past(origin: bytes) -> None:
    session = parse_sdp(b"v=0\r\n" + origin + b"s=-\r\nc=IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\n")
    assert (session.faults, session.media[0].port) == (1, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"m=video 0 RTP/AVP",
        b"m=video 0",
        b"m=image",
        b"m=video x RTP/AVP 31",
        b"m=video 65536 RTP/AVP 31",
        b"m=video 1/x RTP/AVP 31",
        b"m=video RTP/AVP 31",
        b"m=video 4000 RTP/AVP",
    ],
)
def test_a_stream_that_cannot_be_used_keeps_its_place(line: bytes) -> None:
    text = b"v=0\r\no=- 1 1 IN IP4 h\r\n" + line + b"\r\nm=audio 1 RTP/AVP 0\r\n"
    session = parse_sdp(text)
    assert [media.port for media in session.media] == [0, 1]
    assert session.faults == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\r\n",
        b"v=1\r\n",
        b"o=- 1 1 IN IP4 h\r\n",
        *(
            b"v=0\r\no=- 1 1 IN IP4 h\r\n" + line
            for line in (
                b"m=\r\n",
                b"audio\r\n",
                b"\r\nt=0 0\r\n",
                b"=x\r\n",
                b"1=x\r\n",
                b"a=x\ry\r\n",
                b"a=x\0\r\n",
                b"m=audio 1 RTP/AVP 0\r\n" * 33,
            )
        ),
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(ParseError):
        parse_sdp(text)


def test_malformed_attributes_are_passed_over() -> None:
    media = MediaDescription(
        attributes=[
            ("rtpmap", None),
            ("rtpmap", "x PCMU/8000"),
            ("rtpmap", "96 PCMU"),
            ("rtpmap", "97 PCMU/x"),
            ("rtpmap", "128 PCMU/8000"),
            ("rtpmap", "98 G729/8000"),
            ("rtpmap", "98 other/8000"),
            ("ptime", "20.0"),
            ("rtcp", "x"),
            ("fmtp", None),
        ]
    )
    assert media.rtpmaps() == {98: RtpMap("G729", 8000)}
    assert media.ptime_ms is None
    assert media.rtcp_port is None
    for ptime in ("0", "99999", "", " 2 0", "²", "\x1e20", "\x1c"):
        assert MediaDescription(attributes=[("ptime", ptime)]).ptime_ms is None


@given(strategies.session_descriptions)
def test_reads_back(session: SessionDescription) -> None:
    assert parse_sdp(session.encode()) == session


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(_EXAMPLE.splitlines(True)), max_size=30).map(b"".join)
)
def test_only_parse_error(data: bytes) -> None:
    for text in (data, _EXAMPLE + data):
        try:
            session = parse_sdp(text)
        except ParseError as error:
            assert error.reason
            continue
        for media in session.media:
            media.rtpmaps()
            assert media.ptime_ms is None or media.ptime_ms > 0
            assert media.rtcp_port is None or media.rtcp_port > 0
        # Misplaced lines move to their places; from then on nothing changes.
        assert parse_sdp(session.encode()).encode() == session.encode()
