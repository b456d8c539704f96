"""SDES (RFC 4568): which a=crypto lines are used, and what offers and answers agree to."""

from base64 import b64encode
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import NegotiationFailed
from sip.sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from sip.sdp.sdes import SUITES, CryptoAttribute, LocalKeys, SrtpKeys, SrtpPolicy, parse_crypto

KEY: Final = bytes(range(30))
INLINE: Final = "inline:" + b64encode(KEY).decode()
CM80: Final = "AES_CM_128_HMAC_SHA1_80"


def keys(fill: int) -> LocalKeys:
    return LocalKeys.generate(lambda length: bytes([fill]) * length)


def side(policy: SrtpPolicy, fill: int = 1) -> LocalAudio:
    return LocalAudio("192.0.2.1", 4000, srtp=policy, keys=keys(fill))


def offer(protocol: str, *lines: str) -> bytes:
    crypto = "".join(f"a=crypto:{line}\r\n" for line in lines)
    return (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        f"m=audio 5000 {protocol} 0 8\r\n{crypto}"
    ).encode()


@pytest.mark.parametrize(
    "value",
    [
        f"1 {CM80} {INLINE}",
        f"000000001 {CM80} {INLINE}|2^31",
        f"1 {CM80.lower()} {INLINE}|1048576",
        f"1 {CM80} {INLINE} WSH=64 KDR=0",
        f"1 {CM80} {INLINE} -whatever",
    ],
)
def test_a_line_that_is_used(value: str) -> None:
    assert parse_crypto(value) == CryptoAttribute(1, CM80, KEY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"1 {CM80}",
        f"one {CM80} {INLINE}",
        f"1234567890 {CM80} {INLINE}",
        f"1 F8_128_HMAC_SHA1_80 {INLINE}",
        f"1 {CM80} {INLINE}|2^20|1:4",  # an MKI
        f"1 {CM80} {INLINE}|1:4",
        f"1 {CM80} {INLINE};{INLINE}",  # two keys
        f"1 {CM80} {INLINE} UNENCRYPTED_SRTP",
        f"1 {CM80} {INLINE} KDR=1",
        f"1 {CM80} {INLINE} SOMETHING",
        f"1 {CM80} inline:{b64encode(KEY[:16]).decode()}",  # too short
        f"1 {CM80} inline:{b64encode(KEY * 2).decode()}",  # too long
        f"1 {CM80} inline:{b64encode(KEY).decode()[:-1]}!",
        f"1 AEAD_AES_256_GCM {INLINE}",  # the length of another suite
        "1 " + "A" * 100_000 + " " + INLINE,
    ],
)
def test_a_line_that_is_passed_over(value: str) -> None:
    assert parse_crypto(value) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(value: str) -> None:
    parse_crypto(value)


@given(st.sampled_from(list(SUITES)), st.integers(0, 999_999_999), st.data())
def test_what_is_written_is_read_again(suite: str, tag: int, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=SUITES[suite], max_size=SUITES[suite]))
    attribute = CryptoAttribute(tag, suite, key)
    assert parse_crypto(attribute.encode()) == attribute


def test_no_key_is_shown() -> None:
    key = b64encode(KEY).decode()
    for text in (repr(parse_crypto(f"1 {CM80} {INLINE}")), repr(keys(1)), repr(side("required"))):
        assert key not in text and "\\x01" not in text and "\\x00" not in text


@pytest.mark.parametrize(
    ("ours", "theirs", "protocol", "is_protected"),
    [
        ("required", "required", b"RTP/SAVP", True),
        ("required", "offered", b"RTP/SAVP", True),
        ("offered", "required", b"RTP/AVP", True),
        ("offered", "offered", b"RTP/AVP", True),
        ("offered", "off", b"RTP/AVP", False),
        ("off", "offered", b"RTP/AVP", False),
        ("off", "off", b"RTP/AVP", False),
    ],
)
def test_an_exchange(
    ours: SrtpPolicy, theirs: SrtpPolicy, protocol: bytes, is_protected: bool
) -> None:
    caller, callee = OfferAnswer(1), OfferAnswer(2)
    said = caller.make_offer(side(ours, 1))
    assert protocol + b" " in said
    answered, theirs_agreed = callee.receive_offer(said, side(theirs, 2))
    ours_agreed = caller.receive_answer(answered)
    assert (ours_agreed.srtp is not None) == is_protected == (b"a=crypto" in answered)
    if ours_agreed.srtp is not None and theirs_agreed.srtp is not None:
        assert ours_agreed.srtp.suite == theirs_agreed.srtp.suite == "AEAD_AES_256_GCM"
        assert ours_agreed.srtp.sent == theirs_agreed.srtp.received == b"\1" * 44
        assert ours_agreed.srtp.received == theirs_agreed.srtp.sent == b"\2" * 44


