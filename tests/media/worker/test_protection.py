"""SRTP through the switch: each leg with keys of its own, or none, whatever the other has."""

from collections.abc import Iterator

import pytest

from media.protocol import messages as m
from media.protocol.messages import SrtpKeys
from media.rtp.rtcp import is_rtcp
from media.rtp.rtp import build
from media.rtp.srtp import MOST_STREAMS, SrtpReceiver, SrtpSender
from media.rtp.telephone_event import PAYLOAD
from media.sources import Silence
from media.worker.protection import Protection
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone

KEY_BYTES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_256_GCM": 44}


class SecurePhone(FramePhone):
    """A phone that sends SRTP with its key, and opens what was protected with the leg's."""

    def __init__(self, fill: int, suite: str) -> None:
        super().__init__(fill)
        length = KEY_BYTES[suite]
        self.keys = SrtpKeys(
            suite, sent=bytes([fill]) * length, received=bytes([~fill & 255]) * length
        )
        self.sender = SrtpSender(suite, self.keys.received)
        self.receiver = SrtpReceiver(suite, self.keys.sent)

    def connect(self, leg: str, keys: SrtpKeys | None = None) -> m.Connect:
        described = self.describe(leg)
        described.srtp = keys or self.keys
        return described

    def say(
        self, to: tuple[str, int], payload: bytes | None = None, payload_type: int = 0
    ) -> bytes:
        """Send one packet; returns it as it travelled."""
        sent = payload or self.frame
        data = build(payload_type, self.sequence, self.timestamp, self.ssrc, sent)
        data = self.sender.protect(data)
        self.rtp_socket.sendto(data, to)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.advance()
        return data

    def hear(self) -> list[bytes]:
        """The payloads that came and could be opened; asserts that all could."""
        payloads: list[bytes] = []
        while True:
            try:
                buffer = bytearray(self.rtp_socket.recv(2048))
            except BlockingIOError:
                return payloads
            size = self.receiver.unprotect(buffer, len(buffer))
            assert size is not None
            payloads.append(bytes(buffer[12:size]))


@pytest.fixture
def bench() -> Iterator[SwitchBench]:
    made = SwitchBench()
    yield made
    made.close()


def secure(bench: SwitchBench, leg: str, fill: int, suite: str) -> SecurePhone:
    phone = SecurePhone(fill, suite)
    phone.rtp_socket.setblocking(False)
    bench.phones.append(phone)
    bench.open(leg)
    bench.switch.execute(phone.connect(leg))
    return phone


@pytest.mark.parametrize("suite", list(KEY_BYTES))
def test_a_protected_leg_and_a_plain_one_hear_each_other(bench: SwitchBench, suite: str) -> None:
    a, b = secure(bench, "a", 0x11, suite), bench.phone("b", 0x22)
    bench.switch.execute(m.Bridge("a", "b"))
    for _ in range(30):
        a.say(bench.addresses["a"])
        b.talk(bench.addresses["b"])
        bench.drain()
    assert a.hear() == [b.frame] * 30
    assert [heard.payload for heard in b.listen()] == [a.frame] * 30
    assert bench.stats("a").dropped_unauthentic == 0


def test_two_suites_and_a_key_that_is_pressed(bench: SwitchBench) -> None:
    a = secure(bench, "a", 0x11, "AES_CM_128_HMAC_SHA1_80")
    b = secure(bench, "b", 0x22, "AEAD_AES_256_GCM")
    bench.switch.execute(m.Bridge("a", "b"))
    for _ in range(5):
        a.say(bench.addresses["a"])
        bench.drain()
    a.say(bench.addresses["a"], PAYLOAD.pack(5, 0x8A, 800), 101)
    bench.drain()
    assert b.hear() == [a.frame] * 5 + [PAYLOAD.pack(5, 0x8A, 800)]
    assert [event.digit for event in bench.events(m.Dtmf)] == ["5"]  # type: ignore[attr-defined]


