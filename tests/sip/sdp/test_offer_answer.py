from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import NegotiationFailed
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import Direction, LocalAudio, NegotiatedAudio, OfferAnswer
from tests.support.sip import strategies

_US = LocalAudio("192.0.2.1", 4000)
_THEM = LocalAudio("192.0.2.2", 6000)


def _sdp(*media: str, connection: str = "IN IP4 198.51.100.7", session: str = "") -> bytes:
    return (
        f"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc={connection}\r\nt=0 0\r\n{session}" + "".join(media)
    ).encode()


def _agreed(offer: bytes, local: LocalAudio = _US) -> NegotiatedAudio:
    return OfferAnswer(1).receive_offer(offer, local)[1]


def test_offer() -> None:
    assert OfferAnswer(77).make_offer(_US).decode().splitlines() == [
        "v=0",
        "o=- 77 77 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]


def test_both_ends_agree() -> None:
    us, them = OfferAnswer(1), OfferAnswer(2)
    answer, theirs = them.receive_offer(us.make_offer(_US), _THEM)
    assert us.offer_pending
    ours = us.receive_answer(answer)
    assert not us.offer_pending
    assert us.negotiated == ours and them.negotiated == theirs
    assert (ours.host, ours.port, ours.rtcp_port) == ("192.0.2.2", 6000, 6001)
    assert (theirs.host, theirs.port) == ("192.0.2.1", 4000)
    assert (ours.codec, ours.payload_type, ours.telephone_event_payload_type) == ("PCMU", 0, 101)
    assert ours.direction == theirs.direction == "sendrecv"
    assert ours.ptime_ms == 20


def test_codec_follows_the_order_of_the_peer_among_ours() -> None:
    offer = _sdp("m=audio 5000 RTP/AVP 18 8 0\r\n")
    assert _agreed(offer).codec == "PCMA"
    assert _agreed(offer, LocalAudio("192.0.2.7", 1, codecs=("PCMU",))).codec == "PCMU"
    answer, _ = OfferAnswer(1).receive_offer(offer, _US)
    assert parse_sdp(answer).media[0].formats == ["8"]


def test_payload_types_are_those_of_the_offer() -> None:
    offer = _sdp(
        "m=audio 5000 RTP/AVP 96 97 0 13\r\na=rtpmap:96 pcma/8000/1\r\n"
        "a=rtpmap:97 Telephone-Event/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    )
    answer, audio = OfferAnswer(1).receive_offer(offer, _US)
    assert (audio.codec, audio.payload_type, audio.telephone_event_payload_type) == ("PCMA", 96, 97)
    media = parse_sdp(answer).media[0]
    assert media.formats == ["96", "97"]
    assert media.attributes[:3] == [
        ("rtpmap", "96 PCMA/8000"),
        ("rtpmap", "97 telephone-event/8000"),
        ("fmtp", "97 0-15"),
    ]


def test_a_map_overrides_a_static_payload_type() -> None:
    offer = _sdp("m=audio 5000 RTP/AVP 0 8\r\na=rtpmap:0 G722/8000\r\n")
    assert _agreed(offer).codec == "PCMA"


def test_wideband_and_stereo_are_no_g711() -> None:
    offer = _sdp(
        "m=audio 5000 RTP/AVP 96 97 98\r\na=rtpmap:96 PCMU/16000\r\n"
        "a=rtpmap:97 PCMU/8000/2\r\na=rtpmap:98 telephone-event/48000\r\n"
    )
    with pytest.raises(NegotiationFailed, match="no codec in common"):
        _agreed(offer)


def test_telephone_event_only_when_both_want_it() -> None:
    offer = OfferAnswer(1).make_offer(_US)
    without = LocalAudio("192.0.2.7", 1, telephone_event=False)
    answer, audio = OfferAnswer(2).receive_offer(offer, without)
    assert audio.telephone_event_payload_type is None
    assert b"telephone-event" not in answer
    us = OfferAnswer(1)
    us.make_offer(_US)
    assert us.receive_answer(answer).telephone_event_payload_type is None
    assert b"101" not in OfferAnswer(1).make_offer(without)


def test_a_peer_may_want_events_under_a_number_of_its_own() -> None:
    """It then sends them under ours, or under its own (RFC 3264 5.1)."""
    us = OfferAnswer(1)
    us.make_offer(_US)
    answer = _sdp("m=audio 5000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n")
    audio = us.receive_answer(answer)
    assert audio.telephone_event_payload_type == 96
    assert audio.telephone_event_received_payload_type == 101
    # Answering, we give the number back that was offered.
    audio = _agreed(answer)
    assert audio.telephone_event_payload_type == 96
    assert audio.telephone_event_received_payload_type == 96
    none = _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\n"))
    assert none.telephone_event_received_payload_type is None


def test_answer_may_leave_our_maps_out() -> None:
    us = OfferAnswer(1)
    us.make_offer(_US)
    audio = us.receive_answer(_sdp("m=audio 5000 RTP/AVP 8 101\r\n"))
    assert (audio.codec, audio.telephone_event_payload_type) == ("PCMA", 101)
    # In an offer, 101 without a map means nothing.
    assert _agreed(_sdp("m=audio 5000 RTP/AVP 8 101\r\n")).telephone_event_payload_type is None


@pytest.mark.parametrize(
    "line", ["a=maxptime:20", "a=maxptime:150", "a=maxptime:x", "a=maxptime:0"]
)
def test_a_longest_packet_that_ours_keep_within(line: str) -> None:
    assert _agreed(_sdp(f"m=audio 5000 RTP/AVP 0\r\n{line}\r\n")).ptime_ms == 20


def test_a_longest_packet_that_is_too_short_for_any() -> None:
    with pytest.raises(NegotiationFailed, match="5 ms at most are wanted, and none is") as failed:
        _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\na=maxptime:5\r\n"))
    assert failed.value.warn_code == 399


MUX = "m=audio 5000 RTP/AVP 0\r\na=rtcp:5000\r\na=rtcp-mux\r\n"


def test_rtcp_on_the_port_of_rtp_is_accepted_where_it_is_offered() -> None:
    """RFC 5761 section 5.1.1: both sides say so, in every offer and answer from then on."""
    side = OfferAnswer(1)
    answer, agreed = side.receive_offer(_sdp(MUX), _US)
    assert b"\r\na=rtcp-mux\r\n" in answer
    assert (agreed.rtcp_mux, agreed.rtcp_port) == (True, 5000)
    assert b"\r\na=rtcp-mux\r\n" in side.make_offer(_US)
    again = side.receive_answer(_sdp(MUX))
    assert (again.rtcp_mux, again.rtcp_port) == (True, 5000)
    answer, apart = side.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    assert b"rtcp-mux" not in answer
    assert (apart.rtcp_mux, apart.rtcp_port) == (False, 5001)


def test_rtcp_on_the_port_of_rtp_is_not_offered_and_an_answer_cannot_have_it() -> None:
    side = OfferAnswer(1)
    assert b"rtcp-mux" not in side.make_offer(_US)
    agreed = side.receive_answer(_sdp("m=audio 5000 RTP/AVP 0\r\na=rtcp-mux\r\n"))
    assert (agreed.rtcp_mux, agreed.rtcp_port) == (False, 5001)


def test_rtcp_that_names_the_port_of_rtp_without_rtcp_mux_goes_to_the_next() -> None:
    assert _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\na=rtcp:5000\r\n")).rtcp_port == 5001


def test_rtcp_port_and_ptime() -> None:
    audio = _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\na=rtcp:5555\r\na=ptime:40\r\n"))
    assert (audio.rtcp_port, audio.ptime_ms) == (5555, 40)
    assert _agreed(_sdp("m=audio 65535 RTP/AVP 0\r\n")).rtcp_port == 65535


def test_address_of_the_stream_comes_first() -> None:
    assert _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n")).host == "192.0.2.9"
    offer = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
    with pytest.raises(NegotiationFailed, match="no address"):
        _agreed(offer)


def test_an_address_of_our_family() -> None:
    def asked(host: str) -> str:
        offer = _sdp(f"m=audio 5000 RTP/AVP 0\r\nc=IN IP6 {host}\r\n")
        return OfferAnswer(1).receive_offer(offer, LocalAudio("2001:db8::1", 4000))[1].host

    assert asked("2001:db8::9") == "2001:db8::9"
    assert asked("::") == "::"  # a hold (RFC 3264 8.4)
    assert asked("phone.example") == "phone.example"  # it is looked up when it is used
    for host in ("192.0.2.9", "fe80::1%eth0", "1.2.3", "a..example", "exa mple", "-.example"):
        with pytest.raises(NegotiationFailed, match="is not an IPv6 address"):
            asked(host)


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        ("", "no audio"),
        ("m=video 5000 RTP/AVP 31\r\n", "no audio"),
        ("m=audio 0 RTP/AVP 0\r\n", "no audio"),
        ("m=audio 5000 RTP/SAVP 0\r\n", "RTP/SAVP"),
        ("m=audio 5000 RTP/AVP 18 3\r\n", "no codec in common"),
        ("m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", "no codec in common"),
        ("nonsense\r\n", "letter=value"),
        ("m=audio 5000 RTP/AVP 0\r\nc=IN IP4 a.0\r\n", "a.0 is not an IPv4 address"),
        ("m=audio 5000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9\r\n", "is not an IPv4 address"),
    ],
)
def test_offers_without_anything_to_talk_over(media: str, reason: str) -> None:
    with pytest.raises(NegotiationFailed, match=reason):
        _agreed(_sdp(media))


