"""The called side of an INVITE session (RFC 3261 sections 9.2 and 13.3)."""

from __future__ import annotations

from ..auth.authorization import Authorization
from ..errors import NegotiationFailed, ParseError, SipError
from ..events import Answered, Cause, Ended, Event, Failed, IncomingInvite
from ..hop import Hop
from ..message.headers import warning
from ..message.message import Fields, Request, response_to
from ..saved import SavedSession
from ..sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ..transaction.server import ServerTransaction
from ..transaction.timers import Timer
from .context import UserAgentContext
from .dialog import Dialog, dialog_of_uas
from .save_restore import save_dialog, save_invite
from .session import Session


class UasSession(Session):
    """An incoming call. The owner rings, accepts or rejects it."""

    __slots__ = ("_answered", "_audio", "_guard", "_hangup_reason", "_transaction", "answered_at")

    owns_call_id = False

    def __init__(
        self, context: UserAgentContext, transaction: ServerTransaction, now: float
    ) -> None:
        """Send 100 and emit IncomingInvite. Raises ParseError for a bad Contact or Record-Route."""
        request = transaction.request
        local_tag = context.new_tag()
        dialog = dialog_of_uas(request, local_tag, transaction.hop, context.may_reach)
        authorization = Authorization(None, context.rng)
        super().__init__(context, request.call_id, local_tag, "incoming", authorization)
        self.dialog = dialog
        self._transaction = transaction
        self._audio: NegotiatedAudio | None = None
        self._answered = False
        self._hangup_reason: str | None = None
        self.answered_at: float | None = None
        """When our 200 was sent; None before."""
        transaction.user = self
        transaction.respond(response_to(request, 100), now)
        limit_s, at_limit = context.values.timer_c_s, self._left_unanswered
        if 0 < (expires_s := _expires_s(request)) < limit_s:
            limit_s, at_limit = expires_s, self._expired
        self._guard: Timer | None = context.timers.schedule(now + limit_s, at_limit)
        context.half_open.add(self)
        context.emit(IncomingInvite(self, request))

    @property
    def request(self) -> Request:
        """The received INVITE."""
        return self._transaction.request

    @property
    def source(self) -> Hop:
        """The transport address that the INVITE came from. Its headers do not change it."""
        return self._transaction.hop

    def objection(self, audio: LocalAudio) -> str | None:
        """Return why `accept` would answer 488; None if it would not. Call it before ringing."""
        if self.request.body:
            try:
                OfferAnswer(0).receive_offer(self.request.body, audio)
            except NegotiationFailed as error:
                return error.reason
        return None

    # -- what the owner decides

    def ring(self, now: float, status: int = 180) -> None:
        """Send a provisional response 101 to 199. Raises SipError if a final one was sent."""
        self._must_be_open()
        self.state = "early"
        self.changed()
        self._respond(status, now, [self._contact(self.in_dialog)])

    def accept(self, audio: LocalAudio, now: float) -> None:
        """Answer 200. `Answered` is emitted when the ACK comes.

        An offer without a common codec is answered 488 and emits `Failed`. Raises SipError if a
        final response was sent or the call is over.
        """
        self._must_be_open()
        self.local_audio = audio
        offer = self.request.body
        try:
            if offer:
                body, self._audio = self.media.receive_offer(offer, audio)
            else:
                body = self.media.make_offer(audio)
        except NegotiationFailed as error:
            self.reject(488, now, reason=error.reason)
            return
        self._stop_guard()
        self.state = "accepted"
        self.answered_at = now
        self._accept(self._transaction, body, not offer, now)
        self.changed()

    def reject(
        self,
        status: int,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        reason: str | None = None,
    ) -> None:
        """Send a final response 300 to 699.

        `reason` is sent as text in a Warning header. Raises SipError if a final response was sent
        or the call is over.
        """
        self._must_be_open()
        self._respond(status, now, [*headers, *([] if reason is None else [warning(reason)])])
        self._report(Failed(self, Cause(status, reason or "rejected", "local")))
        self.finish(None, now)

    def _must_be_open(self) -> None:
        if self.state not in ("incoming", "early"):
            raise SipError(f"the call is {self.state}, it can be neither answered nor rejected")

    def _respond(self, status: int, now: float, headers: Fields) -> None:
        fields = [("Server", self.context.product), *headers]
        response = response_to(self.request, status, to_tag=self.local_tag, headers=fields)
        self._transaction.respond(response, now)

    def _give_up(self, now: float, reason: str | None) -> None:
        if self.state == "accepted":
            # The called side must not send BYE before the ACK (RFC 3261 section 15).
            self._hangup_reason = reason
            self._cause = Cause(None, "hung up", "local")
            self.state = "terminating"
        else:
            self.reject(480, now, (("Reason", reason),) if reason else ())

    def _left_unanswered(self, _: object, now: float) -> None:
        self._guard = None
        self.reject(480, now)

    def _expired(self, _: object, now: float) -> None:
        """End the call, because the Expires of the INVITE is over (RFC 3261 section 13.3.1)."""
        self._guard = None
        self.cancel_received(now)

    # -- what is kept

    def save(self) -> SavedSession | None:
        """See Session. A call that does not ring yet is not worth it: most of them are refused."""
        if self.state == "incoming":
            return None
        is_unacknowledged = self._accepted is not None and not self._answered
        if self.state == "early" or is_unacknowledged:
            answer = self._transaction.data if is_unacknowledged else b""
            return self._saved(
                dialog=save_dialog(self.in_dialog),
                invite=save_invite(self.request, self._transaction.hop, answer),
            )
        return super().save()

    # -- what the caller does

    def cancel_received(self, now: float) -> None:
        """Answer the INVITE with 487, after a CANCEL or when its Expires is over."""
        if self.state in ("incoming", "early"):
            self._respond(487, now, [])
            self._report(Failed(self, Cause(487, "Request Terminated", "remote")))
            self.finish(None, now)

    def acknowledged(self, audio: NegotiatedAudio | None, now: float) -> None:
        """See Session."""
        self.context.half_open.discard(self)
        if self.state == "terminating":
            self.end(Cause(None, "hung up", "local"), now, reason=self._hangup_reason)
        elif self.state == "accepted":
            self.state = "confirmed"
            self.changed()
            self._audio = audio or self._audio
            assert self._audio is not None
            self._answered = True
            self.context.emit(Answered(self, self._audio))
            self._next_reinvite(now)
        else:
            super().acknowledged(audio, now)

    def no_agreement(self, reason: str, now: float) -> None:
        """See Session."""
        if self.state in ("accepted", "terminating"):
            self._report(Failed(self, Cause(488, reason, "local")))
        super().no_agreement(reason, now)

    def _no_ack(self, now: float) -> None:
        if self.state in ("accepted", "terminating"):
            self._report(Failed(self, Cause(408, "no ACK", "timeout")))
        super()._no_ack(now)

    def give_way(self, now: float) -> None:
        """End a call whose ACK did not come, because others of its source wait."""
        self.context.counters.gave_way += 1
        self.context.half_open.discard(self)
        if self._accepted is not None:
            self._accepted.stop()
        self._no_ack(now)

    def ended_by_peer(self, cause: Cause, dialog: Dialog, now: float) -> None:
        """See Session. An INVITE without a final response is answered 487 (RFC 3261 15.1.2)."""
        if self.state in ("incoming", "early"):
            self._respond(487, now, [])
        if self.state == "confirmed":
            self.finish(Ended(self, cause), now)
        else:
            self._report(Failed(self, cause))
            self.finish(None, now)

    # -- ends

    def ending(self) -> Event | None:
        """See Session."""
        if self._reported:
            return None
        return Ended(self, self._cause) if self._answered else Failed(self, self._cause)

    def finish(self, event: Event | None, now: float) -> None:
        """See Session."""
        self._stop_guard()
        self.context.half_open.discard(self)
        # The transaction lives on for up to 64*T1; the session need not.
        self._transaction.user = None
        super().finish(event, now)

    def _stop_guard(self) -> None:
        self.context.timers.cancel(self._guard)
        self._guard = None


def _expires_s(invite: Request) -> int:
    """Return the Expires of the INVITE in seconds; 0 if there is none or it cannot be read."""
    try:
        return invite.expires or 0
    except ParseError:
        return 0