def test_what_is_played_is_protected(bench: SwitchBench) -> None:
    a = secure(bench, "a", 0x11, "AEAD_AES_256_GCM")
    bench.switch.execute(m.Hear("a", 1, Silence()))
    bench.tick(5)
    assert len(a.hear()) == 5


def test_plain_forged_and_replayed_packets_are_dropped_and_counted(bench: SwitchBench) -> None:
    a, b = secure(bench, "a", 0x11, "AES_CM_128_HMAC_SHA1_80"), bench.phone("b", 0x22)
    bench.switch.execute(m.Bridge("a", "b"))
    said = [a.say(bench.addresses["a"]) for _ in range(3)]
    bench.drain()
    a.rtp_socket.sendto(said[1], bench.addresses["a"])
    a.send_packet(a.frame, bench.addresses["a"], payload_type=0)
    forger = SrtpSender("AES_CM_128_HMAC_SHA1_80", bytes(30))
    a.rtp_socket.sendto(
        forger.protect(build(0, a.sequence, a.timestamp, a.ssrc, b"forged".ljust(160))),
        bench.addresses["a"],
    )
    bench.drain()
    a.say(bench.addresses["a"])
    bench.drain()
    assert [heard.payload for heard in b.listen()] == [a.frame] * 4
    assert bench.stats("a").dropped_unauthentic == 3


def test_nobody_without_the_key_and_no_other_stream_of_who_has_it_interrupts(
    bench: SwitchBench,
) -> None:
    suite = "AES_CM_128_HMAC_SHA1_80"
    a, b = secure(bench, "a", 0x11, suite), bench.phone("b", 0x22)
    bench.switch.execute(m.Bridge("a", "b"))
    forger, pressed = SrtpSender(suite, bytes(30)), PAYLOAD.pack(5, 0x8A, 800)
    third_host = FramePhone(0x66, host="127.0.0.2")
    bench.phones.append(third_host)
    to = bench.addresses["a"]
    for number in range(MOST_STREAMS + 10):
        a.say(to)
        # With the key, the address and ever new SSRCs; with the address and the SSRC; by a third.
        other = build(0, number, number * 160, 1000 + number, b"other".ljust(160))
        a.rtp_socket.sendto(a.sender.protect(other), to)
        forged = forger.protect(build(101, a.sequence, a.timestamp, a.ssrc, pressed))
        for sock in (a.rtp_socket, third_host.rtp_socket):
            sock.sendto(forged, to)
        bench.drain()
    assert {heard.payload for heard in b.listen()} == {a.frame}
    assert len(b.heard) == MOST_STREAMS + 10
    assert bench.events(m.Dtmf) == [] and bench.events(m.PeerMoved) == []


def test_another_source_is_believed_only_with_the_key(bench: SwitchBench) -> None:
    a, b = secure(bench, "a", 0x11, "AES_CM_128_HMAC_SHA1_80"), bench.phone("b", 0x22)
    bench.switch.execute(m.Bridge("a", "b"))
    stranger = FramePhone(0x66)
    bench.phones.append(stranger)
    for _ in range(20):
        stranger.talk(bench.addresses["a"])
        bench.drain()
    assert b.listen() == [] and bench.events(m.PeerMoved) == []
    moved = SecurePhone(0x11, "AES_CM_128_HMAC_SHA1_80")
    moved.rtp_socket.setblocking(False)
    bench.phones.append(moved)
    for _ in range(10):
        moved.say(bench.addresses["a"])
        bench.drain()
    assert len(bench.events(m.PeerMoved)) == 1
    assert {heard.payload for heard in b.listen()} == {moved.frame}
    assert bench.stats("a").dropped_unauthentic == 20
    assert a.hear() == []