@pytest.mark.parametrize(
    "media",
    [
        "",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=audio 5000 RTP/AVP 18\r\n",
        "m=audio 5000 RTP/SAVP 0\r\n",
        "m=video 5000 RTP/AVP 0\r\n",
        "m=audio 5000 RTP/AVP 0\r\nm=audio 5002 RTP/AVP 0\r\n",
        "junk",
    ],
)
def test_answers_that_leave_nothing(media: str) -> None:
    us = OfferAnswer(1)
    us.make_offer(_US)
    with pytest.raises(NegotiationFailed):
        us.receive_answer(_sdp(media))
    assert us.negotiated is None


def test_other_streams_are_rejected_in_their_places() -> None:
    offer = _sdp(
        "m=video 5004 RTP/AVP 31\r\n",
        "m=audio 5006 RTP/SAVP 0\r\n",
        "m=audio 5000 RTP/AVP 0\r\n",
        "m=image 5008 udptl t38\r\n",
    )
    us = OfferAnswer(1)
    answer, audio = us.receive_offer(offer, _US)
    assert audio.port == 5000
    assert [(m.media, m.port, m.protocol) for m in parse_sdp(answer).media] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 4000, "RTP/AVP"),
        ("image", 0, "udptl"),
    ]
    # Our later offer keeps the places (RFC 3264 8), and finds its answer there.
    again = parse_sdp(us.make_offer(_US))
    assert [(m.media, m.port) for m in again.media] == [
        ("video", 0),
        ("audio", 0),
        ("audio", 4000),
        ("image", 0),
    ]
    audio = us.receive_answer(
        _sdp(
            "m=video 0 RTP/AVP 31\r\n",
            "m=audio 0 RTP/SAVP 0\r\n",
            "m=audio 5010 RTP/AVP 0\r\n",
            "m=image 0 udptl t38\r\n",
        )
    )
    assert audio.port == 5010
    with pytest.raises(NegotiationFailed, match="fewer streams"):
        us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)


