"""The compiled loop: what it forwards, to the bit, and at what it hands back to Python."""

import importlib
import importlib.util
import os
import resource
import select
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
import pytest

from media.rtp import rtp
from media.rtp.flow import Flow
from media.rtp.receive_stats import Reception
from media.rtp.rtp import build
from media.rtp.srtp import TAG_BYTES, SrtpReceiver, SrtpSender
from media.sound import g711, level
from media.sound.g711 import SILENCE, TRANSLATION
from media.worker import fast_path
from media.worker.fast_path import (
    CODECS,
    EPOLL_EVENT,
    FLOW,
    MAX_DATAGRAM_BYTES,
    STEP,
    TRANSLATIONS,
    _compiled,
    forward,
    poll,
)

KEY_BYTES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
SSRC, OUT_SSRC = 0xFEDCBA98, 0x89ABCDEF
NOW = 100.0
LOUD_FRAME = bytes(range(160))


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
    """Two peers, each with the socket that faces it, and the tables that the loop works on."""

    def __init__(self) -> None:
        self.a, self.line_a = udp_pair()
        self.b, self.line_b = udp_pair()
        self.flows = np.zeros(max(self.line_a.fileno(), self.line_b.fileno()) + 1, FLOW)
        self.events = np.zeros(16, EPOLL_EVENT)
        self.packet = np.zeros(MAX_DATAGRAM_BYTES, np.uint8)
        self.epoll = select.epoll()
        for line in (self.line_a, self.line_b):
            self.epoll.register(line.fileno(), select.EPOLLIN)

    def flow(self, line: socket.socket) -> Flow:
        return Flow.from_buffer(self.flows.data, line.fileno() * FLOW.itemsize)

    def arm(self, sequence: int, out_sequence: int = 9000, room: int = 100) -> Flow:
        """Expect `sequence` from a, to go to b as PCMU with other numbers."""
        flow = self.flow(self.line_a)
        flow.expect = first_eight_bytes(packet(sequence))
        flow.stop = flow.expect + room * STEP
        flow.delta = first_eight_bytes(build(0, out_sequence, 77, OUT_SSRC, b"")) - flow.expect
        flow.ssrc, flow.out_ssrc = SSRC, OUT_SSRC
        flow.out_fd = self.line_b.fileno()
        flow.size = rtp.PACKET_BYTES
        flow.heard_at = NOW - 0.02
        flow.codec = CODECS["PCMU"]
        return flow

    def step(self, now: float = NOW) -> tuple[int, tuple[int, int]]:
        """One batch; how many sockets were readable, and what the loop says."""
        count = poll(self.epoll.fileno(), self.events, 16)
        return count, forward(self.events, 0, count, self.flows, self.packet, now)

    def close(self) -> None:
        self.epoll.close()
        for sock in (self.a, self.b, self.line_a, self.line_b):
            sock.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_the_expected_packet_goes_out_with_our_numbers(bench: Bench) -> None:
    flow = bench.arm(41)
    bench.a.send(packet(41))
    assert bench.step() == (1, (1, 0))
    assert bench.b.recv(2048) == build(0, 9000, 77, OUT_SSRC, LOUD_FRAME)
    bench.a.send(packet(42))
    assert bench.step(NOW + 0.02) == (1, (1, 0))
    assert bench.b.recv(2048) == build(0, 9001, 77 + 160, OUT_SSRC, LOUD_FRAME)
    assert flow.expect == first_eight_bytes(packet(43))
    assert (flow.heard_at, flow.loud_at, flow.failures) == (NOW + 0.02, NOW + 0.02, 0)


@pytest.mark.parametrize("suite", list(KEY_BYTES))
def test_srtp_is_opened_and_protected_on_the_way(bench: Bench, suite: str) -> None:
    peer, ours, key = (bytes([fill]) * KEY_BYTES[suite] for fill in (1, 2, 3))
    sender, receiver = SrtpSender(suite, peer), SrtpReceiver(suite, peer)
    protects = SrtpSender(suite, ours)
    flow = bench.arm(41)
    flow.srtp_in, flow.srtp_out = receiver.address, protects.address
    flow.size += TAG_BYTES[suite]
    forged = SrtpSender(suite, key).protect(packet(41))
    opens = SrtpReceiver(suite, ours)
    for number in (41, 42):
        data = sender.protect(packet(number))
        bench.a.send(forged)
        bench.a.send(data)
        assert bench.step()[1][1] == (0 if number == 41 else flow.size)
        bench.step()
        buffer = bytearray(bench.b.recv(2048))
        size = opens.unprotect(buffer, len(buffer))
        assert buffer[:size] == build(0, 8959 + number, 160 * number - 6483, OUT_SSRC, LOUD_FRAME)
    # The second time, the forged packet was not the one that was expected: Python looks at it.
    assert (flow.unauthentic, flow.failures) == (1, 0)
    assert flow.expect == first_eight_bytes(packet(43))


def test_a_packet_that_cannot_be_protected_is_not_sent(bench: Bench) -> None:
    sender = SrtpSender("AES_CM_128_HMAC_SHA1_80", bytes(30))
    flow = bench.arm(41)
    flow.srtp_out = sender.address
    # Its number is far behind what the context has sent.
    sender.protect(build(0, 9000 + 1000, 0, OUT_SSRC, LOUD_FRAME))
    bench.a.send(packet(41))
    assert bench.step() == (1, (1, 0))
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
def test_any_other_packet_is_handed_back_as_it_came(bench: Bench, data: bytes) -> None:
    flow = bench.arm(41)
    before = bytes(flow)
    bench.a.send(data)
    assert bench.step() == (1, (0, len(data)))
    assert bench.events["fd"][0] == bench.line_a.fileno()
    assert bench.packet[: len(data)].tobytes() == data
    assert bytes(flow) == before