def test_the_same_keys_go_on_and_others_begin_anew(bench: SwitchBench) -> None:
    a, b = secure(bench, "a", 0x11, "AES_CM_128_HMAC_SHA1_80"), bench.phone("b", 0x22)
    bench.switch.execute(m.Bridge("a", "b"))
    a.sequence = 65534
    for turn in range(6):
        a.say(bench.addresses["a"])
        b.talk(bench.addresses["b"])
        bench.drain()
        if turn in (1, 3):  # before and after the number has wrapped
            bench.switch.execute(a.connect("a"))
    assert len(b.listen()) == len(a.hear()) == 6
    keys = SrtpKeys("AEAD_AES_256_GCM", sent=b"s" * 44, received=b"r" * 44)
    bench.switch.execute(a.connect("a", keys))
    a.sender, a.receiver = (
        SrtpSender(keys.suite, keys.received),
        SrtpReceiver(keys.suite, keys.sent),
    )
    for _ in range(3):
        a.say(bench.addresses["a"])
        b.talk(bench.addresses["b"])
        bench.drain()
    assert a.hear() == [b.frame] * 3
    assert [heard.payload for heard in b.listen()] == [a.frame] * 3


def test_rtcp_is_protected_both_ways(bench: SwitchBench) -> None:
    a = secure(bench, "a", 0x11, "AEAD_AES_256_GCM")
    a.rtcp_socket.setblocking(False)
    a.say(bench.addresses["a"])
    bench.drain()
    bench.tick(600)
    report = a.rtcp_socket.recv(2048)
    opened = a.receiver.unprotect_rtcp(report)
    assert opened is not None and opened[1] in (200, 201)
    host, port = bench.addresses["a"]
    said = bytes.fromhex("81c90007") + a.ssrc.to_bytes(4, "big") + bytes(24)
    a.rtcp_socket.sendto(said, (host, port + 1))
    bench.drain()
    assert bench.stats("a").dropped_unauthentic == 1
    a.rtcp_socket.sendto(a.sender.protect_rtcp(said), (host, port + 1))
    bench.drain()
    stats = bench.stats("a")
    assert (stats.dropped_unauthentic, stats.dropped_garbage) == (1, 0)


def test_no_key_is_shown() -> None:
    shown = repr(
        m.Connect(
            "a",
            "h",
            1,
            2,
            "PCMU",
            0,
            None,
            "sendrecv",
            srtp=SecurePhone(1, "AEAD_AES_256_GCM").keys,
        )
    )
    assert "AEAD_AES_256_GCM" in shown and "\\x01" not in shown


def test_a_leg_becomes_plain_again() -> None:
    protection = Protection()
    protection.agree(SrtpKeys("AES_CM_128_HMAC_SHA1_80", bytes(30), bytes(30)))
    assert protection.open_rtp(bytearray(172), 172) is None
    protection.agree(None)
    assert protection.open_rtp(bytearray(172), 172) == 172
    assert protection.protect_rtcp(b"x") == protection.open_rtcp(b"x") == b"x"


def test_rtcp_on_the_port_of_rtp_is_protected_both_ways(bench: SwitchBench) -> None:
    a = secure(bench, "a", 0x11, "AES_CM_128_HMAC_SHA1_80")
    described = a.connect("a")
    described.rtcp_port, described.rtcp_mux = described.port, True
    bench.switch.execute(described)
    a.say(bench.addresses["a"])
    bench.drain()
    bench.tick(600)
    sent = iter(lambda: bytearray(a.rtp_socket.recv(2048)), b"")
    reports = (packet for packet in sent if is_rtcp(packet, len(packet)))  # among silence
    opened = a.receiver.unprotect_rtcp(bytes(next(reports)))
    assert opened is not None and opened[1] in (200, 201)
    said = bytes.fromhex("81c90007") + a.ssrc.to_bytes(4, "big") + bytes(24)
    a.rtp_socket.sendto(said, bench.addresses["a"])
    a.rtp_socket.sendto(a.sender.protect_rtcp(said), bench.addresses["a"])
    a.say(bench.addresses["a"])
    bench.drain()
    stats = bench.stats("a")
    assert (stats.dropped_unauthentic, stats.dropped_garbage, stats.lost) == (1, 0, 0)
