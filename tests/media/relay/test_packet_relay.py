"""The relay's loop, in C and in Python: what it forwards, to the bit, and what it hands over."""

import contextlib
import errno
import select
import socket
import threading
import time
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, cast

import pytest

from media.relay.implementation import Implementation, native, plain
from media.relay.tables import (
    CODECS,
    LOUD_SAMPLES,
    MAX_DATAGRAM_BYTES,
    STEP,
    TONE_TABLES,
    TRANSLATED_SAMPLES,
    TRANSLATIONS,
)
from media.rtp.flow import Flow
from media.rtp.receive_stats import Reception
from media.rtp.rtp import PACKET_BYTES, build
from media.rtp.srtp import FUNCTIONS, TAG_BYTES, SrtpReceiver, SrtpSender
from media.sound.dtmf.tones import dtmf_clip
from media.sound.g711 import SILENCE, TRANSLATION
from tests.support.media.relays import BOTH, NATIVE

if TYPE_CHECKING:
    from media.relay.native import Flow as NativeFlow
    from media.relay.native import PacketRelay as NativeRelay
else:
    NativeFlow: TypeAlias = Flow
    NativeRelay: TypeAlias = object

KEY_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
FIELDS = [name for name in Flow.__slots__ if name not in ("queued", "serial")]
SSRC, OUT_SSRC = 0xFEDCBA98, 0x89ABCDEF
NOW = 100.0
LOUD_FRAME = bytes(range(160))
WAIT_S = 20.0


def packet(sequence: int, payload: bytes = LOUD_FRAME, ssrc: int = SSRC) -> bytes:
    return build(0, sequence, 160 * sequence, ssrc, payload)


def first_eight_bytes(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")


def udp_pair() -> tuple[socket.socket, socket.socket]:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for sock in (one, other):
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    return one, other


class Bench:
    """Two peers, each with the socket that faces it, and the relay that receives on both."""

    def __init__(self, implementation: Implementation) -> None:
        self.a, self.line_a = udp_pair()
        self.b, self.line_b = udp_pair()
        self.relay = implementation.packet_relay(
            LOUD_SAMPLES,
            TRANSLATED_SAMPLES,
            FUNCTIONS["srtp_unprotect"],
            FUNCTIONS["srtp_protect"],
        )
        self.flow_a, self.flow_b = implementation.flow(), implementation.flow()
        self.serial_a = self.relay.add_flow(self.line_a.fileno(), self.flow_a)
        self.serial_b = self.relay.add_flow(self.line_b.fileno(), self.flow_b)
        self.buffer = bytearray(MAX_DATAGRAM_BYTES)
        self.thread_id = 0

    def arm(self, sequence: int, out_sequence: int = 9000, room: int = 100) -> Flow:
        """Expect `sequence` from a, to go to b as PCMU with other numbers."""
        flow = self.flow_a
        expect = first_eight_bytes(packet(sequence))
        flow.delta = first_eight_bytes(build(0, out_sequence, 77, OUT_SSRC, b"")) - expect
        flow.ssrc, flow.out_ssrc = SSRC, OUT_SSRC
        flow.out_fd = self.line_b.fileno()
        flow.size = PACKET_BYTES
        flow.heard_at = NOW - 0.02
        flow.codec = CODECS["PCMU"]
        flow.arm(expect, expect + room * STEP)
        return flow

    def step(self, now: float = NOW, limit: int = 16) -> int:
        """One batch; how many packets came."""
        return self.relay.drain(limit, 1, now)

    def handed_over(self) -> list[tuple[int, bytes]]:
        """What was handed over, by the number of its flow."""
        packets = []
        while (taken := self.relay.take_packet(self.buffer)) is not None:
            packets.append((taken[0], bytes(self.buffer[: taken[1]])))
        return packets

    def close(self) -> None:
        self.relay.close()
        for sock in (self.a, self.b, self.line_a, self.line_b):
            sock.close()


@pytest.fixture(params=BOTH)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param())
    yield bench
    bench.close()