def test_re_offer_keeps_to_the_stream_in_use() -> None:
    us = OfferAnswer(1)
    us.receive_offer(_sdp("m=audio 0 RTP/AVP 0\r\nm=audio 5002 RTP/AVP 0\r\n"), _US)
    offer = _sdp("m=audio 5000 RTP/AVP 0\r\nm=audio 5002 RTP/AVP 0\r\n")
    assert us.receive_offer(offer, _US)[1].port == 5002
    offer = _sdp("m=audio 5000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n")
    assert us.receive_offer(offer, _US)[1].port == 5000


_MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


def _flows(direction: Direction) -> tuple[bool, bool]:
    return direction in ("sendrecv", "sendonly"), direction in ("sendrecv", "recvonly")


@pytest.mark.parametrize("theirs", get_args(Direction))
@pytest.mark.parametrize("ours", get_args(Direction))
def test_directions(ours: Direction, theirs: Direction) -> None:
    local = LocalAudio("192.0.2.7", 4000, direction=ours)
    answer, audio = OfferAnswer(1).receive_offer(
        _sdp(f"m=audio 5000 RTP/AVP 0\r\na={theirs}\r\n"), local
    )
    sends, receives = _flows(audio.direction)
    assert sends == (_flows(ours)[0] and _flows(theirs)[1])
    assert receives == (_flows(ours)[1] and _flows(theirs)[0])
    assert parse_sdp(answer).media[0].direction == audio.direction
    # The other end sees the mirror image.
    them = OfferAnswer(2)
    them.make_offer(LocalAudio("192.0.2.7", 5000, direction=theirs))
    assert them.receive_answer(answer).direction == _MIRROR[audio.direction]