@pytest.mark.parametrize(
    ("policy", "said", "reason"),
    [
        ("off", offer("RTP/SAVP", f"1 {CM80} {INLINE}"), "SRTP is off here"),
        ("required", offer("RTP/AVP"), "without SRTP, which is required"),
        ("required", offer("RTP/AVP", f"1 {CM80} inline:short"), "without SRTP"),
        ("offered", offer("RTP/SAVP"), "no SRTP suite in common"),
        ("offered", offer("RTP/SAVP", f"1 {CM80} {INLINE}|1:4"), "no SRTP suite in common"),
        ("offered", offer("UDP/TLS/RTP/SAVPF", f"1 {CM80} {INLINE}"), "over UDP/TLS/RTP/SAVPF"),
    ],
)
def test_an_offer_that_cannot_be_taken(policy: SrtpPolicy, said: bytes, reason: str) -> None:
    with pytest.raises(NegotiationFailed, match=reason):
        OfferAnswer(1).receive_offer(said, side(policy))


def answer_to(policy: SrtpPolicy, body: bytes) -> NegotiatedAudio:
    caller = OfferAnswer(1)
    caller.make_offer(side(policy))
    return caller.receive_answer(body)


@pytest.mark.parametrize(
    ("policy", "body", "reason"),
    [
        ("required", offer("RTP/SAVP"), "no SRTP key"),
        ("required", offer("RTP/AVP"), "answered over RTP/AVP"),
        ("required", offer("RTP/SAVP", f"9 {CM80} {INLINE}"), "no SRTP key that was offered"),
        ("required", offer("RTP/SAVP", f"1 {CM80} {INLINE}"), "no SRTP key that was offered"),
        # What was said to be protected and is not is no plain call either.
        ("offered", offer("RTP/AVP", f"3 {CM80} inline:short"), "no SRTP key that was offered"),
    ],
)
def test_an_answer_that_agrees_to_nothing(policy: SrtpPolicy, body: bytes, reason: str) -> None:
    with pytest.raises(NegotiationFailed, match=reason):
        answer_to(policy, body)


@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP"])
def test_an_answer_to_what_was_offered_may_name_either_protocol(protocol: str) -> None:
    agreed = answer_to("offered", offer(protocol, f"3 {CM80} {INLINE}"))
    assert agreed.srtp is not None
    assert (agreed.srtp.suite, agreed.srtp.received) == (CM80, KEY)


def test_the_stream_with_srtp_is_taken_before_the_one_without() -> None:
    plain, secure = offer("RTP/AVP"), offer("RTP/SAVP", f"7 {CM80} {INLINE}")
    said = plain + secure[secure.index(b"m=") :]
    for policy, streams in (("offered", ["0", "4000"]), ("off", ["4000", "0"])):
        answer, agreed = OfferAnswer(1).receive_offer(said, side(policy))  # type: ignore[arg-type]
        ports = [line.split()[1] for line in answer.decode().splitlines() if line[:2] == "m="]
        assert ports == streams
        assert (agreed.srtp is not None) == (policy == "offered")


@pytest.mark.parametrize("begins", ["we", "they"])
def test_keys_stay_the_same_over_a_re_invite_of_either_side(begins: str) -> None:
    we, they = OfferAnswer(1), OfferAnswer(2)
    ours, theirs = side("offered", 1), side("required", 2)
    first, second = (we, they) if begins == "we" else (they, we)
    mine, other = (ours, theirs) if begins == "we" else (theirs, ours)
    answer, _ = second.receive_offer(first.make_offer(mine), other)
    before = first.receive_answer(answer)
    for one, two, local, remote in (
        (first, second, mine, other),
        (second, first, other, mine),
    ):
        again, _ = two.receive_offer(one.make_offer(local), remote)
        after = one.receive_answer(again)
        assert after.srtp is not None and before.srtp is not None
        assert after.srtp.suite == before.srtp.suite
        assert {after.srtp.sent, after.srtp.received} == {before.srtp.sent, before.srtp.received}
        assert again.count(b"a=crypto") == 1


def test_keys_are_not_shown_where_they_are_logged() -> None:
    agreed = SrtpKeys(CM80, b"k" * 16 + b"s" * 14, b"K" * 16 + b"S" * 14)
    assert repr(agreed) == f"SrtpKeys(suite={CM80!r})"
