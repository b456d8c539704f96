"""SRTP (RFC 3711) of one direction: what is protected is opened, and nothing else."""

import os

import pytest

from media.rtp.rtp import build
from media.rtp.srtp import MOST_STREAMS, TAG_BYTES, SrtpReceiver, SrtpSender

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
RTCP = bytes.fromhex("81c90007000000010000000200000000000000000000000000000000") + bytes(4)


@pytest.fixture(params=SUITES)
def pair(request: pytest.FixtureRequest) -> tuple[SrtpSender, SrtpReceiver]:
    key = os.urandom(SUITES[request.param])
    return SrtpSender(request.param, key), SrtpReceiver(request.param, key)


def packet(sequence: int) -> bytes:
    return build(0, sequence, 160 * sequence, 7, bytes(range(160)))


def opened(receiver: SrtpReceiver, data: bytes) -> bytes | None:
    buffer = bytearray(data) + bytearray(50)
    size = receiver.unprotect(buffer, len(data))
    return None if size is None else bytes(buffer[:size])


def test_what_is_protected_is_opened(pair: tuple[SrtpSender, SrtpReceiver]) -> None:
    sender, receiver = pair
    for sequence in range(65_500, 65_600):  # over the end of the numbers
        data = sender.protect(packet(sequence))
        assert data[:12] == packet(sequence)[:12]  # the header travels in clear
        assert bytes(range(20)) not in data
        assert len(data) == len(packet(sequence)) + TAG_BYTES[sender.suite]
        assert opened(receiver, data) == packet(sequence)


def test_what_is_forged_damaged_or_replayed_is_not_opened(
    pair: tuple[SrtpSender, SrtpReceiver],
) -> None:
    sender, receiver = pair
    data = sender.protect(packet(1))
    damaged = bytearray(data)
    damaged[40] ^= 1
    stranger = SrtpSender(sender.suite, os.urandom(SUITES[sender.suite])).protect(packet(2))
    for other in (bytes(damaged), stranger, packet(3), data[:20], b"", bytes(2000)):
        assert opened(receiver, other) is None
    assert opened(receiver, data) == packet(1)
    assert opened(receiver, data) is None


def test_the_state_of_the_last_streams_is_kept_and_no_other(
    pair: tuple[SrtpSender, SrtpReceiver],
) -> None:
    """A packet that comes again is refused by the state of its stream alone."""
    sender, receiver = pair
    sent = [
        sender.protect(build(0, 1, 160, ssrc, bytes(160))) for ssrc in range(1, MOST_STREAMS + 11)
    ]
    for data in sent:
        assert opened(receiver, data) is not None
    assert [opened(receiver, data) for data in sent[10:]] == [None] * MOST_STREAMS
    assert opened(receiver, sent[0]) is not None


def test_rtcp(pair: tuple[SrtpSender, SrtpReceiver]) -> None:
    sender, receiver = pair
    data = sender.protect_rtcp(RTCP)
    assert data != RTCP
    assert receiver.unprotect_rtcp(RTCP) is None
    assert receiver.unprotect_rtcp(data) == RTCP
    assert receiver.unprotect_rtcp(data) is None


def test_what_is_too_long_or_no_rtp_is_not_protected(
    pair: tuple[SrtpSender, SrtpReceiver],
) -> None:
    sender, _ = pair
    for data in (bytes(1500), b"short"):
        with pytest.raises(OSError, match="not protected"):
            sender.protect(data)
        with pytest.raises(OSError, match="not protected"):
            sender.protect_rtcp(data)


def test_an_unknown_suite() -> None:
    with pytest.raises(KeyError):
        SrtpSender("ROT13", bytes(30))
