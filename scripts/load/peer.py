"""The load peer's loop: one SIP socket, one RTP socket, commands as JSON lines.

Commands are objects with `do`; every reply is an object on one line. The first line written says
where SIP is listened for.

    {"do": "stats"}                         what has been counted, streams and calls up
    {"do": "latencies"}                     answers to INVITEs, ms, since last asked for
    {"do": "window", "s": 5}                measure for that time, then reply with the report
    {"do": "calls", "silent": true}         calls' streams pause, or go on
    {"do": "mute", "on": true}              calls answered from now on send no RTP
    {"do": "phones", "count": 4}            RTP addresses of phones for `feed`
    {"do": "feed", "pairs": [[A, B], …]}    send to relay legs; A, B are [host, port]
    {"do": "direct", "silent": true}        streams of `feed` pause, or go on
    {"do": "intrude", "count": 10}          others send to phones' RTP ports at the engine
    {"do": "hangup", "per_s": 100}          customers hang up, that many a second
    {"do": "quit"}
"""

import contextlib
import ctypes
import functools
import json
import os
import select
import socket
import sys
import time
from typing import Any

from .certificates import Certificate
from .mmsg import SO_TIMESTAMPNS
from .phones import NS_PER_S, Phones
from .rtp_side import RtpSide
from .sip_text import read_sip
from .talk import SLOT_NS
from .tls_side import TlsSide

PR_SET_TIMERSLACK = 29
IDLE_POLL_S = 0.2
TLS_LOOK_S = 0.002
WINDOW_TAIL_NS = 400_000_000
COMMAND_EVERY_NS = 10_000_000
SIP_BUFFER_BYTES = 8 * 1024 * 1024


