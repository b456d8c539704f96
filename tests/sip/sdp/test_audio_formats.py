"""Codecs, packet lengths, key presses and comfort noise in offers and answers."""

import pytest

from sip.errors import NegotiationFailed
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer

HOST, PORT = "192.0.2.1", 4000
EVERY = ("PCMU", "PCMA", "G722", "opus", "L16/16000", "L16/8000")


def sdp(*lines: str) -> bytes:
    head = ["v=0", "o=- 1 1 IN IP4 h", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"]
    return "\r\n".join([*head, *lines, ""]).encode()


def answered(offer: bytes, *codecs: str, **fields: object) -> tuple[list[str], NegotiatedAudio]:
    local = LocalAudio(HOST, PORT, codecs or EVERY, **fields)  # type: ignore[arg-type]
    answer, agreed = OfferAnswer(1).receive_offer(offer, local)
    return answer.decode().splitlines(), agreed


def test_every_codec_is_offered_with_the_keys_of_its_clock() -> None:
    lines = OfferAnswer(1).make_offer(LocalAudio(HOST, PORT, EVERY)).decode().splitlines()
    assert lines[5:] == [
        "m=audio 4000 RTP/AVP 0 8 9 111 112 113 101 110 109",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 useinbandfec=1",
        "a=rtpmap:112 L16/16000",
        "a=rtpmap:113 L16/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
        "a=rtpmap:109 telephone-event/16000",
        "a=fmtp:109 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]


@pytest.mark.parametrize("codec", EVERY)
def test_both_sides_agree_on_each_codec(codec: str) -> None:
    us, them = OfferAnswer(1), OfferAnswer(2)
    offer = us.make_offer(LocalAudio(HOST, PORT, (codec,)))
    answer, theirs = them.receive_offer(offer, LocalAudio("192.0.2.2", 6000, EVERY))
    ours = us.receive_answer(answer)
    assert ours.codec == theirs.codec == codec
    assert ours.payload_type == ours.received_payload_type == theirs.payload_type
    clock_hz = {"opus": 48000, "L16/16000": 16000}.get(codec, 8000)
    assert ours.telephone_event_clock_hz == theirs.telephone_event_clock_hz == clock_hz
    assert ours.telephone_event_payload_type == theirs.telephone_event_payload_type is not None
    assert ours.ptime_ms == 20


OPUS = (
    "m=audio 5000 RTP/AVP 96 97 98",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 maxaveragebitrate=20000; useinbandfec=1;stereo=0",
    "a=rtpmap:97 telephone-event/8000",
    "a=rtpmap:98 telephone-event/48000",
)


def test_opus_is_answered_by_the_numbers_of_the_offer() -> None:
    lines, agreed = answered(sdp(*OPUS))
    assert lines[5:10] == [
        "m=audio 4000 RTP/AVP 96 98",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1",
        "a=rtpmap:98 telephone-event/48000",
        "a=fmtp:98 0-15",
    ]
    assert (agreed.codec, agreed.payload_type, agreed.received_payload_type) == ("opus", 96, 96)
    assert (agreed.telephone_event_payload_type, agreed.telephone_event_clock_hz) == (98, 48000)
    assert (agreed.opus.bits_a_second, agreed.opus.has_copy) == (20000, True)


def test_keys_of_8000_hz_are_taken_where_there_are_no_others() -> None:
    lines, agreed = answered(sdp(*(line for line in OPUS if "98 tele" not in line)))
    assert "a=rtpmap:97 telephone-event/8000" in lines
    assert (agreed.telephone_event_payload_type, agreed.telephone_event_clock_hz) == (97, 8000)


@pytest.mark.parametrize(
    ("wish", "bits", "has_copy"),
    [
        ("", 0, False),
        ("maxaveragebitrate=x;useinbandfec=0", 0, False),
        ("maxaveragebitrate=99999999", 0, False),
        ("maxaveragebitrate=1", 6000, False),
        ("MAXAVERAGEBITRATE=600000; useinbandfec=1", 510_000, True),
        (";;=;useinbandfec", 0, False),
    ],
)
def test_what_the_peer_wants_of_opus(wish: str, bits: int, has_copy: bool) -> None:
    _, agreed = answered(sdp(OPUS[0], OPUS[1], f"a=fmtp:96 {wish}", "a=fmtp:97 0-15", "a=fmtp"))
    assert (agreed.opus.bits_a_second, agreed.opus.has_copy) == (bits, has_copy)


def test_an_answer_may_give_a_codec_another_number() -> None:
    us = OfferAnswer(1)
    us.make_offer(LocalAudio(HOST, PORT, ("opus", "PCMU")))
    agreed = us.receive_answer(sdp(*OPUS))
    assert (agreed.payload_type, agreed.received_payload_type) == (96, 111)
    assert (agreed.telephone_event_payload_type, agreed.telephone_event_received_payload_type) == (
        98, 110,
    )  # fmt: skip


def test_an_answer_has_only_what_was_offered() -> None:
    us = OfferAnswer(1)
    us.make_offer(LocalAudio(HOST, PORT, ("PCMU",), spare_codecs=("G722",)))
    with pytest.raises(NegotiationFailed, match="no codec that was offered"):
        us.receive_answer(sdp("m=audio 5000 RTP/AVP 9"))


WIDE_FIRST = sdp("m=audio 5000 RTP/AVP 9 8 0 96", "a=rtpmap:96 opus/48000/2")


@pytest.mark.parametrize(
    ("codecs", "fields", "chosen"),
    [
        (("PCMU", "PCMA"), {"spare_codecs": ("G722", "opus")}, "PCMA"),
        (("PCMU", "PCMA", "G722"), {}, "G722"),
        (("PCMU", "G722"), {"prefers_own": True}, "PCMU"),
        (("opus", "PCMU"), {"prefers_own": True}, "opus"),
        (("L16/16000", "PCMA"), {"prefers_own": True}, "PCMA"),
    ],
)
def test_which_codec_of_an_offer_is_taken(
    codecs: tuple[str, ...], fields: dict[str, object], chosen: str
) -> None:
    assert answered(WIDE_FIRST, *codecs, **fields)[1].codec == chosen


def test_a_spare_codec_is_taken_of_who_has_no_other() -> None:
    offer = sdp("m=audio 5000 RTP/AVP 18 9")
    assert answered(offer, "PCMU", "PCMA", spare_codecs=("opus", "G722"))[1].codec == "G722"


@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 5000 RTP/AVP 18",),
        ("m=audio 5000 RTP/AVP 96", "a=rtpmap:96 L16/44100"),
        ("m=audio 5000 RTP/AVP 96", "a=rtpmap:96 L16/16000/2"),
        ("m=audio 5000 RTP/AVP 96", "a=rtpmap:96 opus/8000"),
        ("m=audio 5000 RTP/AVP 13",),
    ],
)
def test_an_offer_of_what_we_lack_alone_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(NegotiationFailed, match="no codec in common") as failed:
        answered(sdp(*lines))
    assert failed.value.warn_code == 305