def test_direction_of_the_session_holds_for_a_stream_without_one() -> None:
    assert (
        _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\n", session="a=sendonly\r\n")).direction
        == "recvonly"
    )


def test_hold_by_direction_and_back() -> None:
    us = OfferAnswer(1)
    us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    answer, audio = us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n"), _US)
    assert audio.direction == "recvonly"
    assert b"a=recvonly" in answer
    assert us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)[1].direction == "sendrecv"


@pytest.mark.parametrize("held", ["IN IP4 0.0.0.0", "IN IP6 ::"])
def test_hold_by_address_and_back(held: str) -> None:
    us = OfferAnswer(1)
    us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    _, audio = us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n", connection=held), _US)
    assert (audio.direction, audio.host) == ("recvonly", "198.51.100.7")
    _, audio = us.receive_offer(
        _sdp("m=audio 5000 RTP/AVP 0\r\na=inactive\r\n", connection=held), _US
    )
    assert audio.direction == "inactive"
    assert us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)[1].direction == "sendrecv"
    assert (
        _agreed(_sdp("m=audio 5000 RTP/AVP 0\r\n", connection="IN IP4 0.0.0.0")).host == "0.0.0.0"
    )


def test_we_hold() -> None:
    us, them = OfferAnswer(1), OfferAnswer(2)
    us.receive_answer(them.receive_offer(us.make_offer(_US), _THEM)[0])
    offer = us.make_offer(LocalAudio(_US.host, _US.port, direction="sendonly"))
    answer, theirs = them.receive_offer(offer, _THEM)
    assert theirs.direction == "recvonly"
    assert us.receive_answer(answer).direction == "sendonly"


def _origin(sdp: bytes) -> tuple[str, int]:
    origin = parse_sdp(sdp).origin
    return origin.session_id, int(origin.version)


def test_version_grows_only_with_a_change() -> None:
    us = OfferAnswer(7)
    offer = _sdp("m=audio 5000 RTP/AVP 0\r\n")
    first, _ = us.receive_offer(offer, _US)
    assert _origin(first) == ("7", 7)
    assert us.receive_offer(offer, _US)[0] == first
    held, _ = us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n"), _US)
    assert _origin(held) == ("7", 8)
    moved, _ = us.receive_offer(offer, LocalAudio("192.0.2.9", 4000))
    assert _origin(moved) == ("7", 9)
    assert _origin(us.make_offer(_US)) == ("7", 10)


def test_one_offer_at_a_time() -> None:
    us = OfferAnswer(1)
    first = us.make_offer(_US)
    with pytest.raises(NegotiationFailed):
        us.make_offer(_US)
    with pytest.raises(NegotiationFailed):
        us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    us.withdraw_offer()
    assert us.make_offer(_US) == first