class LoadPeer:
    """Many phones at one SIP address. Raises OSError when that is taken.

    With a certificate it is an address of TLS, at a port of its own.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        streams: int,
        commands: int,
        replies: int,
        certificate: Certificate | None = None,
    ) -> None:
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sip.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP_BUFFER_BYTES)
        self._sip.bind((host, port))
        address = self._sip.getsockname()
        self.local = f"{address[0]}:{address[1]}"
        self.rtp = RtpSide(streams)
        self._tls: TlsSide | None = None
        if certificate is not None:
            self._tls = TlsSide(host, certificate.cert, certificate.key)
            self.local = f"{host}:{self._tls.port}"
        self.phones = Phones(self.local, self.rtp, "UDP" if self._tls is None else "TLS")
        self._commands = commands
        self._replies = replies
        self._input = b""
        self._window = 0
        self._running = True

    def run(self) -> None:
        """Serve until the command to quit or the commands end."""
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
        self._reply({"sip": self.local, "rtp_port": self.rtp.port, "pid": os.getpid()})
        poll = select.epoll()
        poll.register(self._sip.fileno(), select.EPOLLIN)
        poll.register(self._commands, select.EPOLLIN)
        look_ns = 0
        while self._running:
            now_ns = time.time_ns()
            self._take_sip(now_ns)
            self.phones.run_timers(now_ns)
            self._flush()
            talking = self.rtp.active
            if talking:
                self.rtp.run(now_ns)
            elif now_ns >= look_ns:
                self.rtp.rest()
            if not talking and not self.phones.calls:
                self._wait_for_calls(poll)
                continue
            # While calls are up nobody is woken by what arrives: it is looked for each slot.
            if now_ns >= look_ns:
                look_ns = now_ns + COMMAND_EVERY_NS
                if any(fd == self._commands for fd, _ in poll.poll(0)):
                    self._take_commands()
            wait_ns = (self.rtp.due_ns if talking else now_ns + SLOT_NS) - time.time_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / NS_PER_S)

    def _wait_for_calls(self, poll: select.epoll) -> None:
        deadline_ns = self.phones.next_deadline_ns()
        # TLS is looked for, as nobody is woken by it.
        wait_s = IDLE_POLL_S if self._tls is None else TLS_LOOK_S
        if deadline_ns is not None:
            wait_s = min(wait_s, max(0.0, (deadline_ns - time.time_ns()) / NS_PER_S))
        if any(fd == self._commands for fd, _ in poll.poll(wait_s)):
            self._take_commands()

    def _take_sip(self, now_ns: int) -> None:
        if self._tls is not None:
            for data, source in self._tls.take():
                message = read_sip(data)
                if message is not None:
                    self.phones.receive(message, source, now_ns, now_ns)
                    self._flush()
        with contextlib.suppress(BlockingIOError):
            while True:
                data, ancillary, _, source = self._sip.recvmsg(65536, 64)
                arrived_ns = now_ns
                if ancillary:
                    stamp = ancillary[0][2]
                    seconds = int.from_bytes(stamp[:8], sys.byteorder)
                    arrived_ns = seconds * NS_PER_S + int.from_bytes(stamp[8:16], sys.byteorder)
                message = read_sip(data)
                if message is not None:
                    self.phones.receive(message, source, arrived_ns, now_ns)
                    self._flush()

    def _flush(self) -> None:
        output, answering = self.phones.output, self.phones.answering
        for data, address in output:
            if data in answering:
                self.phones.agent_answered(data, time.time_ns())
            if self._tls is not None:
                self._tls.send(data, address)
                continue
            with contextlib.suppress(OSError):  # an engine that has gone refuses; timers go on
                self._sip.sendto(data, address)
        output.clear()

    def _take_commands(self) -> None:
        data = os.read(self._commands, 1 << 20)
        if not data:
            self._running = False
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            if line:
                self._do(json.loads(line))

    def _do(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "stats":
                self._reply(self.stats())
            case "latencies":
                found = self.phones.answer_to_invite_ns
                self._reply([value / 1e6 for value in found])
                found.clear()
            case "window":
                self._measure(float(command["s"]))
            case "calls":
                self.rtp.calls_silent = bool(command["silent"])
                self._reply(len(self.rtp.calls))
            case "mute":
                self.rtp.muted = bool(command["on"])
                self._reply(True)
            case "phones":
                self._reply(self.rtp.direct_phones(int(command["count"])))
            case "feed":
                self.rtp.feed([(tuple(a), tuple(b)) for a, b in command["pairs"]])
                self._reply(len(self.rtp.direct))
            case "direct":
                self.rtp.direct_silent = bool(command["silent"])
                self._reply(len(self.rtp.direct))
            case "intrude":
                self._reply(self.rtp.intrude(int(command["count"])))
            case "hangup":
                self._hang_up(float(command["per_s"]))
            case "quit":
                self._running = False
                self._reply(True)
            case other:
                self._reply({"error": f"unknown command {other}"})

    def _measure(self, duration_s: float) -> None:
        self._window += 1
        window = self._window
        self.rtp.open_window(window)

        def stop_sending(now_ns: int) -> None:
            self.rtp.open_window(0)
            self.phones.later(now_ns + WINDOW_TAIL_NS, report)

        def report(_: int) -> None:
            self._reply(self.rtp.close_window(window))

        self.phones.later(time.time_ns() + int(duration_s * NS_PER_S), stop_sending)

    def _hang_up(self, per_s: float) -> None:
        now_ns = time.time_ns()
        talking = [call for call in self.phones.calls.values() if call.state == "confirmed"]
        customers = [call for call in talking if call.behaviour.side == "b"]
        for index, call in enumerate(customers):
            at_ns = now_ns + int(index / per_s * NS_PER_S)
            self.phones.later(at_ns, functools.partial(self.phones.hang_up, call))
        self._reply(len(customers))

    def stats(self) -> dict[str, Any]:
        """What has been counted since the start, and what is up now."""
        hearing = self.rtp.hearing
        calls = self.phones.calls.values()
        return {
            **self.phones.counts,
            "up": sum(call.state != "ended" for call in calls),
            "confirmed": sum(call.state == "confirmed" for call in calls),
            "streams": len(self.rtp.calls),
            "heard": hearing.packets,
            "heard_from_partner": hearing.from_partner,
            "heard_from_engine": hearing.from_engine,
            "heard_from_others": hearing.from_others,
            "first_other": hearing.first_other,
            "rtcp_packets": self.rtp.rtcp_packets,
            "cpu_s": time.process_time(),
        }

    def _reply(self, value: object) -> None:
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(self._replies, data) :]