@pytest.mark.parametrize(
    ("lines", "ptime_ms", "wants"),
    [
        ((), 20, False),
        (("a=ptime:10",), 10, True),
        (("a=ptime:60",), 60, True),
        (("a=ptime:25",), 20, True),
        (("a=ptime:5",), 10, True),
        (("a=ptime:200",), 60, True),
        (("a=ptime:40", "a=maxptime:30"), 30, True),
        (("a=maxptime:10",), 10, True),
        (("a=maxptime:60",), 20, False),
    ],
)
def test_packets_are_as_long_as_the_peer_asks(
    lines: tuple[str, ...], ptime_ms: int, wants: bool
) -> None:
    _, agreed = answered(sdp("m=audio 5000 RTP/AVP 0", *lines))
    assert (agreed.ptime_ms, agreed.wants_ptime) == (ptime_ms, wants)


def test_packets_are_as_long_as_the_codec_can_have_them() -> None:
    assert answered(sdp(*OPUS, "a=ptime:30"))[1].ptime_ms == 20
    assert answered(sdp(*OPUS, "a=ptime:50"))[1].ptime_ms == 40
    wide = sdp("m=audio 5000 RTP/AVP 96", "a=rtpmap:96 L16/16000", "a=ptime:60")
    assert answered(wide)[1].ptime_ms == 40


@pytest.mark.parametrize(
    ("codecs", "ptime_ms", "asked"),
    [
        (("opus",), 30, 20),
        (("opus",), 50, 40),
        (("opus",), 60, 60),
        (("PCMU", "opus"), 30, 20),
        (("L16/16000",), 60, 40),
        (("opus", "L16/16000"), 30, 20),
        (("PCMU", "G722"), 50, 50),
    ],
)
def test_no_packets_are_asked_for_that_a_codec_of_the_offer_has_not(
    codecs: tuple[str, ...], ptime_ms: int, asked: int
) -> None:
    offer = OfferAnswer(1).make_offer(LocalAudio(HOST, PORT, codecs, ptime_ms=ptime_ms)).decode()
    assert f"a=ptime:{asked}" in offer.splitlines()


def test_what_we_ask_for_is_described_and_sent_to_who_asks_for_nothing() -> None:
    lines, agreed = answered(sdp("m=audio 5000 RTP/AVP 0"), ptime_ms=40)
    assert "a=ptime:40" in lines
    assert (agreed.ptime_ms, agreed.wants_ptime) == (40, False)


def test_comfort_noise_is_offered_and_accepted_where_it_is_wanted() -> None:
    us, them = OfferAnswer(1), OfferAnswer(2)
    offer = us.make_offer(LocalAudio(HOST, PORT, ("PCMU", "opus"), comfort_noise=True))
    assert b"m=audio 4000 RTP/AVP 0 111 13 101 110\r\n" in offer
    assert b"a=rtpmap:13 CN/8000\r\n" in offer
    answer, theirs = them.receive_offer(
        offer, LocalAudio("192.0.2.2", 6000, EVERY, comfort_noise=True)
    )
    ours = us.receive_answer(answer)
    assert ours.comfort_noise_payload_type == theirs.comfort_noise_payload_type == 13
    assert answered(offer)[1].comfort_noise_payload_type is None
    assert answered(offer, "opus", comfort_noise=True)[1].comfort_noise_payload_type is None


def test_comfort_noise_is_not_offered_beside_opus_alone() -> None:
    offer = OfferAnswer(1).make_offer(LocalAudio(HOST, PORT, ("opus",), comfort_noise=True))
    assert b"CN/8000" not in offer
