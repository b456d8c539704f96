"""Send a re-INVITE (RFC 3261 section 14.1)."""

from __future__ import annotations

from typing import Protocol

from ..errors import NegotiationFailed, ParseError
from ..events import Cause, Event, MediaChanged, MediaRefused
from ..message.message import Response
from ..message.reason import reason_text
from ..sdp.offer_answer import LocalAudio, OfferAnswer
from ..transaction.client import ClientTransaction
from ..transaction.timers import Timer
from ..transaction.transaction import FailureCause
from ..usage import DialogUsage
from .ack import build_ack
from .extensions.session_timer import SessionTimer, may_send_again
from .next_hop import retry_by_name
from .requesting_session import RequestingSession


class ReinviteOwner(DialogUsage, RequestingSession, Protocol):
    """The part of a session that its re-INVITE uses."""

    media: OfferAnswer
    local_audio: LocalAudio | None
    timer: SessionTimer

    @property
    def is_answering(self) -> bool:
        """Whether our 2xx waits for its ACK."""

    def reinvite_done(self, event: Event | None, now: float) -> None:
        """Handle the end of the re-INVITE."""


class Reinvite:
    """Offers new audio within a confirmed session. After glare (491) it tries again.

    With `audio` None it refreshes the session: it offers what was described last (RFC 4028).
    """

    __slots__ = (
        "_ack",
        "_audio",
        "_retried_by_name",
        "_retry",
        "_session",
        "_transaction",
        "offering",
    )

    def __init__(self, session: ReinviteOwner, audio: LocalAudio | None, now: float) -> None:
        self._session = session
        self._audio = audio
        self._retry: Timer | None = None
        self._transaction: ClientTransaction | None = None
        self._ack = b""
        self._retried_by_name = False
        self.offering = False
        """Whether an offer has been sent and not yet answered."""
        self._send(None, now)

    def _send(self, _: object, now: float) -> None:
        session = self._session
        context, dialog = session.context, session.in_dialog
        self._retry = None
        if session.is_answering:
            # The peer's re-INVITE came first. Ours waits until it is acknowledged.
            self._retry = context.timers.schedule(now + self._glare_delay_s(), self._send)
            return
        media, audio = session.media, self._audio
        body = media.repeat_offer() if audio is None else media.make_offer(audio)
        self.offering = True
        fields = [
            ("Contact", context.contact(dialog.hop, is_secure=dialog.is_secure)),
            *context.request_fields,
            *context.supported,
            *session.timer.request_fields(),
            *session.authorization.headers("INVITE", dialog.request_uri.encode(), body),
            ("Content-Type", "application/sdp"),
        ]
        self._transaction = context.start_in_dialog(self, dialog, "INVITE", fields, now, body)
        session.changed()

    def stop(self, now: float) -> None:
        """Stop retrying: the session is over. A late 2xx is still acknowledged."""
        context = self._session.context
        context.timers.cancel(self._retry)
        self._retry = None
        transaction = self._transaction
        if transaction is not None and transaction.state in ("calling", "proceeding"):
            context.transactions.abandon_after(transaction, context.values.timer_b_s, now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        status = response.status
        session = self._session
        if status < 200:
            return
        if status < 300:
            self._accepted(transaction, response, now)
            return
        if not self.offering:
            return
        self.offering = False
        session.media.withdraw_offer()
        if session.state != "confirmed":
            return
        if status == 491:
            self._retry = session.context.timers.schedule(now + self._glare_delay_s(), self._send)
        elif may_send_again(session, transaction.request, response):
            self._send(None, now)
        elif status in (408, 481):
            session.fail(Cause(status, response.phrase, "remote", reason_text(response)), now)
        else:
            self._refused(status, response.phrase, now)

    def _refused(self, status: int, phrase: str, now: float) -> None:
        session = self._session
        if self._audio is None:
            # The session goes on. Where no later refresh succeeds, it expires.
            session.timer.retry(session.timer.pause_s, now)
            session.reinvite_done(None, now)
        else:
            session.reinvite_done(MediaRefused(session, status, phrase), now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. An unanswered re-INVITE ends the session (RFC 3261 section 12.2.1.2)."""
        session = self._session
        if session.state != "confirmed" or not self.offering:
            return
        self.offering = False
        if cause == "transport" and not self._retried_by_name:
            self._retried_by_name = True
            if retry_by_name(session.context.lookups, session.in_dialog, self._name_resolved):
                session.media.withdraw_offer()
                return
        status = 408 if cause == "timeout" else 503
        session.fail(Cause(status, "re-INVITE not answered", cause), now)

    def _name_resolved(self, is_there: bool, now: float) -> None:
        session = self._session
        if session.state != "confirmed":
            return
        if is_there:
            self._send(None, now)
        else:
            session.fail(Cause(503, "re-INVITE not answered", "transport"), now)

    def _accepted(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        session = self._session
        context, dialog = session.context, session.in_dialog
        if self._ack:
            context.transactions.retransmit(dialog.hop, self._ack)
            return
        try:
            dialog.refresh(response)
            session.changed()
        except ParseError:
            context.counters.malformed += 1
        self._ack = build_ack(context, transaction.request, dialog).encode()
        context.transactions.send(dialog.hop, self._ack)
        if session.state != "confirmed":
            return
        self.offering = False
        session.timer.answered(response, now)
        before = session.media.negotiated
        try:
            audio = session.media.receive_answer(response.sdp)
        except (ParseError, NegotiationFailed) as error:
            session.media.withdraw_offer()
            self._refused(488, error.reason, now)
            return
        session.local_audio = self._audio or session.local_audio
        is_same = self._audio is None and audio == before
        session.reinvite_done(None if is_same else MediaChanged(session, audio), now)

    def _glare_delay_s(self) -> float:
        """Return the delay before the retry after glare, in steps of 10 ms.

        It is 2.1 to 4 s for the side that made the Call-ID and 0 to 2 s for the other.
        """
        session = self._session
        if session.owns_call_id:
            return session.context.rng.randint(210, 400) / 100
        return session.context.rng.randint(0, 200) / 100
