"""The load peer's RTP against relays made here, over real sockets."""

import itertools
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from media.rtp.srtp import SrtpReceiver
from scripts.load.behaviour import Behaviour
from scripts.load.hearing import LATE_NS, _breaks, _lateness_ns, _latest, _reordered
from scripts.load.phones import Address, Call
from scripts.load.rtp_side import GAP_NS, RtpSide
from scripts.load.sip_text import PHONE_KEY, SUITE, SipText
from scripts.load.talk import INTERRUPTED_NS, SENT_PACKET, SLOT_NS, SLOTS


class Relay:
    """One socket a leg; `route` says from which leg's packets go to which leg's phone."""

    def __init__(self, phones: list[Address], route: Callable[[int], int | None]) -> None:
        self.sockets = []
        self._route = route
        self._sequence = [0] * len(phones)
        self._poll = select.poll()
        for phone in phones:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            sock.connect(phone)
            sock.setblocking(False)
            self.sockets.append(sock)
            self._poll.register(sock, select.POLLIN)
        self._leg_of = {sock.fileno(): leg for leg, sock in enumerate(self.sockets)}

    @property
    def pairs(self) -> list[tuple[Address, Address]]:
        names = [sock.getsockname() for sock in self.sockets]
        return list(zip(names[::2], names[1::2], strict=True))

    def run(self) -> None:
        for fd, _ in self._poll.poll(0):
            leg = self._leg_of[fd]
            packet = bytearray(self.sockets[leg].recv(2048))
            to = self._route(leg)
            if to is not None:
                self._sequence[to] += 1
                packet[2:4] = self._sequence[to].to_bytes(2, "big")
                self.sockets[to].send(packet)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


@pytest.fixture
def side() -> Iterator[RtpSide]:
    made = RtpSide(64)
    yield made
    made.close()


