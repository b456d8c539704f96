"""The phones' side of SIP: answers the engine's calls as each called user part asks.

No socket and no clock in here: messages and the time go in, messages to send come out.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .behaviour import Behaviour, UnknownBehaviour, read_behaviour
from .sip_text import (
    SipText,
    answer_text,
    audio_address,
    bye_text,
    crypto_answer,
    registered_text,
    sdp_text,
    user_of,
)

T1_S = 0.5
GIVE_UP_S = 32.0
LINGER_S = 5.0
NS_PER_S = 1_000_000_000

Address = tuple[str, int]


class Media(Protocol):
    """Where phones get their RTP address, and what makes them talk and listen."""

    def take_phone(self) -> int:
        """A free phone's number."""

    def free_phone(self, phone: int) -> None:
        """Give a phone back."""

    def address(self, phone: int) -> Address:
        """The RTP address of this phone."""

    def talk(self, call: "Call") -> None:
        """The phone has been answered: let it speak and listen."""

    def hush(self, call: "Call") -> None:
        """The call is over."""


@dataclass(slots=True, eq=False)
class Call:
    """One INVITE that reached a phone."""

    invite: SipText
    source: Address
    behaviour: Behaviour
    tag: str
    phone: int
    remote_audio: Address | None
    serial: int = 0
    state: str = "ringing"
    final: bytes = b""
    last: bytes = b""
    unacknowledged: bytes = b""


