"""A phone that is nothing but wire: SIP text and RTP packets with the kernel's times.

It says exactly what a test has it say, and keeps what it got.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.arrivals import Arrivals
from tests.support.phones.errors import PATIENCE_S, PeerError
from tests.support.ports import free_port

from .message import (
    Direction,
    WireMessage,
    audio_address,
    encode,
    parse,
    response_lines,
    sdp,
    telephone_event,
)
from .rtp import WireRtp
from .sockets import open_timed, receive_timed

RESENT_S = 0.5  # T1 of RFC 3261

MakeWire = Callable[..., "WirePhone"]
"""Makes phones that a fixture closes: `wire("desk", codec="PCMA")`."""


@dataclass(slots=True)
class WireCall:
    """A dialog that an INVITE to the phone has begun."""

    phone: "WirePhone"
    invite: WireMessage
    rtp: WireRtp
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    cseq: int = 100
    sdp_version: int = 1

    def respond(
        self,
        status: int,
        phrase: str | None = None,
        *,
        with_sdp: bool = False,
        headers: tuple[tuple[str, str], ...] = (),
        request: WireMessage | None = None,
        contact: str | None = None,
    ) -> float:
        """Answer the INVITE (or `request`). Returns the Unix time of sending.

        `contact` is the URI of its Contact, where that is not the phone's own.
        """
        request = request or self.invite
        lines = response_lines(
            request, status, phrase, contact=contact or self.phone.uri, tag=self.tag
        )
        lines += [f"{name}: {value}" for name, value in headers]
        body = ""
        if with_sdp:
            self.rtp.telephone_event = telephone_event(self.invite.body) or 101
            body = sdp(self.rtp, version=self.sdp_version)
            self.rtp.remote = audio_address(request.body or self.invite.body)
        return self.phone.send(lines, body, request.source, answers=request)

    def ring(self) -> float:
        """180."""
        return self.respond(180)

    def accept(self) -> float:
        """200 with SDP."""
        return self.respond(200, with_sdp=True)

    async def acknowledged(self, timeout_s: float = PATIENCE_S) -> WireMessage:
        """The ACK of this call."""
        return await self.receive("ACK", timeout_s)

    async def receive(self, what: str, timeout_s: float = PATIENCE_S, nth: int = 1) -> WireMessage:
        """The nth such message of this dialog."""
        return await self.phone.receive(what, timeout_s, nth=nth, call_id=self.invite["call-id"])

    def bye(self) -> float:
        """Hang up. Returns the Unix time of sending."""
        return self.request("BYE")

    async def hang_up(self, timeout_s: float = PATIENCE_S) -> None:
        """BYE, sent again until it is answered: a flood may have taken its place in a buffer."""
        self.bye()
        sent, cseq = self.phone.last_sent, f"{self.cseq} BYE"
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await self.phone.messages.wait_for(
                        lambda m: m.what[:1] in "23456" and m["cseq"] == cseq, timeout_s=RESENT_S
                    )
                    return
                except TimeoutError:
                    self.phone.send_again(*sent)

    def reinvite(self, direction: Direction) -> float:
        """Offer again, with this direction."""
        self.sdp_version += 1
        return self.request("INVITE", sdp(self.rtp, direction=direction, version=self.sdp_version))

    def acknowledge(self, response: WireMessage) -> None:
        """ACK a 2xx to `reinvite`."""
        self.request("ACK", cseq=int(response["cseq"].split(" ")[0]))

    def press_by_info(self, digit: str) -> float:
        """Report a digit by INFO."""
        body = f"Signal={digit}\r\nDuration=100\r\n"
        return self.request("INFO", body, content_type="application/dtmf-relay")

    def request(
        self,
        method: str,
        body: str = "",
        *,
        cseq: int | None = None,
        content_type: str = "application/sdp",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> float:
        """Send a request in this dialog to the engine's Contact."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        target = self.invite["contact"].partition("<")[2].partition(">")[0]
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.phone.port};branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: {self.invite['to']};tag={self.tag}",
            f"To: {self.invite['from']}",
            f"Call-ID: {self.invite['call-id']}",
            f"CSeq: {cseq} {method}",
            f"Contact: <{self.phone.uri}>",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return self.phone.send(lines, body, self.invite.source, content_type=content_type)


