"""The calling side of an INVITE session (RFC 3261 sections 9.1 and 13.2)."""

from __future__ import annotations

import msgspec
from msgspec import structs

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..errors import NegotiationFailed, ParseError
from ..events import Answered, Cause, Event, Failed, Origin, Progress
from ..hop import Hop
from ..message.message import Fields, Message, Request, Response
from ..message.name_addr import NameAddr, parse_name_addr
from ..message.reason import status_reason
from ..message.uri import OtherUri, SipUri, Uri, parse_uri, request_uri_of
from ..saved import SavedSession
from ..sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ..transaction.client import CALLING, PROCEEDING, ClientTransaction
from ..transaction.timers import Timer
from ..transaction.transaction import FailureCause
from .ack import Acknowledgements
from .cancel import IgnoredCancel, build_cancel
from .causes import refused, unreached
from .context import UserAgentContext
from .dialog import Dialog, is_sips, request_uri_and_route, trusted_request
from .extensions.early_dialogs import EarlyDialog, EarlyDialogs, is_next
from .extensions.prack import demands
from .extensions.session_timer import may_send_again
from .in_dialog import SDP
from .save_restore import save_dialog, save_invite
from .session import Session

CLEARED_WITHIN_T1 = 4
"""A cancelled phone sends its final response within this many T1, or has died."""


class Invitation(msgspec.Struct, frozen=True):
    """A call to place.

    `target` is the request URI and `hop` the address that the INVITE is sent to. `route` is a
    preloaded route set, such as an outbound proxy. `headers` are further header fields. The owner
    lets it ring for `ring_s`, so the user agent does not give up earlier.
    """

    target: str
    hop: Hop
    from_uri: str
    audio: LocalAudio
    from_display: str | None = None
    credentials: Credentials | None = None
    headers: tuple[tuple[str, str], ...] = ()
    route: tuple[str, ...] = ()
    ring_s: float = 0.0
    account: str = ""
    """The owner's name for the credentials, which is kept in place of them."""
    session_expires_s: int | None = None
    """The session interval to ask for (RFC 4028); 0 for none, None for that of the policy."""
    late_offer: bool = False
    """Send no offer: the peer makes one, in its 2xx or a reliable provisional response."""
    owner: object | None = None
    """Whoever the events of the session are for."""


