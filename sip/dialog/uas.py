"""The called side of an INVITE session (RFC 3261 sections 9.2 and 13.3)."""

from __future__ import annotations

from ..auth.authorization import Authorization
from ..errors import NegotiationFailed, ParseError, SipError
from ..events import Answered, Cause, Ended, Event, Failed, IncomingInvite
from ..hop import Hop
from ..message.headers import warning
from ..message.message import Fields, Request, Response, response_to
from ..message.reason import status_reason
from ..message.reason_phrases import REASON_PHRASES
from ..saved import SavedSession
from ..sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ..transaction.server import ServerTransaction
from ..transaction.timers import Timer
from ..usage import DialogUsage
from .context import UserAgentContext
from .dialog import Dialog, dialog_of_uas
from .extensions.prack import ReliableResponses, answer_to, demands, is_supported
from .in_dialog import SDP, answer_in_dialog, contact_of
from .save_restore import save_dialog, save_invite
from .session import Session


class UasSession(Session):
    """An incoming call. The owner rings, accepts or rejects it."""

    __slots__ = (
        "_answered",
        "_early_answer",
        "_guard",
        "_hangup_reason",
        "_postponed",
        "_reliable",
        "_takes_reliable",
        "_transaction",
        "_warn_code",
        "answered_at",
        "peer",
    )

    owns_call_id = False

    def __init__(
        self,
        context: UserAgentContext,
        transaction: ServerTransaction,
        now: float,
        *,
        peer: str = "",
        replaced: DialogUsage | None = None,
    ) -> None:
        """Send 100 and emit IncomingInvite, or refuse a session interval that is too small.

        `peer` is the owner's name for who calls, where credentials have proved it. Raises
        ParseError for a bad Contact or Record-Route.
        """
        request = transaction.request
        local_tag = context.new_tag()
        dialog = dialog_of_uas(request, local_tag, transaction.hop, context.may_reach)
        authorization = Authorization(None, context.rng)
        takes_reliable = is_supported(request)
        super().__init__(
            context,
            request.call_id,
            local_tag,
            "incoming",
            authorization,
            expires_s=context.policy.session_expires_s(transaction.hop, peer),
        )
        self.dialog = dialog
        self._transaction = transaction
        self._answered = False
        self._hangup_reason: str | None = None
        self._takes_reliable = takes_reliable
        self._reliable: ReliableResponses | None = None
        # Our description in a provisional response, which answers the offer of the INVITE.
        self._early_answer = b""
        # What `accept` was called with while a description of ours waited for its PRACK.
        self._postponed: LocalAudio | None = None
        self._warn_code = 399
        self.peer = peer
        """The owner's name for who calls, where credentials have proved it; "" otherwise."""
        self._guard: Timer | None = None
        self.answered_at: float | None = None
        """When our 200 was sent; None before."""
        transaction.user = self
        self.note_peer(request)
        if (objection := self.timer.objection(request)) is not None:
            self._respond(422, now, objection)
            self.finish(None, now)
            return
        transaction.respond(response_to(request, 100), now)
        limit_s, at_limit = context.values.timer_c_s, self._left_unanswered
        if 0 < (expires_s := _expires_s(request)) < limit_s:
            limit_s, at_limit = expires_s, self._expired
        self._guard = context.timers.schedule(now + limit_s, at_limit)
        context.half_open.add_call(self)
        context.emit(IncomingInvite(self, request, replaced))

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
        if self.request.sdp:
            try:
                OfferAnswer(0).receive_offer(self.request.sdp, audio)
            except NegotiationFailed as error:
                self._warn_code = error.warn_code
                return error.reason
        return None

    # -- what the owner decides

    def ring(self, now: float, status: int = 180, audio: LocalAudio | None = None) -> None:
        """Send a provisional response 101 to 199, reliably where the caller knows how (RFC 3262).

        With `audio` it has our description, so that the caller hears us before the answer. Raises
        SipError if a final response was sent, and NegotiationFailed for an offer without a common
        codec.
        """
        self._must_be_open()
        body = b"" if audio is None else self._describe_early(audio)
        self.state = "early"
        self.changed()
        must_offer = not self.request.sdp and self.media.negotiated is None and not body
        if must_offer and demands(self.request):
            # The first reliable response would need an offer (RFC 3262 section 5): the 200 has it.
            return
        fields = [contact_of(self.context, self.in_dialog), *self.context.supported]
        response = self._response(status, [*fields, *([SDP] if body else [])], body)
        if self._takes_reliable and not must_offer:
            self._reliably().send(response, now)
        else:
            self._transaction.respond(response, now)

    def _describe_early(self, audio: LocalAudio) -> bytes:
        """Return our description for a provisional response; nothing where it has been sent."""
        offer = self.request.sdp
        if self.media.offer_pending or self.media.negotiated is not None:
            return b"" if self._takes_reliable else self._early_answer
        if not offer and not self._takes_reliable:
            return b""
        self.local_audio = audio
        if not offer:
            return self.media.make_offer(audio)
        self._early_answer, _ = self.media.receive_offer(offer, audio)
        return self._early_answer

    def _reliably(self) -> ReliableResponses:
        if self._reliable is None:
            context = self.context
            self._reliable = ReliableResponses(
                context.timers,
                context.values,
                self._transaction,
                context.rng,
                on_timeout=self._no_prack,
            )
        return self._reliable

    def _no_prack(self, now: float) -> None:
        """End the call, because a reliable response got no PRACK (RFC 3262 section 3)."""
        if self.state in ("incoming", "early"):
            self._respond(504, now, [])
            self._report(Failed(self, Cause(408, "no PRACK", "timeout")))
            self.finish(None, now)

    def accept(self, audio: LocalAudio, now: float) -> None:
        """Answer 200. `Answered` is emitted when the ACK comes.

        A description in a provisional response must be acknowledged before; then the 200 waits for
        that. An offer without a common codec is answered 488 and emits `Failed`. Raises SipError
        if a final response was sent or the call is over.
        """
        self._must_be_open()
        if self._reliable is not None and self._reliable.has_unacknowledged_sdp:
            self._postponed = audio
            return
        offer, offer_sent, body = self.request.sdp, False, b""
        try:
            if self.media.offer_pending:
                raise NegotiationFailed("our offer was not answered by the PRACK")
            if self.media.negotiated is not None:
                body = b"" if self._takes_reliable else self._early_answer
            elif offer:
                self.local_audio = audio
                body, _ = self.media.receive_offer(offer, audio)
            else:
                self.local_audio = audio
                body, offer_sent = self.media.make_offer(audio), True
        except NegotiationFailed as error:
            self._warn_code = error.warn_code
            self.reject(488, now, reason=error.reason)
            return
        self._stop_guard()
        self._stop_provisional()
        self.state = "accepted"
        self.answered_at = now
        self.answer_invite(self._transaction, body, offer_sent, now)
        self.changed()

    def prack_received(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """See Session (RFC 3262 section 3). A PRACK may answer our offer, or have a new one."""
        prack = transaction.request
        if self._reliable is None or not self._reliable.acknowledge(prack, now):
            super().prack_received(transaction, dialog, now)
            return
        status, fields, body = answer_to(prack, self.media, self.local_audio)
        fields = [*fields, SDP] if body else fields
        answer_in_dialog(self.context, transaction, status, now, headers=fields, body=body)
        if self._postponed is not None and self.state in ("incoming", "early"):
            audio, self._postponed = self._postponed, None
            self.accept(audio, now)

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
        told = [] if reason is None else [warning(reason, self._warn_code)]
        self._tell_early_end(status, now)
        self._respond(status, now, [*headers, *told])
        self._report(Failed(self, Cause(status, reason or "rejected", "local")))
        self.finish(None, now)

    def _tell_early_end(self, status: int, now: float) -> None:
        """Send 199 where the caller knows it: its early dialog with us is over (RFC 6228).

        A proxy that has forked the call keeps our final response back while others ring. Where
        the caller requires reliable responses it would have to wait for a PRACK: it gets none.
        """
        request = self.request
        if self.state != "early" or demands(request):
            return
        # Supported can be read: that was found when the call came in.
        if any(option.strip() == "199" for option in request.get_list("Supported")):
            phrase = REASON_PHRASES.get(status, "Refused")
            reason = ("Reason", status_reason(status, phrase))
            self._transaction.respond(self._response(199, [reason]), now)

    def _must_be_open(self) -> None:
        if self.state not in ("incoming", "early"):
            raise SipError(f"the call is {self.state}, it can be neither answered nor rejected")

    def _respond(self, status: int, now: float, headers: Fields) -> None:
        self._stop_provisional()
        self._transaction.respond(self._response(status, headers), now)

    def _response(self, status: int, headers: Fields, body: bytes = b"") -> Response:
        fields = [("Server", self.context.product), *headers]
        return response_to(self.request, status, to_tag=self.local_tag, headers=fields, body=body)

    def _stop_provisional(self) -> None:
        if self._reliable is not None:
            self._reliable.stop()

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

    def cancel_received(self, now: float, reason: str | None = None) -> None:
        """Answer the INVITE with 487, after a CANCEL or when its Expires is over.

        `reason` is the Reason header of the CANCEL.
        """
        if self.state in ("incoming", "early"):
            self._respond(487, now, [])
            self._report(Failed(self, Cause(487, "Request Terminated", "remote", reason)))
            self.finish(None, now)

    def acknowledged(self, audio: NegotiatedAudio | None, now: float) -> None:
        """See Session."""
        self.context.half_open.discard(self)
        if self.state == "terminating":
            self.end(Cause(None, "hung up", "local"), now, reason=self._hangup_reason)
        elif self.state == "accepted":
            self.state = "confirmed"
            self.changed()
            agreed = audio or self.media.negotiated
            assert agreed is not None
            self._answered = True
            self.context.emit(Answered(self, agreed))
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
        self._stop_provisional()
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
