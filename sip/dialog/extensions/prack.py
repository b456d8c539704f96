"""PRACK, and the provisional responses that it acknowledges (RFC 3262): 100rel.

A reliable response of ours is sent again until its PRACK comes, and the next one only then, so they
arrive in order.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from ...errors import NegotiationFailed, ParseError
from ...message.grammar import LWS, is_token, parse_integer
from ...message.headers import warning
from ...message.message import Fields, Message, Request, Response
from ...sdp.offer_answer import LocalAudio, OfferAnswer
from ...transaction.server import PROCEEDING, ServerTransaction
from ...transaction.timers import Timer, TimerHeap, TimerValues

OPTION: Final = "100rel"
MAX_RSEQ: Final = 2**32 - 1
_FIRST_RSEQ: Final = 2**31 - 1


class ReliableResponses:
    """Sends provisional responses reliably. `on_timeout(now)` is called if one gets no PRACK."""

    __slots__ = (
        "_give_up",
        "_interval_s",
        "_is_over",
        "_on_timeout",
        "_pending",
        "_retransmit",
        "_rseq",
        "_timers",
        "_transaction",
        "_values",
    )

    def __init__(
        self,
        timers: TimerHeap,
        values: TimerValues,
        transaction: ServerTransaction,
        rng: random.Random,
        *,
        on_timeout: Callable[[float], None],
    ) -> None:
        self._timers = timers
        self._values = values
        self._transaction = transaction
        self._on_timeout = on_timeout
        self._rseq = rng.randint(1, _FIRST_RSEQ)
        self._pending: deque[Response] = deque()
        self._retransmit: Timer | None = None
        self._give_up: Timer | None = None
        self._interval_s = 0.0
        self._is_over = False

    @property
    def has_unacknowledged_sdp(self) -> bool:
        """Whether a description of ours waits for its PRACK: then no 2xx may be sent yet."""
        return any(response.body for response in self._pending)

    def send(self, response: Response, now: float) -> None:
        """Send a response, once all before it are acknowledged."""
        self._pending.append(response)
        if len(self._pending) == 1:
            self._send_first(now)

    def _send_first(self, now: float) -> None:
        response = self._pending[0]
        response.add_field("Require", OPTION)
        response.add_field("RSeq", str(self._rseq))
        self._interval_s = self._values.t1_s
        self._retransmit = self._timers.schedule(now + self._interval_s, self._again)
        self._give_up = self._timers.schedule(now + self._values.timer_b_s, self._timed_out)
        self._transaction.respond(response, now)

    def acknowledge(self, prack: Request, now: float) -> bool:
        """Take a PRACK. Returns False if it is for no response that waits for one (481)."""
        acknowledged = parse_rack(prack)
        cseq = self._transaction.request.cseq
        if not self._pending or acknowledged != (self._rseq, cseq.number, cseq.method):
            return False
        self._stop_timers()
        self._pending.popleft()
        self._rseq += 1
        if self._pending and not self._is_over:
            self._send_first(now)
        return True

    def stop(self) -> None:
        """Send nothing again: the INVITE has its final response. A late PRACK is still taken."""
        self._is_over = True
        self._stop_timers()

    def _stop_timers(self) -> None:
        self._timers.cancel(self._retransmit)
        self._timers.cancel(self._give_up)
        self._retransmit = self._give_up = None

    def _again(self, _: object, now: float) -> None:
        if self._transaction.state != PROCEEDING:
            return
        self._transaction.respond(self._pending[0], now)
        self._interval_s *= 2
        self._retransmit = self._timers.schedule(now + self._interval_s, self._again)

    def _timed_out(self, _: object, now: float) -> None:
        self.stop()
        self._on_timeout(now)


class PrackAnswer(NamedTuple):
    """How a PRACK is answered: the status, more header fields, and the description."""

    status: int
    fields: Fields
    body: bytes = b""


def answer_to(prack: Request, media: OfferAnswer, audio: LocalAudio | None) -> PrackAnswer:
    """The answer to a PRACK that acknowledges a response of ours (RFC 3262 section 5).

    Its description answers our offer, or is a new offer for `audio`; one that does not fit is
    answered 488.
    """
    sdp = prack.sdp
    try:
        if sdp and media.offer_pending:
            media.receive_answer(sdp)
        elif sdp and media.negotiated is not None and audio is not None:
            answer, _ = media.receive_offer(sdp, audio)
            return PrackAnswer(200, [], answer)
    except NegotiationFailed as error:
        return PrackAnswer(488, [warning(error.reason, error.warn_code)])
    return PrackAnswer(200, [])


def demands(message: Message) -> bool:
    """Whether its Require has 100rel. Raises ParseError."""
    return any(option.lower() == OPTION for option in message.get_list("Require"))


def is_supported(message: Message) -> bool:
    """Whether the sender knows 100rel, by Supported or Require. Raises ParseError."""
    return demands(message) or any(
        option.lower() == OPTION for option in message.get_list("Supported")
    )


def parse_rseq(response: Response) -> int | None:
    """Return the RSeq of a reliable provisional response; None if it is not one.

    Raises ParseError for one that is out of range (RFC 3262 section 7.1).
    """
    value = response.get("RSeq")
    if value is None or not demands(response):
        return None
    number = parse_integer(value.strip(LWS), "RSeq", MAX_RSEQ)
    if not number:
        raise ParseError("RSeq is 0")
    return number


def parse_rack(prack: Request) -> tuple[int, int, str]:
    """Return RSeq, CSeq number and method of a RAck. Raises ParseError (RFC 3262 section 7.2)."""
    words = (prack.get("RAck") or "").replace("\t", " ").split()
    if len(words) != 3 or not is_token(words[2]):
        raise ParseError("RAck is not RSeq, CSeq number and method")
    return (
        parse_integer(words[0], "the RSeq of RAck", MAX_RSEQ),
        parse_integer(words[1], "the CSeq of RAck", MAX_RSEQ),
        words[2],
    )