class WirePhone:
    """A UDP socket that gets calls. BYE, CANCEL and OPTIONS are answered by themselves."""

    def __init__(self, user: str, codec: str = "PCMU", host: str = "127.0.0.1") -> None:
        self.host = host
        self.user = user
        self.port = free_port()
        self.uri = f"sip:{user}@{host}:{self.port}"
        self.codec = codec
        self.messages: Arrivals[WireMessage] = Arrivals()
        self.calls: list[WireCall] = []
        self.answers_cancel = True
        self.answers_bye = True
        self.last_sent = b"", (host, 0)
        """The last message and where it went."""
        self._answers: dict[tuple[str, str], bytes] = {}
        self._socket = open_timed(host, self.port)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._on_readable)

    async def called(self, timeout_s: float = PATIENCE_S) -> WireCall:
        """The next INVITE that no earlier `called` has returned."""
        known = {call.invite["call-id"] for call in self.calls}
        try:
            invite = await self.messages.wait_for(
                lambda m: m.what == "INVITE" and m["call-id"] not in known, timeout_s=timeout_s
            )
        except TimeoutError:
            raise PeerError(f"{self.uri} was not called in {timeout_s} s") from None
        call = WireCall(self, invite, WireRtp(self.codec))
        self.calls.append(call)
        return call

    async def answer(
        self, *, ring_s: float = 0.0, tone_hz: float | None = None, timeout_s: float = PATIENCE_S
    ) -> WireCall:
        """Take the next call: 180, 200, and the ACK for it; then send a tone."""
        call = await self.called(timeout_s)
        call.ring()
        await asyncio.sleep(ring_s)
        call.accept()
        await call.acknowledged()
        if tone_hz is not None:
            call.rtp.send_tone(tone_hz)
        return call

    async def refuse(self, status: int, phrase: str, timeout_s: float = PATIENCE_S) -> WireCall:
        """Refuse the next call, and see the ACK for that."""
        call = await self.called(timeout_s)
        call.respond(status, phrase)
        await call.acknowledged()
        return call

    async def receive(
        self,
        what: str,
        timeout_s: float = PATIENCE_S,
        *,
        nth: int = 1,
        call_id: str | None = None,
    ) -> WireMessage:
        """The nth message of this method or status. Raises PeerError after `timeout_s`."""
        try:
            return await self.messages.wait_for(
                lambda m: m.what == what and call_id in (None, m["call-id"]),
                timeout_s=timeout_s,
                nth=nth,
            )
        except TimeoutError:
            got = ", ".join(message.what for message in self.messages.items)
            raise PeerError(f"{self.uri} got no {what} in {timeout_s} s, but: {got}") from None

    def send(
        self,
        lines: list[str],
        body: str,
        to: tuple[str, int],
        *,
        answers: WireMessage | None = None,
        content_type: str = "application/sdp",
    ) -> float:
        """Send a message made of start line and headers. Returns the Unix time of sending."""
        data = encode(lines, body, content_type)
        if answers is not None:
            self._answers[answers.branch, answers.what] = data
        sent = time.time()
        self.last_sent = data, to
        self._socket.sendto(data, to)
        return sent

    def send_again(self, data: bytes, to: tuple[str, int]) -> None:
        """Send these bytes once more."""
        self._socket.sendto(data, to)

    def close(self) -> None:
        """Close the sockets: from now on nobody is here."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for call in self.calls:
            call.rtp.close()

    def _on_readable(self) -> None:
        while True:
            try:
                arrived, data, source = receive_timed(self._socket)
            except (BlockingIOError, ConnectionRefusedError):
                return
            message = parse(data, arrived, source)
            retransmitted = self._answers.get((message.branch, message.what))
            if retransmitted is not None:
                self._socket.sendto(retransmitted, source)
                continue
            self.messages.add(message)
            self._answer_by_itself(message)

    def _answer_by_itself(self, message: WireMessage) -> None:
        call = next((c for c in self.calls if c.invite["call-id"] == message["call-id"]), None)
        answered = ("BYE", "OPTIONS", "UPDATE") if self.answers_bye else ("OPTIONS", "UPDATE")
        if message.what in answered and call is not None:
            call.respond(200, request=message)
        elif message.what == "CANCEL" and call is not None and self.answers_cancel:
            call.respond(200, request=message)
            call.respond(487, "Request Terminated")
