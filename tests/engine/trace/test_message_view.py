"""One message as the protocol shows it."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from engine.trace.flow import TracedMessage
from engine.trace.message_view import (
    LegOfMessage,
    MessageView,
    address,
    located,
    message_view,
    repetitions,
)
from sip.hop import Hop
from tests.support.traces import AGENT, OURS, request, response

NOWHERE: LegOfMessage = {"call": None, "leg": None}
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/SAVP 0 8 9 96 97 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=rtpmap:96 opus/48000/2\r\na=sendonly\r\n"
)


def message(data: bytes, number: int = 1, *, is_sent: bool = True) -> TracedMessage:
    """A message between us and the agent."""
    return TracedMessage(number, 5.0, is_sent, OURS, AGENT, data)


def shown(data: bytes, repetition: int = 0) -> MessageView:
    """It as it is shown."""
    return message_view(message(data), repetition, {"call": "c1", "leg": "leg-1"})


def test_a_request_is_shown_with_what_tells_it() -> None:
    data = request("INVITE", "abc", cseq=7)
    view = shown(data, 2)
    assert (view["method"], view["status"], view["cseq"], view["call_id"]) == (
        "INVITE", None, 7, "abc",
    )  # fmt: skip
    assert view["start_line"] == "INVITE sip:x@192.0.2.9 SIP/2.0"
    assert (view["direction"], view["transport"]) == ("sent", "udp")
    assert (view["local"], view["remote"]) == ("192.0.2.1:5060", "192.0.2.10:5061")
    assert (view["call"], view["leg"], view["retransmission"]) == ("c1", "leg-1", 2)
    assert view["text"].encode() == data and "base64" not in view and view["audio"] is None


def test_a_response_has_the_method_of_its_request() -> None:
    view = shown(response("487 Request Terminated", "abc"))
    assert (view["method"], view["status"]) == ("INVITE", 487)


def test_the_audio_of_a_description_is_shown_with_its_codecs() -> None:
    view = shown(request("INVITE", "1", body=SDP, more="Content-Type: application/sdp\r\n"))
    assert view["audio"] == {
        "host": "192.0.2.10",
        "port": 4000,
        "protocol": "RTP/SAVP",
        "codecs": ["PCMU", "PCMA", "G722", "opus", "97", "telephone-event"],
        "direction": "sendonly",
    }


def test_a_description_of_video_alone_shows_no_audio() -> None:
    video = SDP.replace(b"m=audio", b"m=video")
    view = shown(request("INVITE", "1", body=video, more="Content-Type: application/sdp\r\n"))
    assert view["audio"] is None


def test_the_description_in_one_part_of_several_is_shown() -> None:
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        b"--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--b--\r\n"
    )
    more = 'Content-Type: multipart/mixed;boundary="b"\r\n'
    view = shown(request("INVITE", "1", body=body, more=more))
    assert view["audio"] is not None and view["audio"]["port"] == 4000
    broken = request("INVITE", "1", body=body, more="Content-Type: multipart/mixed\r\n")
    assert shown(broken)["audio"] is None


def test_what_cannot_be_read_is_shown_as_it_came() -> None:
    view = shown(b"NONSENSE\r\n\xff\xfe\r\n\r\n")
    assert (view["method"], view["status"], view["cseq"], view["call_id"]) == (None, None, None, "")
    assert view["start_line"] == "NONSENSE"
    assert base64.b64decode(view["base64"]) == b"NONSENSE\r\n\xff\xfe\r\n\r\n"
    assert "\N{REPLACEMENT CHARACTER}" in view["text"]


def test_a_message_with_a_fault_is_shown_as_far_as_it_can_be_read() -> None:
    view = shown(request("INVITE", "1").replace(b"CSeq: 1 INVITE", b"CSeq: one INVITE"))
    assert view["method"] == "INVITE" and view["call_id"] == "1" and view["cseq"] is None


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    for whole in (
        data,
        request("INVITE", "1", body=data, more="Content-Type: application/sdp\r\n"),
    ):
        shown(whole)


def test_repetitions_are_the_same_bytes_the_same_way() -> None:
    invite = request("INVITE", "1")
    messages = [
        message(invite),
        message(invite),
        message(invite, is_sent=False),
        message(request("INVITE", "1", cseq=2)),
        message(invite),
    ]
    assert list(repetitions(messages)) == [0, 1, 0, 0, 2]


def test_a_message_on_a_connection_that_was_being_opened_gets_its_port_from_the_next() -> None:
    peer = Hop("tcp", "192.0.2.10", 5060)
    first = TracedMessage(1, 1.0, True, Hop("tcp", "192.0.2.1", 0), peer, b"x")
    second = TracedMessage(2, 2.0, False, Hop("tcp", "192.0.2.1", 40001), peer, b"y")
    other = TracedMessage(3, 3.0, True, Hop("tcp", "192.0.2.1", 0), peer._replace(port=9), b"z")
    assert [one.local.port for one in located([first, second, other])] == [40001, 40001, 0]


def test_an_ipv6_address_is_in_brackets() -> None:
    assert address(Hop("udp", "2001:db8::1", 5060)) == "[2001:db8::1]:5060"
