"""Descriptions of browsers, to plain ones and back."""

import pytest

from sip.errors import ParseError
from sip.sdp.description import parse_sdp
from sip.sdp.webrtc import (
    IceCandidate,
    WebSide,
    is_of_browser,
    plain_address,
    read_web,
    to_plain,
    to_web,
)

CHROMIUM = b"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS x
m=audio 51472 UDP/TLS/RTP/SAVPF 111 0 8 126
c=IN IP4 192.0.2.7
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host generation 0 network-cost 999
a=candidate:2 1 udp 2113937150 5b2a8c11-1c.local 51473 typ host generation 0
a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active
a=candidate:4 1 udp 1677729535 203.0.113.9 51472 typ srflx raddr 192.0.2.7 rport 51472
a=candidate:5 1 udp nonsense 192.0.2.7 1 typ host
a=ice-ufrag:Jx4b
a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa
a=fingerprint:sha-256 AA:BB:CC
a=setup:actpass
a=mid:audio0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:126 telephone-event/8000
a=ssrc:1 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96
a=mid:video0
"""
OURS = WebSide(
    "our1",
    "our-password",
    (("sha-256", "11:22"),),
    "passive",
    (IceCandidate("9", 1, "udp", 7, "192.0.2.1", 30000, "host"),),
)


def test_what_a_browser_says_of_its_way_is_read() -> None:
    session = parse_sdp(CHROMIUM)
    assert is_of_browser(session)
    described = read_web(session)
    side = described.side
    assert (side.ufrag, side.password) == ("Jx4b", "aaaaaaaaaaaaaaaaaaaaaaaa")
    assert side.fingerprints == (("sha-256", "AA:BB:CC"),)
    assert side.setup == "actpass" and described.mid == "audio0" and not side.is_lite
    assert [(one.host, one.kind, one.related_port) for one in side.candidates] == [
        ("192.0.2.7", "host", 0),
        ("203.0.113.9", "srflx", 51472),
    ]


def test_credentials_may_stand_for_the_whole_session() -> None:
    text = CHROMIUM.decode()
    for line in ("a=ice-ufrag:Jx4b\n", "a=fingerprint:sha-256 AA:BB:CC\n"):
        text = text.replace(line, "").replace("t=0 0\n", f"t=0 0\n{line}a=ice-lite\n")
    side = read_web(parse_sdp(text.encode())).side
    assert side.ufrag == "Jx4b" and side.fingerprints and side.is_lite


@pytest.mark.parametrize(
    ("line", "reason"),
    [("a=ice-pwd", "no ICE credentials"), ("a=fingerprint", "no fingerprint")],
)
def test_a_description_that_lacks_something_is_refused(line: str, reason: str) -> None:
    text = "\n".join(one for one in CHROMIUM.decode().split("\n") if not one.startswith(line))
    with pytest.raises(ParseError) as error:
        read_web(parse_sdp(text.encode()))
    assert reason in error.value.reason


def test_a_plain_description_is_none_of_a_browser() -> None:
    plain = parse_sdp(b"v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.7\n")
    assert not is_of_browser(plain)
    with pytest.raises(ParseError):
        read_web(plain)


def test_the_plain_description_has_the_codecs_at_our_address() -> None:
    plain = parse_sdp(to_plain(parse_sdp(CHROMIUM), "127.0.0.1", 40000, 40009))
    audio, video = plain.media
    assert (audio.protocol, audio.port, audio.formats) == (
        "RTP/AVP",
        40000,
        ["111", "0", "8", "126"],
    )
    assert plain_address(plain) == ("127.0.0.1", 40000, 40009)
    assert audio.rtpmaps()[111].encoding == "opus" and audio.direction == "sendrecv"
    assert audio.attribute("fmtp") == "111 minptime=10;useinbandfec=1"
    assert video.port == 0
    names = {name for name, _value in audio.attributes}
    assert names == {"rtpmap", "fmtp", "sendrecv", "rtcp"}


def test_a_direction_of_the_session_is_that_of_the_audio() -> None:
    text = CHROMIUM.decode().replace("a=sendrecv\n", "").replace("t=0 0\n", "t=0 0\na=sendonly\n")
    plain = parse_sdp(to_plain(parse_sdp(text.encode()), "127.0.0.1", 40000, 40001))
    assert plain.media[0].direction == "sendonly"
    web = parse_sdp(to_web(parse_sdp(b"v=0\na=inactive\nm=audio 4000 RTP/AVP 0\n"), OURS, "0"))
    assert web.media[0].direction == "inactive"


def test_a_browser_is_told_our_way() -> None:
    plain = parse_sdp(
        b"v=0\no=ringback 1 2 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        b"m=audio 4000 RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendrecv\n"
        b"m=video 0 RTP/AVP 96\n"
    )
    web = parse_sdp(to_web(plain, OURS, "audio0"))
    audio, video = web.media
    assert audio.protocol == "UDP/TLS/RTP/SAVPF" and audio.port == 30000 and video.port == 0
    assert web.attribute("group") == "BUNDLE audio0" and audio.attribute("mid") == "audio0"
    assert read_web(web).side == OURS
    assert audio.attribute("ptime") == "20" and audio.attribute("rtcp-mux") == ""
    assert web.origin.version == "2"
    without = parse_sdp(to_web(plain, WebSide("a", "b", (), "active"), "0"))
    assert (without.media[0].port, without.connection_of(without.media[0])) != (0, None)


def test_where_plain_rtp_goes() -> None:
    def address(*lines: str) -> object:
        return plain_address(parse_sdp("\n".join(["v=0", "c=IN IP4 192.0.2.1", *lines]).encode()))

    assert address("m=audio 4000 RTP/AVP 0") == ("192.0.2.1", 4000, 4001)
    assert address("m=audio 4000 RTP/AVP 0", "a=rtcp-mux") == ("192.0.2.1", 4000, 4000)
    assert address("m=audio 0 RTP/AVP 0") is None


def test_a_candidate_that_was_found_by_a_server_names_where_it_was_found_from() -> None:
    found = IceCandidate("1", 1, "udp", 5, "203.0.113.7", 40000, "srflx", "192.0.2.1", 30000)
    assert found.encode() == "1 1 udp 5 203.0.113.7 40000 typ srflx raddr 192.0.2.1 rport 30000"