def _talk(side: RtpSide, relay: Relay, seconds: float) -> dict[str, Any]:
    """Let the phones talk for a while through this relay, and report."""
    side.feed(relay.pairs)
    side.open_window(1)
    now_ns = time.time_ns()
    for _ in range(round(seconds * 1e9) // SLOT_NS):
        now_ns += SLOT_NS
        side.run(now_ns)
        relay.run()
    side.open_window(0)
    for _ in range(200):
        relay.run()
    return side.close_window(1)


def test_partners_hear_each_other_and_nobody_else(side: RtpSide) -> None:
    relay = Relay(side.direct_phones(8), lambda leg: leg ^ 1)
    report = _talk(side, relay, 0.5)
    relay.close()
    assert report["sent"] >= 8 * 5
    assert report["heard"] == report["sent"]
    assert (report["lost"], report["duplicates"], report["breaks"]) == (0, 0, 0)
    assert 0 < report["delay_p50_ms"] <= report["delay_p99_ms"] <= report["delay_max_ms"]
    assert side.hearing.from_others == 0
    assert side.hearing.from_partner == side.hearing.packets


def test_packets_that_a_relay_drops_are_missed(side: RtpSide) -> None:
    relay = Relay(side.direct_phones(4), lambda leg: None if leg == 0 else leg ^ 1)
    report = _talk(side, relay, 0.3)
    relay.close()
    assert report["lost"] == report["sent"] - report["heard"] > 0
    assert report["lost"] == pytest.approx(report["sent"] / 4, abs=4)


def test_packets_of_a_batch_that_was_interrupted_have_no_delay(side: RtpSide) -> None:
    calls = itertools.count()
    side.direct._clock_ns = lambda: time.time_ns() + next(calls) % 2 * 2 * INTERRUPTED_NS
    relay = Relay(side.direct_phones(4), lambda leg: leg ^ 1)
    report = _talk(side, relay, 0.2)
    relay.close()
    assert report["undated"] == report["heard"] == report["sent"] > 0
    assert (report["lost"], report["delay_max_ms"]) == (0, 0.0)


def test_who_was_late_catches_up_without_a_burst(side: RtpSide) -> None:
    relay = Relay(side.direct_phones(SLOTS), lambda leg: leg ^ 1)
    side.feed(relay.pairs)
    side.open_window(1)
    now_ns = started_ns = time.time_ns()
    side.run(now_ns)
    now_ns += 20 * SLOT_NS  # held up
    sent = []
    for _ in range(60):
        side.run(now_ns)
        sent.append(side.direct.sent[1])
        now_ns = max(now_ns + GAP_NS, side.due_ns)
    relay.close()
    assert [later - before for before, later in itertools.pairwise(sent)] == [1] * 59
    assert now_ns - started_ns == 61 * SLOT_NS  # up with the time again


@pytest.mark.parametrize(
    ("shift", "who"), [(2, "another pair"), (0, "itself")], ids=lambda value: str(value)
)
def test_a_phone_that_hears_another_than_its_partner_is_found(
    side: RtpSide, shift: int, who: str
) -> None:
    phones = side.direct_phones(4)
    relay = Relay(phones, lambda leg: (leg + shift) % 4)
    _talk(side, relay, 0.2)
    relay.close()
    assert side.hearing.from_others == side.hearing.packets > 0, who
    assert "heard stream" in side.hearing.first_other


def test_a_break_in_the_sequence_a_phone_hears_is_counted(side: RtpSide) -> None:
    relay = Relay(side.direct_phones(2), lambda leg: leg ^ 1)
    relay._sequence[0] = 100
    side.feed(relay.pairs)
    side.open_window(1)
    for step in range(200):
        if step == 100:
            relay._sequence[0] += 7
        end = time.monotonic() + 0.001
        while time.monotonic() < end:
            side.run(time.time_ns())
            relay.run()
    report = side.close_window(1)
    relay.close()
    assert report["breaks"] == 1


def test_what_was_sent_before_a_window_is_no_hole_in_it(side: RtpSide) -> None:
    relay = Relay(side.direct_phones(2), lambda leg: leg ^ 1)
    side.feed(relay.pairs)
    fill = bytearray(172)  # a frame of the engine's own, which comes first
    fill[0] = 0x80
    relay.sockets[0].send(fill)
    side.hearing.window = 1
    now_ns = time.time_ns()
    for window in (0, 1, 0):
        side.open_window(window)
        for _ in range(3 * SLOTS):  # three packets of each
            now_ns += SLOT_NS
            side.run(now_ns)
            relay.run()
    report = side.close_window(1)
    relay.close()
    assert report["breaks"] == 0
    assert report["heard"] == report["sent"] == 2 * 3
    assert report["engine_frames"] == 1


@pytest.mark.parametrize(
    ("heard", "breaks", "reordered"),
    [
        ([(65534, 1), (65535, 2), (0, 3), (1, 4)], 0, 0),
        ([(65534, 1), (0, 3), (65535, 2), (1, 4)], 0, 1),
        ([(10, 1), (11, 2), (13, 3)], 1, 0),
        ([(10, 1), (11, 2), (11, 3)], 1, 0),
        ([(10, 1), (11, 3), (12, 2)], 1, 0),
    ],
    ids=["in order", "network reorders", "a hole", "a repetition", "relay reorders"],
)
def test_what_the_network_reorders_is_no_break(
    heard: list[tuple[int, int]], breaks: int, reordered: int
) -> None:
    sequence, numbers = np.array(heard, np.int64).T
    phones = np.full(len(heard), 3)
    assert _breaks(phones, sequence, numbers, np.full(len(heard), True)) == breaks
    assert _reordered(phones, sequence) == reordered


def test_streams_are_spread_over_the_period_and_leave_no_holes(side: RtpSide) -> None:
    talk = side.calls
    for serial in range(1, 61):
        talk.start(serial, 0x7F010001, (0x7F000001, 9))
    for serial in range(1, 41):
        talk.stop(serial)
    assert len(talk) == 20
    assert all(serial in talk for serial in range(41, 61))
    side.calls_silent = False
    talk.window = 3
    for slot in range(40):
        talk.send(slot)
    assert talk.sent == {3: 20}


def test_more_streams_than_there_is_room_for_are_refused(side: RtpSide) -> None:
    with pytest.raises(RuntimeError, match="more streams"):
        for serial in range(1, 200):
            side.calls.start(serial, 0x7F010001, (0x7F000001, 9))


def test_a_phone_whose_call_is_protected_speaks_srtp(side: RtpSide) -> None:
    offer = f"m=audio 5000 RTP/SAVP 0\r\na=crypto:1 {SUITE} inline:whatever\r\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as engine:
        engine.bind(("127.0.0.1", 0))
        engine.settimeout(30)
        phone = side.take_phone()
        invite = SipText("INVITE", "", 0, {}, [], [], offer)
        call = Call(invite, ("", 0), Behaviour(1, "a"), "t", phone, engine.getsockname())
        side.talk(call)
        assert side.active and not len(side.calls)
        for turn in range(3 * SLOTS):
            side.run(time.time_ns() + turn * SLOT_NS)
        receiver, numbers = SrtpReceiver(SUITE, PHONE_KEY), []
        for _ in range(2):
            data, source = engine.recvfrom(2048)
            assert source == side.address(phone)
            packet = bytearray(data)
            assert receiver.unprotect(packet, len(packet)) == SENT_PACKET.itemsize
            opened = np.frombuffer(bytes(packet[: SENT_PACKET.itemsize]), SENT_PACKET)[0]
            assert opened["serial"] == call.serial
            numbers.append(int(opened["count"]))
        assert numbers == [1, 2]
        side.hush(call)
        assert not side.active


def test_frames_are_late_beside_the_earliest_of_their_phone() -> None:
    phones = np.array([1, 2, 1, 2, 1, 2])
    stamps = np.array([0xFFFFFF60, 500, 0, 660, 160, 980])  # one wraps, one leaves a frame out
    ms = np.array([100, 7, 121, 27, 140, 70], np.int64)
    late = _lateness_ns(phones, stamps, ms * 1_000_000)
    assert (late / 1e6).tolist() == [0, 0, 1, 0, 0, 3]
    assert len(_lateness_ns(phones[:0], stamps[:0], ms[:0])) == 0
    late[1], late[5] = LATE_NS + 1, LATE_NS + 2
    found = [(one.phone, one.late_ns - LATE_NS, one.at_ns) for one in _latest(phones, late, ms)]
    assert found == [(2, 2, 70), (2, 1, 7)]
