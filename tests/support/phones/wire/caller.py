"""A call that a wire phone makes: it says exactly what the test has it say."""

import secrets

from tests.support.phones.errors import PATIENCE_S

from .message import Direction, WireMessage, audio_address, sdp
from .phone import WireCall, WirePhone
from .rtp import WireRtp


class WireOutgoing(WireCall):
    """A dialog that an INVITE of the phone begins. `invite` is what was sent."""

    remote_to = ""

    @classmethod
    def place(
        cls,
        phone: WirePhone,
        engine_port: int,
        dialled: str,
        *,
        body: str | None = None,
        offer: bool = True,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> "WireOutgoing":
        """Send an INVITE for `dialled` to the engine; without `offer` it has no description."""
        rtp = WireRtp(phone.codec)
        to = ("127.0.0.1", engine_port)
        uri = f"sip:{dialled}@127.0.0.1:{engine_port}"
        branch, tag = f"z9hG4bK{secrets.token_hex(8)}", secrets.token_hex(4)
        named = (
            ("via", f"SIP/2.0/UDP {phone.host}:{phone.port};branch={branch}"),
            ("from", f"<{phone.uri}>;tag={tag}"),
            ("to", f"<{uri}>"),
            ("call-id", secrets.token_hex(8)),
            ("cseq", "1 INVITE"),
            ("contact", f"<{phone.uri}>"),
            ("max-forwards", "70"),
            *headers,
        )
        if body is None:
            body = sdp(rtp) if offer else ""
        start = f"INVITE {uri} SIP/2.0"
        invite = WireMessage(0.0, start, named, body, to)
        call = cls(phone, invite, rtp, tag)
        phone.calls.append(call)
        phone.send([start, *(f"{name}: {value}" for name, value in named)], body, to)
        return call

    async def answered(
        self, timeout_s: float = PATIENCE_S, *, acknowledge: bool = True
    ) -> WireMessage:
        """The 200, which is acknowledged; then there is a dialog."""
        ok = await self.receive("200", timeout_s)
        self.remote_to = ok["to"]
        self.rtp.remote = audio_address(ok.body)
        if acknowledge:
            self.acknowledge_ok(ok)
        return ok

    def acknowledge_ok(self, ok: WireMessage) -> None:
        """ACK for the 200, with our description where the offer was in it."""
        body = "" if self.invite.body else sdp(self.rtp)
        self.remote_to = ok["to"]
        self.request("ACK", body, cseq=1)

    async def refused(self, timeout_s: float = PATIENCE_S) -> WireMessage:
        """The final response that is none of 2xx, acknowledged."""
        final = await self.phone.messages.wait_for(
            lambda m: m["call-id"] == self.invite["call-id"] and m.what[:1] in "3456",
            timeout_s=timeout_s,
        )
        self._in_invite("ACK", final["to"])
        return final

    def cancel(self) -> None:
        """CANCEL of the INVITE."""
        self._in_invite("CANCEL", self.invite["to"])

    def _in_invite(self, method: str, to: str) -> None:
        uri = self.invite.start.split(" ")[1]
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: {self.invite['via']}",
            f"From: {self.invite['from']}",
            f"To: {to}",
            f"Call-ID: {self.invite['call-id']}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
        ]
        self.phone.send(lines, "", self.invite.source)

    def request(
        self,
        method: str,
        body: str = "",
        *,
        cseq: int | None = None,
        content_type: str = "application/sdp",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> float:
        """Send a request in the dialog."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        lines = [
            f"{method} {self.invite.start.split(' ')[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.phone.host}:{self.phone.port};"
            f"branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: {self.invite['from']}",
            f"To: {self.remote_to}",
            f"Call-ID: {self.invite['call-id']}",
            f"CSeq: {cseq} {method}",
            f"Contact: <{self.phone.uri}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return self.phone.send(lines, body, self.invite.source, content_type=content_type)

    async def reoffer(self, direction: Direction) -> WireMessage:
        """A re-INVITE with this direction; its 200, acknowledged."""
        self.reinvite(direction)
        cseq = f"{self.cseq} INVITE"
        ok = await self.phone.messages.wait_for(
            lambda m: m.what == "200" and m["cseq"] == cseq, timeout_s=PATIENCE_S
        )
        self.request("ACK", cseq=self.cseq)
        return ok
