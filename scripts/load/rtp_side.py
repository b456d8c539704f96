"""The phones' RTP: one socket, an address for every phone, who talks to whom."""

import contextlib
import socket
from collections import deque
from dataclasses import asdict
from typing import Any

from .hearing import NOBODY, Hearing
from .mmsg import ReceiveTable, host_number, host_text
from .phones import Address, Call
from .secure_talk import SecureTalk
from .sip_text import PHONE_KEY, SUITE, crypto_answer
from .talk import SLOT_NS, SLOTS, STRANGER, Talk

FIRST_PHONE = host_number("127.1.0.1")
PHONES = 32_768
DRAIN_EVERY_SLOTS = 8
# Who was late catches up not twice as fast as phones speak: more would be a burst that no phones
# send and no relay can take, and would be measured as its delay.
GAP_NS = SLOT_NS * 3 // 5
FORGIVEN_NS = 2 * SLOTS * SLOT_NS  # what one is later than that is not caught up with
RECEIVE_BUFFER_BYTES = 64 * 1024 * 1024
SO_RCVBUFFORCE = 33  # asm-generic/socket.h


class RtpSide:
    """Streams of calls, streams fed straight to a relay, and streams of intruders."""

    def __init__(self, streams: int) -> None:
        self.sock, self._rtcp = _port_pair()
        self.port = int(self.sock.getsockname()[1])
        fd = self.sock.fileno()
        self.calls = Talk(fd, streams)
        self.secure_calls = SecureTalk(self.sock, streams, suite=SUITE, key=PHONE_KEY)
        self.direct = Talk(fd, streams)
        self.intruders = Talk(fd, streams)
        self.hearing = Hearing(fd, FIRST_PHONE, PHONES)
        self.calls_silent = False
        self.direct_silent = False
        self.muted = False
        self._free = deque(range(PHONES))
        self._serial = 0
        self._sides: dict[int, dict[str, Call]] = {}
        self._numbers: dict[int, int] = {}  # of who spoke last by a phone
        self._direct: list[tuple[int, int]] = []
        self._slot = 0
        self._due_ns = 0
        self._not_before_ns = 0
        self.late_max_ns = 0
        self.rtcp_packets = 0

    @property
    def active(self) -> bool:
        """Whether any stream is to be sent."""
        calls = (len(self.calls) or len(self.secure_calls)) and not self.calls_silent
        return bool(calls or (len(self.direct) and not self.direct_silent) or len(self.intruders))

    def take_phone(self) -> int:
        """A free phone, the one that has been free longest."""
        return self._free.popleft()

    def free_phone(self, phone: int) -> None:
        """Give a phone back; it has no partner any more."""
        self.hearing.pair(phone, NOBODY)
        self._free.append(phone)

    def address(self, phone: int) -> Address:
        """The RTP address of this phone."""
        return host_text(FIRST_PHONE + phone), self.port

    def talk(self, call: Call) -> None:
        """Let an answered phone speak to where the engine listens, and hear its partner.

        A phone whose call is protected speaks; what it hears counts as the engine's own.
        """
        if call.serial or self.muted or call.behaviour.mute or call.remote_audio is None:
            return
        call.serial = self._next_serial()
        host, port = call.remote_audio
        talk = self.secure_calls if crypto_answer(call.invite.body) else self.calls
        talk.start(call.serial, FIRST_PHONE + call.phone, (host_number(host), port))
        sides = self._sides.setdefault(call.behaviour.number, {})
        sides[call.behaviour.side] = call
        self._numbers[call.phone] = call.behaviour.number
        if len(sides) == 2:
            self.hearing.pair(sides["a"].phone, sides["b"].serial)
            self.hearing.pair(sides["b"].phone, sides["a"].serial)

    def hush(self, call: Call) -> None:
        """Stop a phone. What its partner said may still arrive until the phone is freed."""
        self.calls.stop(call.serial)
        self.secure_calls.stop(call.serial)
        sides = self._sides.get(call.behaviour.number)
        if sides is not None and sides.get(call.behaviour.side) is call:
            del sides[call.behaviour.side]
            if not sides:
                del self._sides[call.behaviour.number]

    def feed(self, pairs: list[tuple[Address, Address]]) -> None:
        """Send to a relay whose legs were given the addresses that `direct_phones` gave."""
        phones = self._direct[: 2 * len(pairs)]
        for serial in (serial for _, serial in self._direct):
            self.direct.stop(serial)
        for index, (host, port) in enumerate(leg for pair in pairs for leg in pair):
            phone, serial = phones[index]
            self.direct.start(serial, FIRST_PHONE + phone, (host_number(host), port))

    def direct_phones(self, count: int) -> list[Address]:
        """Addresses of phones for `feed`; each two are partners."""
        while len(self._direct) < count:
            pair = [(self.take_phone(), self._next_serial()) for _ in range(2)]
            self.hearing.pair(pair[0][0], pair[1][1])
            self.hearing.pair(pair[1][0], pair[0][1])
            self._direct += pair
        return [self.address(phone) for phone, _ in self._direct[:count]]

    def intrude(self, count: int) -> int:
        """Let others send to the RTP ports of this many phones that are in a call."""
        legs = [call for sides in self._sides.values() for call in sides.values()]
        for call in legs[:count]:
            if call.remote_audio is not None:
                host, port = call.remote_audio
                source = FIRST_PHONE + self.take_phone()
                serial = self._next_serial() | STRANGER
                self.intruders.start(serial, source, (host_number(host), port))
        return len(self.intruders)

    def open_window(self, window: int) -> None:
        """Number the packets sent from now on, and keep those heard; 0 ends it."""
        for talk in (self.calls, self.secure_calls, self.direct, self.intruders):
            talk.window = window
        if window:
            self.hearing.window = window
            self.late_max_ns = 0

    def close_window(self, window: int) -> dict[str, Any]:
        """The report of a window whose last packets have had time to arrive."""
        self.hearing.drain()
        self.hearing.window = 0
        sent = self.calls.sent.pop(window, 0) + self.direct.sent.pop(window, 0)
        interrupted = [
            sent_ns
            for talk in (self.calls, self.direct)
            for sent_ns in talk.interrupted.pop(window, ())
        ]
        report = asdict(self.hearing.report(window, sent, interrupted))
        report["intruder_packets"] = self.intruders.sent.pop(window, 0)
        report["sender_late_max_ms"] = self.late_max_ns / 1e6
        for frame in report["late_frames"]:
            frame["number"] = self._numbers.get(frame["phone"], 0)
        return report

    def run(self, now_ns: int) -> None:
        """Send the slot that is due, and now and then take what has come.

        A phone that was late catches up slot by slot, with GAP_NS between them.
        """
        if not self._due_ns or now_ns - self._due_ns > FORGIVEN_NS:
            self._due_ns = now_ns
        if now_ns < max(self._due_ns, self._not_before_ns):
            return
        self.late_max_ns = max(self.late_max_ns, now_ns - self._due_ns)
        slot = self._slot
        if not self.calls_silent:
            self.calls.send(slot)
            self.secure_calls.send(slot)
        if not self.direct_silent:
            self.direct.send(slot)
        self.intruders.send(slot)
        self._slot = (slot + 1) % SLOTS
        self._due_ns += SLOT_NS
        self._not_before_ns = now_ns + GAP_NS
        if slot % DRAIN_EVERY_SLOTS == 0:
            self.hearing.drain()
        if self._slot == 0:
            self._drain_rtcp()

    @property
    def due_ns(self) -> int:
        """When the next slot is due; in the past while there is something to catch up with."""
        return self._due_ns

    def rest(self) -> None:
        """Nobody talks: take what still arrives, and begin afresh at the next `run`."""
        self._due_ns = 0
        self.hearing.drain()
        self._drain_rtcp()

    def close(self) -> None:
        """Close the sockets."""
        self.sock.close()
        self._rtcp.close()

    def _drain_rtcp(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._rtcp.recv(2048)
                self.rtcp_packets += 1

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial


def _port_pair() -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the odd one above it for RTCP, on every address."""
    while True:
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        rtp.bind(("", 0))
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                rtcp.bind(("", port + 1))
                try:
                    rtp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
                except PermissionError:
                    rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                ReceiveTable.prepare(rtp)
                return rtp, rtcp
        rtp.close()
        rtcp.close()