def test_a_flow_that_expects_nothing_hands_back_everything(bench: Bench) -> None:
    bench.arm(41).expect = 0
    bench.a.send(packet(41))
    assert bench.step() == (1, (0, 172))
    bench.a.send(bytes(172))  # not even what looks like the number that stands for nothing
    bench.flow(bench.line_a).ssrc = 0
    assert bench.step()[0] == 1
    with pytest.raises(BlockingIOError):
        bench.b.recv(2048)


def test_the_run_stops_where_a_number_would_carry(bench: Bench) -> None:
    bench.arm(41, room=1)
    bench.a.send(packet(41))
    assert bench.step() == (1, (1, 0))
    bench.a.send(packet(42))
    assert bench.step() == (1, (0, 172))


def test_it_goes_on_behind_the_packet_that_was_handed_back(bench: Bench) -> None:
    bench.arm(41)
    bench.b.send(packet(7))
    bench.a.send(packet(41))
    count = poll(bench.epoll.fileno(), bench.events, 16)
    handed_back, at = [], 0
    while True:
        at, size = forward(bench.events, at, count, bench.flows, bench.packet, NOW)
        if at == count:
            break
        handed_back.append((int(bench.events["fd"][at]), size))
        at += 1
    assert handed_back == [(bench.line_b.fileno(), 172)]
    assert len(bench.b.recv(2048)) == 172


def test_without_a_listener_the_packet_is_only_counted(bench: Bench) -> None:
    flow = bench.arm(41)
    flow.out_fd = -1
    bench.a.send(packet(41))
    assert bench.step() == (1, (1, 0))
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
    count, (index, size) = bench.step()
    assert (count, index, size) == (1, 1, 0)
    assert flow.expect == first_eight_bytes(packet(41))


def test_no_more_than_the_limit_at_once(bench: Bench) -> None:
    for peer in (bench.a, bench.b):
        peer.send(b"x")
    assert poll(bench.epoll.fileno(), bench.events, 1) == 1
    assert poll(bench.epoll.fileno(), bench.events, 16) == 2


def test_a_closed_epoll_has_nothing() -> None:
    epoll = select.epoll()
    fd = os.dup(epoll.fileno())
    epoll.close()
    os.close(fd)
    assert poll(fd, np.zeros(1, EPOLL_EVENT), 1) == 0


def function_in(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """A function of a file of its own, whose machine code is kept in `directory`."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(directory))
    source = directory / "plus_one.py"
    if not source.exists():
        source.write_text("def plus_one(number):\n    return number + 1\n")
    # Of a module that can be imported: else more than its code would have to be kept.
    monkeypatch.syspath_prepend(directory)
    monkeypatch.delitem(sys.modules, "plus_one", raising=False)
    plus_one: Callable[[int], int] = importlib.import_module("plus_one").plus_one
    return plus_one


def test_without_a_place_for_the_cache_it_is_compiled_all_the_same() -> None:
    made: dict[str, Any] = {}
    exec("def plus_one(number):\n    return number + 1", made)  # of no file: nowhere to keep it
    assert _compiled(0)(made["plus_one"])(41) == 42


@pytest.mark.parametrize("kept", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("spoilt", [b"", b"no machine code"])
def test_a_spoilt_cache_does_not_keep_the_worker_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str, spoilt: bytes
) -> None:
    assert _compiled(0)(function_in(tmp_path, monkeypatch))(41) == 42
    (file,) = tmp_path.rglob(kept)
    file.write_bytes(spoilt)
    assert _compiled(0)(function_in(tmp_path, monkeypatch))(41) == 42


def test_a_full_disk_does_not_keep_the_worker_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plus_one = function_in(tmp_path, monkeypatch)
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        compiled = _compiled(0)(plus_one)
        compiled(41)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert compiled(41) == 42
    assert not list(tmp_path.rglob("*.nbi"))


def started_again() -> ModuleType:
    """The fast path as the next worker has it, which may find the machine code of this one."""
    spec = importlib.util.spec_from_file_location(fast_path.__name__, fast_path.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def step_with(module: ModuleType, bench: Bench) -> tuple[Flow, bytes]:
    """One packet of silence through that fast path, from PCMU to PCMA."""
    flow = bench.arm(41)
    flow.translation, flow.loud_at = TRANSLATIONS["PCMU", "PCMA"], 0.0
    bench.a.send(packet(41, SILENCE["PCMU"]))
    count = poll(bench.epoll.fileno(), bench.events, 16)
    assert module.forward(bench.events, 0, count, bench.flows, bench.packet, NOW) == (1, 0)
    return flow, bench.b.recv(2048)[12:]


def test_machine_code_kept_from_before_does_not_outlive_what_it_was_made_of(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba looks at the text of one file, and other files say what is loud and how it is sent."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    flow, sent = step_with(started_again(), bench)
    assert (flow.loud_at, sent) == (0.0, SILENCE["PCMA"])
    assert started_again().forward.stats.cache_hits  # as nothing has changed

    everything = {codec: bytes([1]) * 256 for codec in CODECS}
    with monkeypatch.context() as change:
        change.setattr(level, "LOUD", everything)
        flow, _ = step_with(started_again(), bench)
    assert flow.loud_at == NOW
    with monkeypatch.context() as change:
        change.setattr(g711, "ULAW_TO_ALAW", bytes([7]) * 256)
        _, sent = step_with(started_again(), bench)
    assert sent == bytes([7]) * 160
    with monkeypatch.context() as change:
        change.setattr(rtp, "FRAME_SAMPLES", 80)
        flow, _ = step_with(started_again(), bench)
    assert flow.expect == first_eight_bytes(packet(41)) + (1 << 32) + 80