@dataclass(slots=True)
class Phones:
    """All phones of the load peer. `local` is host:port of the SIP socket, over `transport`.

    `output` is emptied by the part that sends it; where a message is in `answering`, an agent
    answers by it, and the time of sending goes to `operator_answered`.
    """

    local: str
    media: Media
    transport: str = "UDP"
    output: list[tuple[bytes, Address]] = field(default_factory=list)
    answering: dict[bytes, int] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    answered_ns: dict[int, int] = field(default_factory=dict)
    answer_to_invite_ns: list[int] = field(default_factory=list)
    _timers: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def later(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Run `action` with the time it is, once it is `at_ns`."""
        heapq.heappush(self._timers, (at_ns, next(self._order), action))

    def next_deadline_ns(self) -> int | None:
        """When something is due next."""
        return self._timers[0][0] if self._timers else None

    def run_timers(self, now_ns: int) -> None:
        """Do what is due."""
        while self._timers and self._timers[0][0] <= now_ns:
            heapq.heappop(self._timers)[2](now_ns)

    def receive(self, message: SipText, source: Address, arrived_ns: int, now_ns: int) -> None:
        """Take one message."""
        call = self.calls.get(message.call_id)
        if message.method == "":
            self._receive_response(message, call, now_ns)
        elif message.method == "INVITE":
            if call is None:
                self._receive_invite(message, source, arrived_ns, now_ns)
            elif ";tag=" in message.headers["to"]:
                self._renegotiate(call, message)
            else:
                self.counts["invite_again"] += 1
                if call.last:
                    self._send(call, call.last)
        elif message.method == "ACK":
            if call is not None:
                self._receive_ack(call, now_ns)
        elif message.method == "REGISTER":
            self.counts["register"] += 1
            self.output.append((registered_text(message), source))
        elif message.method == "OPTIONS":
            self.output.append((answer_text(message, 200, to_tag="options"), source))
        elif call is None:
            self.counts["unknown_dialog"] += 1
            self.output.append((answer_text(message, 481, to_tag="none"), source))
        elif message.method == "CANCEL":
            self._receive_cancel(call, message, now_ns)
        elif message.method == "BYE":
            self.counts["bye_received"] += 1
            self._send(call, answer_text(message, 200, to_tag=call.tag))
            self._end(call, now_ns)
        else:
            status = 200 if message.method in ("INFO", "UPDATE") else 405
            self._send(call, answer_text(message, status, to_tag=call.tag))

    def agent_answered(self, answer: bytes, sent_ns: int) -> None:
        """An agent's answer goes out now: the customer's INVITE is awaited from here on."""
        self.answered_ns[self.answering.pop(answer)] = sent_ns

    def hang_up(self, call: Call, now_ns: int) -> None:
        """Send BYE, again and again until it is answered."""
        if call.state != "confirmed":
            return
        call.state = "leaving"
        self.counts["bye_sent"] += 1
        self.media.hush(call)
        branch = f"z9hG4bK-bye-{call.tag}"
        bye = bye_text(
            call.invite, to_tag=call.tag, local=self.local, branch=branch, transport=self.transport
        )
        self._repeat(call, bye, now_ns)

    def _receive_invite(
        self, invite: SipText, source: Address, arrived_ns: int, now_ns: int
    ) -> None:
        self.counts["invite"] += 1
        try:
            behaviour = read_behaviour(user_of(invite.uri))
        except UnknownBehaviour:
            self.counts["unknown_user"] += 1
            self.output.append((answer_text(invite, 404, to_tag="unknown"), source))
            return
        if behaviour.side == "b":
            answered_ns = self.answered_ns.pop(behaviour.number, None)
            if answered_ns is not None:
                self.answer_to_invite_ns.append(arrived_ns - answered_ns)
        tag = f"p{next(self._order)}"
        audio = audio_address(invite.body)
        call = Call(invite, source, behaviour, tag, self.media.take_phone(), audio)
        self.calls[invite.call_id] = call
        if behaviour.silent:
            self.later(now_ns + int(GIVE_UP_S * NS_PER_S), lambda now: self._end(call, now))
            return
        if behaviour.reject is not None:
            self._refuse(call, behaviour.reject, now_ns)
            return
        self._provisional(call, 180)
        if behaviour.early_ms is not None:
            at_ns = now_ns + behaviour.early_ms * 1_000_000
            self.later(at_ns, lambda now: self._early(call))
        if behaviour.answer_ms == 0:
            self._answer(call, now_ns)
        elif behaviour.answer_ms is not None:
            at_ns = now_ns + behaviour.answer_ms * 1_000_000
            self.later(at_ns, lambda now: self._answer(call, now))

    def _provisional(self, call: Call, status: int, sdp: str = "") -> None:
        call.last = answer_text(
            call.invite, status, to_tag=call.tag, contact=self._contact(call), sdp=sdp
        )
        self._send(call, call.last)

    def _early(self, call: Call) -> None:
        if call.state == "ringing":
            self._provisional(call, 183, self._described(call, call.invite))
            self.media.talk(call)

    def _answer(self, call: Call, now_ns: int) -> None:
        if call.state != "ringing":
            return
        call.state = "answered"
        self.counts["answered"] += 1
        sdp = self._described(call, call.invite)
        contact = self._contact(call)
        answer = answer_text(call.invite, 200, to_tag=call.tag, contact=contact, sdp=sdp)
        self.media.talk(call)
        if call.behaviour.side == "a":
            self.answering[answer] = call.behaviour.number
        self._repeat(call, answer, now_ns)
        call.last = answer

    def _refuse(self, call: Call, status: int, now_ns: int) -> None:
        call.state = "refused"
        self.counts[f"refused_{status}"] += 1
        call.last = answer_text(call.invite, status, to_tag=call.tag)
        self.media.hush(call)
        self._repeat(call, call.last, now_ns)

    def _receive_ack(self, call: Call, now_ns: int) -> None:
        call.unacknowledged = b""
        if call.state == "refused":
            self._end(call, now_ns)
        elif call.state == "answered":
            call.state = "confirmed"
            if call.behaviour.bye_ms is not None:
                at_ns = now_ns + call.behaviour.bye_ms * 1_000_000
                self.later(at_ns, lambda now: self.hang_up(call, now))

    def _receive_cancel(self, call: Call, cancel: SipText, now_ns: int) -> None:
        self.counts["cancel"] += 1
        self._send(call, answer_text(cancel, 200, to_tag=call.tag))
        if call.state != "ringing":
            return
        if call.behaviour.late:
            self._answer(call, now_ns)
        else:
            self._refuse(call, 487, now_ns)

    def _receive_response(self, response: SipText, call: Call | None, now_ns: int) -> None:
        if call is not None and call.state == "leaving" and response.status >= 200:
            if response.status != 200:
                self.counts[f"bye_answered_{response.status}"] += 1
            self._end(call, now_ns)

    def _renegotiate(self, call: Call, invite: SipText) -> None:
        self.counts["reinvite"] += 1
        sdp = self._described(call, invite)
        contact = self._contact(call)
        self._send(call, answer_text(invite, 200, to_tag=call.tag, contact=contact, sdp=sdp))

    def _contact(self, call: Call) -> str:
        over = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        return f"sip:{user_of(call.invite.uri)}@{self.local}{over}"

    def _described(self, call: Call, invite: SipText) -> str:
        """The description that answers an INVITE, with SRTP where that is offered."""
        return sdp_text(*self.media.address(call.phone), crypto_answer(invite.body))

    def _send(self, call: Call, data: bytes) -> None:
        self.output.append((data, call.source))

    def _repeat(self, call: Call, data: bytes, now_ns: int) -> None:
        call.unacknowledged = data
        self._send(call, data)
        self._repeat_later(call, data, now_ns, T1_S)

    def _repeat_later(self, call: Call, data: bytes, now_ns: int, wait_s: float) -> None:
        def again(at_ns: int) -> None:
            if call.unacknowledged is not data:
                return
            if wait_s >= GIVE_UP_S / 2:
                self.counts["given_up"] += 1
                self._end(call, at_ns)
                return
            self.counts["sent_again"] += 1
            self._send(call, data)
            self._repeat_later(call, data, at_ns, wait_s * 2)

        self.later(now_ns + int(wait_s * NS_PER_S), again)

    def _end(self, call: Call, now_ns: int) -> None:
        if call.state == "ended":
            return
        call.state = "ended"
        call.unacknowledged = b""
        self.media.hush(call)
        self.later(now_ns + int(LINGER_S * NS_PER_S), lambda now: self._forget(call))

    def _forget(self, call: Call) -> None:
        if self.calls.pop(call.invite.call_id, None) is not None:
            self.answered_ns.pop(call.behaviour.number, None)
            self.media.free_phone(call.phone)