@pytest.fixture
def threaded(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One whose relay works in a thread."""
    bench = Bench(native())
    thread = threading.Thread(target=bench.relay.run)  # type: ignore[attr-defined]
    thread.start()
    bench.thread_id = thread.ident or 0
    yield bench
    bench.relay.stop()  # type: ignore[attr-defined]
    thread.join()
    bench.close()


def snapshot(flow: Flow) -> list[int | float]:
    """All that a flow says."""
    return [getattr(flow, name) for name in FIELDS]


def test_the_expected_packet_goes_out_with_our_numbers(bench: Bench) -> None:
    flow = bench.arm(41)
    bench.a.send(packet(41))
    assert bench.step() == 1
    assert bench.b.recv(2048) == build(0, 9000, 77, OUT_SSRC, LOUD_FRAME)
    bench.a.send(packet(42))
    assert bench.step(NOW + 0.02) == 1
    assert bench.b.recv(2048) == build(0, 9001, 77 + 160, OUT_SSRC, LOUD_FRAME)
    assert flow.expect == first_eight_bytes(packet(43))
    assert (flow.heard_at, flow.loud_at, flow.failures) == (NOW + 0.02, NOW + 0.02, 0)
    assert bench.handed_over() == []


@pytest.mark.parametrize("bench", [NATIVE], indirect=True)
@pytest.mark.parametrize("suite", list(KEY_BYTES))
def test_srtp_is_opened_and_protected_on_the_way(bench: Bench, suite: str) -> None:
    peer, ours, key = (bytes([fill]) * KEY_BYTES[suite] for fill in (1, 2, 3))
    sender, receiver = SrtpSender(suite, peer), SrtpReceiver(suite, peer)
    protects = SrtpSender(suite, ours)
    flow = bench.arm(41)
    flow.srtp_in, flow.srtp_out = receiver.address, protects.address
    flow.size += TAG_BYTES[suite]
    forger, opens = SrtpSender(suite, key), SrtpReceiver(suite, ours)
    for number in (41, 42):
        for data in (forger.protect(packet(number)), sender.protect(packet(number))):
            bench.a.send(data)
            assert bench.step() == 1
        buffer = bytearray(bench.b.recv(2048))
        size = opens.unprotect(buffer, len(buffer))
        assert buffer[:size] == build(0, 8959 + number, 160 * number - 6483, OUT_SSRC, LOUD_FRAME)
    assert (flow.unauthentic, flow.failures) == (2, 0)
    assert flow.expect == first_eight_bytes(packet(43))
    assert bench.handed_over() == []


def test_the_relay_in_python_leaves_srtp_to_the_general_path() -> None:
    bench = Bench(plain())
    bench.flow_a.srtp_in = 1
    flow = bench.arm(41)
    assert flow.expect == 0
    bench.close()


@pytest.mark.parametrize("bench", [NATIVE], indirect=True)
def test_a_packet_that_cannot_be_protected_is_not_sent(bench: Bench) -> None:
    sender = SrtpSender("AES_CM_128_HMAC_SHA1_80", bytes(30))
    flow = bench.arm(41)
    flow.srtp_out = sender.address
    # Its number is far behind what the context has sent.
    sender.protect(build(0, 9000 + 1000, 0, OUT_SSRC, LOUD_FRAME))
    bench.a.send(packet(41))
    assert bench.step() == 1
    assert flow.failures == 1
    with pytest.raises(BlockingIOError):
        bench.b.recv(2048)


@pytest.mark.parametrize(("received", "sent"), list(TRANSLATION))
def test_the_payload_is_converted(bench: Bench, received: str, sent: str) -> None:
    bench.arm(1).translation = TRANSLATIONS[received, sent]
    for sequence, payload in ((1, LOUD_FRAME), (2, bytes(range(96, 256)))):
        bench.a.send(packet(sequence, payload))
        bench.step()
        table = TRANSLATION[received, sent]
        assert bench.b.recv(2048)[12:] == (payload.translate(table) if table else payload)


@pytest.mark.parametrize("codec", list(CODECS))
def test_silence_is_not_loud(bench: Bench, codec: str) -> None:
    flow = bench.arm(1)
    flow.codec = CODECS[codec]
    bench.a.send(packet(1, SILENCE[codec]))
    bench.step()
    assert (flow.heard_at, flow.loud_at) == (NOW, 0.0)


def test_jitter_is_that_of_rfc_3550(bench: Bench) -> None:
    flow = bench.arm(1)
    expected = 0.0
    for sequence, late_ms in enumerate((0, 5, -5, 0), start=1):
        bench.a.send(packet(sequence))
        bench.step(flow.heard_at + 0.02 + late_ms / 1000)
        expected += (abs(late_ms) * 8 - expected) / 16
        assert flow.jitter == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("pause_s", [1.0, 1.5, 10.0])
def test_a_sender_that_paused_is_no_jitter(bench: Bench, pause_s: float) -> None:
    """Its packets go on from each other, its clock stood still: as `Reception` counts it."""
    flow, reception = bench.arm(2), Reception()
    reception.start(SSRC, 1, 160, NOW)
    reception.receive(1, 160, 160, NOW)
    reception.receive(2, 320, 160, NOW + pause_s)
    flow.heard_at = NOW
    bench.a.send(packet(2))
    bench.step(NOW + pause_s)
    assert flow.jitter == pytest.approx(reception.jitter, abs=1e-9)
    assert flow.heard_at == NOW + pause_s


@pytest.mark.parametrize(
    "data",
    [
        packet(42),
        packet(41, ssrc=SSRC + 1),
        packet(41) + b"\0",
        packet(41)[:-1],
        build(0, 41, 160 * 41, SSRC, LOUD_FRAME, marker=True),
        b"",
        bytes(1999),
    ],
    ids=["another number", "another source", "longer", "shorter", "marker", "empty", "garbage"],
)
def test_any_other_packet_is_handed_over_as_it_came(bench: Bench, data: bytes) -> None:
    flow = bench.arm(41)
    before = snapshot(flow)
    bench.a.send(data)
    assert bench.step() == 1
    assert bench.relay.take_packet(bench.buffer) == (bench.serial_a, len(data), NOW)
    assert bench.buffer[: len(data)] == data
    assert bench.relay.take_packet(bench.buffer) is None
    assert snapshot(flow) == before


def test_a_flow_that_expects_nothing_hands_over_everything(bench: Bench) -> None:
    bench.arm(41).disarm()
    bench.a.send(packet(41))
    bench.step()
    bench.a.send(bytes(172))  # not even what looks like the number that stands for nothing
    bench.flow_a.ssrc = 0
    bench.step()
    assert bench.handed_over() == [(bench.serial_a, packet(41)), (bench.serial_a, bytes(172))]
    with pytest.raises(BlockingIOError):
        bench.b.recv(2048)


def test_the_run_stops_where_a_number_would_carry(bench: Bench) -> None:
    bench.arm(41, room=1)
    for sequence in (41, 42):
        bench.a.send(packet(sequence))
        assert bench.step() == 1
    assert len(bench.b.recv(2048)) == 172
    assert bench.handed_over() == [(bench.serial_a, packet(42))]


def test_it_goes_on_behind_the_packet_that_was_handed_over(bench: Bench) -> None:
    bench.arm(41)
    bench.b.send(packet(7))
    bench.a.send(packet(41))
    assert bench.step() == 2
    assert bench.handed_over() == [(bench.serial_b, packet(7))]
    assert len(bench.b.recv(2048)) == 172


def test_no_packet_overtakes_one_that_is_not_dealt_with(bench: Bench) -> None:
    """What was handed over comes first, be the next one ever so much as expected."""
    bench.arm(41)
    for sequence in (40, 41, 42):
        bench.a.send(packet(sequence))
        bench.step()
    assert bench.relay.take_packet(bench.buffer) == (bench.serial_a, 172, NOW)
    bench.a.send(packet(43))
    bench.step()
    assert bench.handed_over() == [(bench.serial_a, packet(number)) for number in (41, 42, 43)]
    with pytest.raises(BlockingIOError):
        bench.b.recv(2048)
    bench.a.send(packet(41))  # now that all is dealt with
    bench.step()
    assert bench.b.recv(2048) == build(0, 9000, 77, OUT_SSRC, LOUD_FRAME)


def test_of_one_flow_a_bounded_number_waits(bench: Bench) -> None:
    for number in range(70):
        bench.a.send(packet(number))
        bench.b.send(packet(number))
        bench.step()
    handed_over = bench.handed_over()
    assert [data for serial, data in handed_over if serial == bench.serial_b] == [
        packet(number) for number in range(64)
    ]
    assert len(handed_over) == 128
    assert bench.relay.overflowed == 12
    bench.a.send(packet(99))
    bench.step()
    assert bench.handed_over() == [(bench.serial_a, packet(99))]


def test_what_is_handed_over_keeps_its_bytes_however_often_the_queue_goes_round(
    bench: Bench,
) -> None:
    """Datagrams of all sizes, a few megabytes of them, some of which wait while others come."""
    waiting: list[bytes] = []
    for number in range(3000):
        data = bytes([number & 0xFF]) * (number * 37 % 2048)
        bench.a.send(data)
        waiting.append(data)
        bench.step()
        if number % 7 == 0 or len(waiting) > 50:
            for _ in range(5 + number % 3):
                taken = bench.relay.take_packet(bench.buffer)
                if taken is None:
                    break
                assert bench.buffer[: taken[1]] == waiting.pop(0)
    assert [data for _, data in bench.handed_over()] == waiting
    assert bench.relay.overflowed == 0


def test_what_was_handed_over_of_a_former_flow_has_its_number(bench: Bench) -> None:
    bench.a.send(packet(1))
    bench.step()
    bench.relay.remove_flow(bench.line_a.fileno())
    bench.a.send(packet(2))
    assert bench.step() == 0
    again = bench.relay.add_flow(bench.line_a.fileno(), bench.flow_a)
    assert bench.step() == 1
    assert bench.handed_over() == [(bench.serial_a, packet(1)), (again, packet(2))]
    bench.arm(3)
    bench.a.send(packet(3))
    bench.step()
    assert bench.b.recv(2048) == build(0, 9000, 77, OUT_SSRC, LOUD_FRAME)


def test_a_flow_has_one_place(bench: Bench) -> None:
    for fd, flow, reason in (
        (bench.line_a.fileno(), type(bench.flow_a)(), errno.EEXIST),
        (bench.a.fileno(), bench.flow_a, errno.EEXIST),
        (1 << 17, type(bench.flow_a)(), errno.EMFILE),
    ):
        with pytest.raises(OSError) as refused:
            bench.relay.add_flow(fd, flow)
        assert refused.value.errno == reason
    with pytest.raises(KeyError):
        bench.relay.remove_flow(bench.a.fileno())


def test_figures_are_counted_anew_once_they_are_read(bench: Bench) -> None:
    flow = bench.arm(41)
    flow.failures, flow.unauthentic = 3, 2
    expect = first_eight_bytes(packet(41))
    assert flow.figures() == (expect, NOW - 0.02, 3, 2)
    assert flow.figures() == (expect, NOW - 0.02, 0, 0)
    assert flow.disarm() == (expect, NOW - 0.02, 0, 0)
    assert flow.disarm() == (0, NOW - 0.02, 0, 0)


def test_without_a_listener_the_packet_is_only_counted(bench: Bench) -> None:
    flow = bench.arm(41)
    flow.out_fd = -1
    bench.a.send(packet(41))
    assert bench.step() == 1
    assert flow.expect == first_eight_bytes(packet(42))
    assert flow.failures == 0


def test_a_packet_that_cannot_be_sent_is_counted(bench: Bench) -> None:
    flow = bench.arm(41)
    bench.b.close()
    for sequence in (41, 42, 43):  # the first one reaches nobody, which the second one learns
        bench.a.send(packet(sequence))
        bench.step()
    assert flow.failures == 1
    assert flow.expect == first_eight_bytes(packet(44))


def test_a_pending_error_is_passed_over(bench: Bench) -> None:
    flow = bench.arm(41)
    bench.a.close()
    bench.line_a.send(b"nobody is there")
    assert bench.step() == 1
    assert bench.handed_over() == []
    assert flow.expect == first_eight_bytes(packet(41))


def test_no_more_than_the_limit_at_once(bench: Bench) -> None:
    for peer in (bench.a, bench.b):
        peer.send(b"x")
    assert bench.step(limit=1) == 1
    assert bench.step() == 1


def test_each_batch_has_its_time_by_the_clock_where_none_is_given(bench: Bench) -> None:
    before = monotonic()
    bench.a.send(packet(1))
    bench.relay.drain(64, 8, 0.0)
    taken = bench.relay.take_packet(bench.buffer)
    assert taken is not None
    assert before <= taken[2] <= monotonic()


def test_a_new_flow_expects_nothing_and_goes_nowhere(bench: Bench) -> None:
    flow = type(bench.flow_a)()
    assert snapshot(flow) == [-1 if name == "out_fd" else 0 for name in FIELDS]


@pytest.mark.parametrize("bench", [NATIVE], indirect=True)
def test_what_cannot_be_is_refused(bench: Bench) -> None:
    relay_type, flow_type = type(bench.relay), type(bench.flow_a)
    for made, kind in (
        (lambda: relay_type(b"", TRANSLATED_SAMPLES, 0, 0), ValueError),
        (lambda: relay_type(LOUD_SAMPLES, b"", 0, 0), ValueError),
        (lambda: relay_type("", "", 0, 0), TypeError),  # type: ignore[arg-type]
        (lambda: flow_type(1), TypeError),  # type: ignore[call-arg]
        (lambda: bench.relay.add_flow(bench.a.fileno(), object()), TypeError),  # type: ignore[arg-type]
        (lambda: bench.relay.take_packet(bytearray(100)), ValueError),
        (lambda: bench.relay.take_packet(b""), TypeError),  # type: ignore[arg-type]
        (lambda: bench.relay.remove_flow(-1), KeyError),
    ):
        with pytest.raises(kind):
            made()
    bench.relay.close()
    bench.relay.close()
    with pytest.raises(ValueError, match="closed"):
        bench.relay.fileno()


@pytest.mark.parametrize("threaded", [NATIVE], indirect=True)
def test_the_thread_forwards_while_python_does_nothing(threaded: Bench) -> None:
    flow = threaded.arm(41)
    threaded.b.settimeout(WAIT_S)
    for number in range(50):
        threaded.a.send(packet(41 + number))
        assert threaded.b.recv(2048) == build(
            0, 9000 + number, 77 + 160 * number, OUT_SSRC, LOUD_FRAME
        )
    assert flow.figures()[0] == first_eight_bytes(packet(91))


@pytest.mark.parametrize("threaded", [NATIVE], indirect=True)
def test_the_thread_says_when_it_hands_over(threaded: Bench) -> None:
    for number in range(3):
        threaded.a.send(packet(number))
        assert select.select([threaded.relay], [], [], WAIT_S)[0]
        assert threaded.handed_over() == [(threaded.serial_a, packet(number))]
        assert not select.select([threaded.relay], [], [], 0)[0]


@pytest.mark.parametrize("threaded", [NATIVE], indirect=True)
def test_packets_keep_their_order_whoever_deals_with_them(threaded: Bench) -> None:
    """Python takes the stream back and arms it again, while a few hundred packets come."""
    flow, sent = threaded.flow_a, 0
    got: list[int] = []
    threaded.b.setblocking(False)

    def deliver() -> None:
        """Deal with what was handed over as the general path does, and arm for the next."""
        while (taken := threaded.relay.take_packet(threaded.buffer)) is not None:
            flow.disarm()
            data = bytes(threaded.buffer[: taken[1]])
            threaded.line_b.send(data)
            expect = first_eight_bytes(data) + STEP
            flow.delta, flow.ssrc, flow.out_ssrc = 0, SSRC, SSRC
            flow.out_fd, flow.size = threaded.line_b.fileno(), PACKET_BYTES
            flow.arm(expect, 0)

    deadline = monotonic() + WAIT_S
    while len(got) < 600 and monotonic() < deadline:
        if sent < 600 and sent - len(got) < 20:
            threaded.a.send(packet(sent))
            sent += 1
        if sent % 13 == 0:
            flow.disarm()
        deliver()
        with contextlib.suppress(BlockingIOError):
            got.append(int.from_bytes(threaded.b.recv(2048)[2:4], "big"))
    assert got == list(range(600))


@pytest.mark.parametrize("threaded", [NATIVE], indirect=True)
def test_flows_come_and_go_while_packets_do(threaded: Bench) -> None:
    fd = threaded.line_a.fileno()
    for number in range(300):
        for _ in range(5):
            threaded.a.send(packet(number))
        threaded.relay.remove_flow(fd)
        with contextlib.suppress(BlockingIOError):
            while True:
                threaded.line_a.recv(2048)
        assert threaded.relay.add_flow(fd, threaded.flow_a) > threaded.serial_a
        threaded.handed_over()
    threaded.a.send(packet(1000))
    deadline, found = monotonic() + WAIT_S, False
    while not found and monotonic() < deadline:
        found = any(data == packet(1000) for _, data in threaded.handed_over())
    assert found


@pytest.mark.parametrize("threaded", [NATIVE], indirect=True)
def test_the_thread_reads_at_fixed_times_under_load_and_rests_after_it(threaded: Bench) -> None:
    threaded.arm(0, room=60_000)
    clock = time.pthread_getcpuclockid(threaded.thread_id)
    for _ in range(100):  # until some hundred milliseconds have passed with many wakes
        for _ in range(40):
            threaded.b.send(b"x")
        threaded.handed_over()
        time.sleep(0.002)
    deadline = monotonic() + WAIT_S
    while monotonic() < deadline:
        before = time.clock_gettime(clock)
        time.sleep(0.1)
        if time.clock_gettime(clock) - before < 0.001:
            return
    raise AssertionError("the thread goes on looking although nothing comes")


def press_frames() -> list[bytes]:
    """Packets of 20 ms: silence, and from the third on a key."""
    sound = SILENCE["PCMU"] * 2 + dtmf_clip("5", 100, 100).pcmu
    return [sound[at : at + 160] for at in range(0, len(sound), 160)]


@pytest.mark.parametrize("bench", [NATIVE], indirect=True)
def test_a_packet_in_which_a_key_may_begin_is_handed_over(bench: Bench) -> None:
    relay, flow = cast(NativeRelay, bench.relay), cast(NativeFlow, bench.flow_a)
    relay.set_tones(TONE_TABLES)
    flow.watch_tones(SILENCE["PCMU"] * 2)
    bench.arm(41)
    frames = press_frames()
    for number, frame in enumerate(frames[:3]):
        bench.a.send(packet(41 + number, frame))
        bench.step()
    ((serial, data),) = bench.handed_over()
    assert (serial, data) == (bench.serial_a, packet(43, frames[2]))
    assert flow.kept() == frames[0] + frames[1]
    assert flow.expect == first_eight_bytes(packet(43))
    # Where nobody looks for keys, all of it is forwarded.
    bench.flow_a.disarm()
    flow.watch_tones(b"")
    bench.arm(43)
    bench.a.send(packet(43, frames[2]))
    bench.step()
    assert bench.handed_over() == []


@pytest.mark.parametrize("bench", [NATIVE], indirect=True)
def test_a_table_of_tones_or_what_is_kept_of_another_size_is_refused(bench: Bench) -> None:
    relay, flow = cast(NativeRelay, bench.relay), cast(NativeFlow, bench.flow_a)
    for take in (relay.set_tones, flow.watch_tones):
        with pytest.raises(ValueError, match=r"another size|or none"):
            take(b"x")
        with pytest.raises(TypeError):
            take(cast(bytes, 1))
    relay.close()
    with pytest.raises(ValueError, match="closed"):
        relay.set_tones(TONE_TABLES)