def test_an_answer_needs_an_offer() -> None:
    us = OfferAnswer(1)
    with pytest.raises(NegotiationFailed, match="nothing was offered"):
        us.receive_answer(_sdp("m=audio 5000 RTP/AVP 0\r\n"))
    us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    with pytest.raises(NegotiationFailed, match="nothing was offered"):
        us.receive_answer(_sdp("m=audio 5000 RTP/AVP 0\r\n"))


def test_a_later_answer_to_the_same_offer_counts() -> None:
    us = OfferAnswer(1)
    us.make_offer(_US)
    assert us.receive_answer(_sdp("m=audio 5000 RTP/AVP 0\r\n")).port == 5000
    assert us.receive_answer(_sdp("m=audio 5002 RTP/AVP 8\r\n")).port == 5002
    assert us.negotiated is not None and us.negotiated.codec == "PCMA"


def test_failure_leaves_what_was_agreed() -> None:
    us = OfferAnswer(1)
    _, audio = us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)
    with pytest.raises(NegotiationFailed):
        us.receive_offer(_sdp("m=audio 5000 RTP/AVP 18\r\n"), _US)
    us.make_offer(_US)
    with pytest.raises(NegotiationFailed):
        us.receive_answer(_sdp("m=audio 0 RTP/AVP 0\r\n"))
    assert us.negotiated == audio
    assert not us.offer_pending
    assert us.receive_offer(_sdp("m=audio 5000 RTP/AVP 0\r\n"), _US)[1] == audio


def test_forks_go_their_own_ways() -> None:
    us = OfferAnswer(1)
    us.make_offer(_US)
    fork = us.fork()
    us.receive_answer(_sdp("m=audio 5000 RTP/AVP 0\r\n"))
    fork.receive_answer(_sdp("m=audio 7000 RTP/AVP 8\r\n"))
    assert us.negotiated is not None and fork.negotiated is not None
    assert (us.negotiated.port, fork.negotiated.port) == (5000, 7000)


def test_nothing_to_offer() -> None:
    with pytest.raises(NegotiationFailed, match="no codec"):
        OfferAnswer(1).make_offer(LocalAudio("192.0.2.7", 1, codecs=("GSM",)))


@given(
    strategies.session_descriptions.map(lambda session: session.encode()) | st.binary(max_size=100)
)
def test_any_body_is_answered_or_refused(body: bytes) -> None:
    us = OfferAnswer(1)
    try:
        answer, audio = us.receive_offer(body, _US)
    except NegotiationFailed as failure:
        assert failure.reason
    else:
        assert len(parse_sdp(answer).media) == len(parse_sdp(body).media)
        assert audio.codec in _US.codecs
    us = OfferAnswer(1)
    us.make_offer(_US)
    try:
        us.receive_answer(body)
    except NegotiationFailed as failure:
        assert failure.reason


@pytest.mark.parametrize(
    "odd",
    [
        (b"o=- 1 1 IN IP4 h", b"o=Cisco UCCX 1 1 IN IP4 h"),
        (b"m=audio", b"m=video 0 RTP/AVP\r\nc=nonsense\r\nm=audio"),
        (
            b"c=IN IP4 192.0.2.9\r\nm=audio 1 RTP/AVP 0",
            b"c=x\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.9",
        ),
    ],
)
def test_what_no_audio_needs_costs_no_call(odd: tuple[bytes, bytes]) -> None:
    text = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nm=audio 1 RTP/AVP 0\r\n"
    faults: list[int] = []
    exchange = OfferAnswer(1, faults.append)
    _, agreed = exchange.receive_offer(text.replace(*odd), LocalAudio("192.0.2.1", 4000))
    assert (agreed.host, agreed.port) == ("192.0.2.9", 1)
    assert sum(faults) > 0


def test_nothing_can_be_offered_again_before_anything_was_described() -> None:
    with pytest.raises(NegotiationFailed, match="nothing that could be offered again"):
        OfferAnswer(1).repeat_offer()
