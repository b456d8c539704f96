"""Answers to requests received within a dialog (RFC 3261 section 12.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ..errors import NegotiationFailed
from ..events import InfoDigit, MediaChanged, Referred
from ..message.body import unsupported_body
from ..message.headers import warning
from ..message.info_dtmf import answer_info
from ..message.message import Fields, Request, response_to
from ..sdp.offer_answer import LocalAudio, OfferAnswer
from ..transaction.server import ServerTransaction
from ..usage import DialogUsage
from .context import UserAgentContext
from .dialog import Dialog
from .extensions.received_refer import Referral, answer_notify
from .extensions.session_timer import SessionTimer
from .requesting_session import RequestingSession

SDP = ("Content-Type", "application/sdp")


class AnsweringSession(DialogUsage, RequestingSession, Protocol):
    """The part of a session that answers requests within its dialog."""

    local_audio: LocalAudio | None
    was_referred: bool
    timer: SessionTimer

    @property
    def is_offering(self) -> bool:
        """Whether our re-INVITE waits for its answer."""

    @property
    def is_answering(self) -> bool:
        """Whether our 2xx waits for its ACK."""

    def media_of(self, dialog: Dialog) -> OfferAnswer:
        """The offers and answers of a dialog of the session."""

    def refresh_target(self, dialog: Dialog, request: Request) -> None:
        """Take the Contact of a target refresh request."""

    def note_peer(self, message: Request) -> None:
        """Note what the peer allows."""

    def answer_invite(
        self, transaction: ServerTransaction, body: bytes, offer_sent: bool, now: float
    ) -> None:
        """Answer a re-INVITE with 200."""

    def notified(self, notify: Request) -> bool:
        """Take a NOTIFY. False where it is not about a REFER of ours."""

    def prack_received(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer a PRACK."""

    def bye_received(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """Answer a BYE and end the session."""


def answer_in_dialog(
    context: UserAgentContext,
    transaction: ServerTransaction,
    status: int,
    now: float,
    *,
    phrase: str | None = None,
    headers: Fields | None = None,
    body: bytes = b"",
) -> None:
    """Respond within a dialog."""
    fields = [("Server", context.product), *(headers or ())]
    response = response_to(transaction.request, status, phrase, headers=fields, body=body)
    transaction.respond(response, now)


def answer_later(context: UserAgentContext, transaction: ServerTransaction, now: float) -> None:
    """Answer 500: the peer's offer cannot be answered yet, and is to come again in a while."""
    retry = str(context.rng.randint(0, 10))
    answer_in_dialog(context, transaction, 500, now, headers=[("Retry-After", retry)])


def contact_of(context: UserAgentContext, dialog: Dialog) -> tuple[str, str]:
    """Our Contact in a dialog."""
    return ("Contact", context.contact(dialog.hop, is_secure=dialog.is_secure))


def answer_request(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog | None, now: float
) -> None:
    """Answer a request within the dialog of a session; None if it is of no dialog of it."""
    context, request = session.context, transaction.request
    if dialog is None:
        context.counters.unknown_dialog += 1
        answer_in_dialog(context, transaction, 481, now)
        return
    if request.method in ("INVITE", "UPDATE"):
        # Read it first: a malformed Contact must raise before anything changes.
        _ = request.contact
    if not dialog.in_order(request):
        answer_in_dialog(context, transaction, 500, now, phrase="Request Out of Order")
        return
    _HANDLERS[request.method](session, transaction, dialog, now)


def _options(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    context = session.context
    answer_in_dialog(context, transaction, 200, now, headers=context.all_capabilities)


def _info(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    """INFO (RFC 6086): DTMF, or an empty keep-alive."""
    status, fields, pressed = answer_info(transaction.request)
    answer_in_dialog(session.context, transaction, status, now, headers=fields)
    if pressed is not None:
        session.context.emit(InfoDigit(session, *pressed))


def _update(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    """Answer an UPDATE (RFC 3311 section 5.2)."""
    context, request = session.context, transaction.request
    session.note_peer(request)
    if _is_refused(session, transaction, now):
        return
    media = session.media_of(dialog)
    if not request.sdp:
        session.refresh_target(dialog, request)
        fields = [contact_of(context, dialog), *session.timer.answer(request, now)]
        answer_in_dialog(context, transaction, 200, now, headers=fields)
    elif media.offer_pending:
        # Our offer in a re-INVITE, a 2xx or the first INVITE has no answer yet.
        answer_in_dialog(context, transaction, 491, now)
    elif session.is_answering or session.local_audio is None or media.negotiated is None:
        answer_later(context, transaction, now)
    else:
        _answer_offer(session, transaction, dialog, now)


def _reinvited(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    """Answer a re-INVITE (RFC 3261 section 14.2)."""
    context, request = session.context, transaction.request
    session.note_peer(request)
    if session.state != "confirmed":
        answer_later(context, transaction, now)
    elif session.is_offering or session.is_answering or session.local_audio is None:
        answer_in_dialog(context, transaction, 491, now)
    elif _is_refused(session, transaction, now):
        return
    elif request.sdp:
        _answer_offer(session, transaction, dialog, now)
    else:
        session.refresh_target(dialog, request)
        offer = session.media_of(dialog).make_offer(session.local_audio)
        session.answer_invite(transaction, offer, True, now)


def _is_refused(session: AnsweringSession, transaction: ServerTransaction, now: float) -> bool:
    """Answer 415 for a body that we cannot read, 422 for a session interval that is too small."""
    fields, status = unsupported_body(transaction.request), 415
    if fields is None:
        fields, status = session.timer.objection(transaction.request), 422
    if fields is not None:
        answer_in_dialog(session.context, transaction, status, now, headers=fields)
    return fields is not None


def _answer_offer(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    context, request, local = session.context, transaction.request, session.local_audio
    assert local is not None
    media = session.media_of(dialog)
    before = media.negotiated
    try:
        answer, audio = media.receive_offer(request.sdp, local)
    except NegotiationFailed as error:
        fields = [warning(error.reason, error.warn_code)]
        answer_in_dialog(context, transaction, 488, now, headers=fields)
        return
    session.refresh_target(dialog, request)
    if request.method == "INVITE":
        session.answer_invite(transaction, answer, False, now)
    else:
        fields = [contact_of(context, dialog), SDP, *session.timer.answer(request, now)]
        answer_in_dialog(context, transaction, 200, now, headers=fields, body=answer)
    if audio != before:
        context.emit(MediaChanged(session, audio))


def _refer(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    """Hand a REFER to the owner (RFC 3515)."""
    if session.state != "confirmed":
        answer_later(session.context, transaction, now)
        return
    referral = Referral(session, transaction, dialog, is_first=not session.was_referred)
    session.was_referred = True
    session.context.emit(Referred(session, referral))


def _notify(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    is_ours = session.notified(transaction.request)
    status, fields = (200, []) if is_ours else answer_notify(transaction.request)
    answer_in_dialog(session.context, transaction, status, now, headers=fields)


def _bye(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    session.bye_received(transaction, dialog, now)


def _prack(
    session: AnsweringSession, transaction: ServerTransaction, dialog: Dialog, now: float
) -> None:
    session.prack_received(transaction, dialog, now)


Handler = Callable[[AnsweringSession, ServerTransaction, Dialog, float], None]

_HANDLERS: Final[dict[str, Handler]] = {
    "BYE": _bye,
    "OPTIONS": _options,
    "INFO": _info,
    "UPDATE": _update,
    "INVITE": _reinvited,
    "PRACK": _prack,
    "REFER": _refer,
    "NOTIFY": _notify,
}