class UacSession(Session):
    """An outgoing call. If it forks, the first 2xx is kept and the others are ended by BYE."""

    __slots__ = (
        "_acks",
        "_cancel_reason",
        "_cancelled",
        "_cseq",
        "_early",
        "_fields",
        "_guard",
        "_heard",
        "_hop",
        "_invitation",
        "_is_secure",
        "_offer",
        "_request_uri",
        "_transaction",
    )

    owns_call_id = True

    def __init__(self, context: UserAgentContext, invitation: Invitation, now: float) -> None:
        """Send the INVITE. Raises ParseError for a bad URI and ValueError for a bad header."""
        target = parse_uri(invitation.target)
        self._request_uri, route = request_uri_and_route(
            request_uri_of(target), list(invitation.route)
        )
        sender = parse_uri(invitation.from_uri)
        local_tag = context.new_tag()
        local = NameAddr(sender, invitation.from_display, {"tag": local_tag})
        remote = NameAddr(_address_of_record(target))
        # Values from the owner are checked here, once.
        checked = Message(
            [
                *(("Route", uri) for uri in route),
                ("From", local.encode()),
                ("To", remote.encode()),
                *invitation.headers,
            ]
        )
        expires_s = invitation.session_expires_s
        super().__init__(
            context,
            context.new_call_id(),
            local_tag,
            "calling",
            Authorization(invitation.credentials, context.rng),
            invitation.account,
            context.policy.session_expires_s(invitation.hop) if expires_s is None else expires_s,
        )
        self._owner = invitation.owner
        self.local_audio = invitation.audio
        self._fields = checked.headers()
        self._invitation = structs.replace(invitation, owner=None)
        self._hop = invitation.hop
        self._is_secure = is_sips(target) or any(map(_leads_to_sips, invitation.route[:1]))
        self._cseq = 0
        is_late = invitation.late_offer
        self._offer = b"" if is_late else self.media.make_offer(invitation.audio)
        self._early = EarlyDialogs(context, self.authorization, self.media)
        # The fork whose early media was reported last.
        self._heard: str | None = None
        self._acks = Acknowledgements(context, self.authorization)
        self._guard: Timer | None = None
        self._cancelled = False
        self._cancel_reason: str | None = None
        self._transaction: ClientTransaction
        self._send_invite(now)

    def _send_invite(self, now: float) -> None:
        context = self.context
        self._cseq += 1
        branch = context.new_branch()
        fields = self._invite_fields(branch)
        request = trusted_request("INVITE", self._request_uri, fields, self._offer)
        self._transaction = context.transactions.start_client(self, request, branch, self._hop, now)
        self.changed()

    def _invite_fields(self, branch: str) -> Fields:
        context, hop = self.context, self._hop
        return [
            ("Via", context.via(hop, branch)),
            ("Max-Forwards", "70"),
            *self._fields,
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._cseq} INVITE"),
            ("Contact", context.contact(hop, is_secure=self._is_secure)),
            *context.request_fields,
            *context.supported,
            *self.timer.request_fields(),
            *self.authorization.headers("INVITE", self._request_uri.encode(), self._offer),
            *([SDP] if self._offer else []),
        ]

    @property
    def target(self) -> str:
        """The URI that was called."""
        return self._invitation.target

    @property
    def peer_hop(self) -> Hop:
        """See Session."""
        return self._transaction.hop if self.dialog is None else super().peer_hop

    # -- hanging up before the answer

    def _give_up(self, now: float, reason: str | None) -> None:
        self._cancelled = True
        self._cancel_reason = reason
        self._transaction.over_udp = None  # it is not to be sent once more
        self.state = "terminating"
        until = now + CLEARED_WITHIN_T1 * self.context.values.t1_s
        self.context.clearing.cancelled(self._invitation.target, self.call_id, until)
        # CANCEL waits for a provisional response, so it cannot overtake the INVITE (9.1).
        if self._transaction.state is PROCEEDING:
            self._send_cancel(now)

    def _send_cancel(self, now: float) -> None:
        context, invite = self.context, self._transaction
        cancel = build_cancel(invite.request, context.product, self._cancel_reason)
        context.transactions.start_client(IgnoredCancel(), cancel, invite.branch, invite.hop, now)
        context.timers.cancel(self._guard)
        self._guard = context.timers.schedule(
            now + context.values.timer_b_s, self._cancel_unanswered
        )

    def _cancel_unanswered(self, _: object, now: float) -> None:
        """End the call if no final response came within 64*T1 after CANCEL (RFC 3261 9.1)."""
        self._transaction.abandon()
        self._report(Failed(self, Cause(487, "Request Terminated", "local")))
        self.finish(None, now)

    def _rang_too_long(self, _: object, now: float) -> None:
        """Hang up. Timer C ends sessions of peers that ring and never answer."""
        self._guard = None
        self.hangup(now)

    # -- responses to the INVITE

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        status = response.status
        if status < 200:
            self._provisional(response, now)
        elif status < 300:
            self._success(transaction, response, now)
        elif transaction is self._transaction:
            self._refused(response, now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        if self._reported or transaction is not self._transaction:
            return
        ending = unreached(cause, self.context.transactions.failure_reason)
        if self._cancelled:
            ending = Cause(ending.status, ending.phrase, "local")
        self._report(Failed(self, ending))
        self.finish(None, now)

    def _provisional(self, response: Response, now: float) -> None:
        if self._cancelled:
            if self._guard is None:
                self._send_cancel(now)
            return
        if self._guard is None:
            context = self.context
            limit_s = max(context.values.timer_c_s, self._invitation.ring_s)
            self._guard = context.timers.schedule(now + limit_s, self._rang_too_long)
        if self.state == "calling":
            self.state = "proceeding"
        if response.status == 100:
            return
        if response.status == 199:
            self._fork_ended(response)
            return
        early = self._early.note(self._transaction, response)
        audio = None
        if demands(response):
            if not is_next(early, response) or early is None:
                return
            self.note_peer(response)
            audio = self._early.acknowledge(
                early, self._transaction, response, self.local_audio, now
            )
        elif response.sdp and self._offer:
            audio = self._early.preview(response.sdp)
        if early is not None:
            self.state = "early"
            # A later response without a body does not replace one with an answer.
            early.body = response.sdp or early.body
            self.changed()
        if audio is not None:
            self._heard = response.to.tag
        self.context.emit(Progress(self, response.status, response.phrase, audio))

    def _fork_ended(self, response: Response) -> None:
        """A fork of the call is over, and others may go on (RFC 6228)."""
        tag = response.to.tag or ""
        if self._early.drop(tag) is not None:
            self.changed()
        if tag and tag == self._heard:
            self._heard = None
            self.context.emit(Progress(self, response.status, response.phrase, None))

    def _success(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if self._acks.repeat_ack(response):
            return
        is_first = self.dialog is None
        answer, fault = self._late_answer(response) if is_first else (b"", "")
        try:
            dialog = self._acks.acknowledge_fork(transaction, response, now, answer)
        except ParseError as error:
            if is_first:
                self._unreadable(error, now)
            return
        if not is_first:
            self._acks.decline_fork(dialog, now)
            return
        early = self._early.get(dialog.remote_tag)
        if early is not None:
            # The numbers of its PRACKs, and of what the peer sent meanwhile, are used up.
            dialog.continue_from(early.dialog)
        self.dialog = dialog
        self.changed()
        self._stop_guard()
        self._early.clear()
        self._fields = []  # no further INVITE is made of them
        self.note_peer(response)
        if self._cancelled:
            # The CANCEL crossed the 2xx.
            self.context.clearing.answered(self._invitation.target, self.call_id)
            self._report(Failed(self, Cause(487, "Request Terminated", "local")))
            self.end(self._cause, now, reason=self._cancel_reason)
            return
        try:
            if fault:
                raise NegotiationFailed(fault)
            audio = self._agreed(response.sdp, early)
        except (ParseError, NegotiationFailed) as error:
            self._report(Failed(self, Cause(488, error.reason, "local")))
            self.end(self._cause, now, reason=status_reason(488))
            return
        self.state = "confirmed"
        self.timer.answered(response, now)
        self.context.emit(Answered(self, audio))
        self._next_reinvite(now)

    def _agreed(self, body: bytes, early: EarlyDialog | None) -> NegotiatedAudio:
        """What the 2xx with this description agrees. Raises NegotiationFailed."""
        if early is not None and early.is_agreed:
            # A description in the 2xx could only repeat the one that was acknowledged before.
            self.media = early.media
        elif not self._invitation.late_offer:
            # Some peers answer the offer in the 18x only and send an empty 2xx.
            return self.media.receive_answer(body or (early.body if early is not None else b""))
        agreed = self.media.negotiated
        if agreed is None:
            raise NegotiationFailed("the 2xx has no offer")
        return agreed

    def _late_answer(self, response: Response) -> tuple[bytes, str]:
        """The answer to the offer of a 2xx, which our ACK brings, and why there is none."""
        early = self._early.get(response.to.tag or "")
        if not self._invitation.late_offer or (early is not None and early.is_agreed):
            return b"", ""
        try:
            answer, _ = self.media.receive_offer(response.sdp, self._invitation.audio)
        except (ParseError, NegotiationFailed) as error:
            return b"", error.reason
        return answer, ""

    def _unreadable(self, error: ParseError, now: float) -> None:
        """Report a 2xx whose Contact or Record-Route cannot be read. BYE has been sent."""
        cause = Cause(None, f"the answer cannot be read: {error.reason}", "local")
        if self._cancelled:
            cause = Cause(487, "Request Terminated", "local")
        self._report(Failed(self, cause))
        self.finish(None, now)

    def _refused(self, response: Response, now: float) -> None:
        if self._reported:
            return
        if not self._cancelled and may_send_again(self, self._transaction.request, response):
            self._stop_guard()
            self._early.clear()
            self.state = "calling"
            self._transaction.user = self._acks
            self._send_invite(now)
            return
        origin: Origin = "local" if self._cancelled else "remote"
        self.context.counters.missing_extensions += response.status in (420, 421)
        self._report(Failed(self, refused(response, origin)))
        self.finish(None, now)

    # -- what is kept

    def save(self) -> SavedSession | None:
        """See Session."""
        if self.dialog is not None:
            return super().save()
        invite, hop = self._transaction.request, self._transaction.hop
        early = [save_dialog(one.dialog) for one in self._early]
        return self._saved(invite=save_invite(invite, hop), early=early)

    # -- ends

    def finish(self, event: Event | None, now: float) -> None:
        """See Session."""
        self._stop_guard()
        self.context.clearing.over(self._invitation.target, self.call_id)
        # The transaction may live for another 64*T1, but must not keep the session alive.
        self._transaction.user = self._acks
        super().finish(event, now)

    def _stop_guard(self) -> None:
        self.context.timers.cancel(self._guard)
        self._guard = None

    # -- requests in early dialogs

    @property
    def dialog_count(self) -> int:
        """See Session."""
        return super().dialog_count + len(self._early)

    def has_dialog(self, remote_tag: str) -> bool:
        """See Session."""
        return super().has_dialog(remote_tag) or remote_tag in self._early

    def dialog_for(self, request: Request) -> Dialog | None:
        """See Session."""
        if self.dialog is not None:
            return self.dialog
        early = self._early.get(request.from_.tag or "")
        return None if early is None else early.dialog

    def media_of(self, dialog: Dialog) -> OfferAnswer:
        """See Session. An early dialog has its own until the 2xx."""
        early = None if self.dialog is not None else self._early.get(dialog.remote_tag)
        return self.media if early is None else early.media

    def ended_by_peer(self, cause: Cause, dialog: Dialog, now: float) -> None:
        """See Session. A BYE in an early dialog means that the 2xx was lost."""
        if self.dialog is not None:
            super().ended_by_peer(cause, dialog, now)
            return
        self._early.drop(dialog.remote_tag)
        if self._early:
            return
        if self._cancelled:
            cause = Cause(487, "Request Terminated", "local")
        self._report(Failed(self, cause))
        if self._transaction.state in (CALLING, PROCEEDING):
            self._transaction.abandon()
        self.finish(None, now)


def _address_of_record(uri: Uri) -> Uri:
    """Return the request URI as To may have it: without port and transport (RFC 3261 19.1.1)."""
    if isinstance(uri, OtherUri):
        return uri
    params = {name: value for name, value in uri.params.items() if name == "user"}
    return SipUri(uri.scheme, uri.host, uri.user, None, None, params)


def _leads_to_sips(route: str) -> bool:
    return is_sips(parse_name_addr(route).uri)
