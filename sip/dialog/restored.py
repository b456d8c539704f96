"""Sessions that an earlier process left behind, and that this one ends.

Nothing is known of their media and nobody waits for their events, so that all they can do is end
and answer what comes for them meanwhile. A confirmed dialog is ended by BYE, an INVITE of ours
without a final response by CANCEL (RFC 3261 sections 9.1 and 15). A received INVITE gets its final
response; where that was a 2xx, it is sent again until the ACK comes, and then the BYE.

A phone may have hung up while nobody was there. So a BYE of it is answered 200 even when ours was
answered before.
"""

from __future__ import annotations

from ..auth.authorization import Authorization
from ..auth.digest import Credentials
from ..errors import ParseError
from ..events import Cause, Event
from ..message.message import Request, Response, response_to
from ..saved import SavedSession
from ..sdp.offer_answer import NegotiatedAudio
from ..transaction.client import PROCEEDING, ClientTransaction
from ..transaction.layer import server_key
from ..transaction.timers import Timer
from ..transaction.transaction import FailureCause
from .ack import MAX_FORKS, Acknowledgements
from .answer_2xx import Answer2xx
from .bye import Bye
from .cancel import build_cancel
from .context import UserAgentContext
from .dialog import Dialog, early_dialog
from .save_restore import (
    original_text,
    restore_answer,
    restore_dialog,
    restore_request,
    save_dialog,
    save_invite,
)
from .session import Session, State
from .uac import CLEARED_WITHIN_T1

_LEFT_BEHIND = Cause(None, "left behind by an earlier process", "local")


def restore_session(
    context: UserAgentContext, saved: SavedSession, credentials: Credentials | None
) -> RestoredSession:
    """Return the session. `hangup` ends it. Raises ParseError where it cannot be read."""
    try:
        if saved.invite is None:
            return RestoredSession(context, saved, "confirmed", credentials)
        if saved.is_ours:
            return RestoredInvite(context, saved, credentials)
        return RestoredIncoming(context, saved, credentials)
    except ValueError as error:
        raise ParseError(f"a kept session cannot be read: {error}") from error


class RestoredSession(Session):
    """A confirmed session of an earlier process. It emits no event."""

    __slots__ = ("_saved_call_id",)

    owns_call_id = True

    def __init__(
        self,
        context: UserAgentContext,
        saved: SavedSession,
        state: State,
        credentials: Credentials | None,
    ) -> None:
        call_id = original_text(saved.call_id)
        dialog = None if saved.dialog is None else restore_dialog(call_id, saved.dialog)
        super().__init__(
            context,
            call_id,
            saved.local_tag,
            state,
            Authorization(credentials, context.rng),
            saved.account,
        )
        self.dialog = dialog
        self._reported = True
        context.saves.restored(self)

    def finish(self, event: Event | None, now: float) -> None:
        """See Session. A BYE that comes later is still answered 200."""
        if self.state != "terminated":
            self._remember(self.dialog, now)
        super().finish(None, now)

    def _remember(self, dialog: Dialog | None, now: float) -> None:
        if dialog is not None:
            self.context.remember_ended((self.call_id, self.local_tag, dialog.remote_tag), now)


class RestoredInvite(RestoredSession):
    """An INVITE of an earlier process that has no final response yet, as far as is known."""

    __slots__ = ("_acks", "_early", "_hop", "_invite", "_patience", "_reason", "_transaction")

    def __init__(
        self, context: UserAgentContext, saved: SavedSession, credentials: Credentials | None
    ) -> None:
        assert saved.invite is not None
        invite = restore_request(saved.invite)
        early = [restore_dialog(invite.call_id, dialog) for dialog in saved.early]
        super().__init__(context, saved, "proceeding", credentials)
        self._invite = invite
        self._hop = saved.invite.hop
        self._early = {dialog.remote_tag: dialog for dialog in early}
        self._acks = Acknowledgements(context, self.authorization)
        self._patience: Timer | None = None
        self._reason: str | None = None
        self._transaction = context.transactions.resume_invite(
            self, invite, invite.via.branch or "", self._hop
        )

    def save(self) -> SavedSession | None:
        """See Session."""
        if self.dialog is not None:
            return super().save()
        early = [save_dialog(dialog) for dialog in self._early.values()]
        return self._saved(invite=save_invite(self._invite, self._hop), early=early)

    # -- the end of it

    def _give_up(self, now: float, reason: str | None) -> None:
        context, values = self.context, self.context.values
        self.state = "terminating"
        self._reason = reason
        cancel = build_cancel(self._invite, context.product, reason)
        branch = self._transaction.branch
        context.transactions.start_client(_Cancel(self), cancel, branch, self._hop, now)
        within_s = CLEARED_WITHIN_T1 * values.t1_s
        self._patience = context.timers.schedule(now + within_s, self._unanswered)

    def _unanswered(self, _: object, now: float) -> None:
        """No final response came to the cancelled INVITE: the 2xx may have come long before."""
        timers, values = self.context.timers, self.context.values
        left_s = values.timer_b_s - CLEARED_WITHIN_T1 * values.t1_s
        self._patience = timers.schedule(now + left_s, self._give_up_waiting)
        self.end_early(now)

    def _give_up_waiting(self, _: object, now: float) -> None:
        self.finish(None, now)

    def cancel_refused(self, now: float) -> None:
        """The phone knows no INVITE to be cancelled: it has answered it, or never got it."""
        if self.dialog is not None or self.state == "terminated":
            return
        if self._early:
            self.end_early(now)
        else:
            self.finish(None, now)

    def end_early(self, now: float) -> None:
        """Send BYE in each early dialog, which may be confirmed by now (RFC 3261 section 15)."""
        early, self._early = self._early, {}
        for dialog in early.values():
            self._remember(dialog, now)
            Bye(
                self.context,
                dialog,
                self.authorization,
                reason=self._reason,
                on_done=self._early_ended,
                now=now,
            )

    def _early_ended(self, now: float) -> None:
        if self.dialog is None:
            self.finish(None, now)

    def finish(self, event: Event | None, now: float) -> None:
        """See Session."""
        if self.state != "terminated":
            self.context.timers.cancel(self._patience)
            for dialog in self._early.values():
                self._remember(dialog, now)
            # Other forks may still answer: they are acknowledged and ended.
            self._transaction.user = self._acks
            if self._transaction.state is PROCEEDING:
                self.context.transactions.abandon_after(
                    self._transaction, self.context.values.timer_b_s, now
                )
        super().finish(None, now)

    # -- responses to the INVITE

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        status = response.status
        if status < 200:
            self._provisional(response)
        elif status >= 300:
            self.finish(None, now)
        elif not self._acks.repeat_ack(response):
            self._success(transaction, response, now)

    def _provisional(self, response: Response) -> None:
        tag = response.to.tag
        if self.dialog is None and tag and tag not in self._early and len(self._early) < MAX_FORKS:
            self._early[tag] = early_dialog(self._invite, response, self._hop)
            self.changed()

    def _success(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        try:
            dialog = self._acks.acknowledge_fork(transaction, response, now)
        except ParseError:
            return
        if self.dialog is not None:
            self._acks.decline_fork(dialog, now)
            return
        self._early.pop(dialog.remote_tag, None)
        self.context.timers.cancel(self._patience)
        self.dialog = dialog
        self.end(_LEFT_BEHIND, now, reason=self._reason)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        self.finish(None, now)

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
        return self.dialog or self._early.get(request.from_.tag or "")

    def ended_by_peer(self, cause: Cause, dialog: Dialog, now: float) -> None:
        """See Session. A BYE in an early dialog means that the 2xx was lost."""
        self.finish(None, now)


class RestoredIncoming(RestoredSession):
    """A received INVITE of an earlier process: without a final response, or without its ACK."""

    __slots__ = ("_answer", "_reason", "_transaction")

    def __init__(
        self, context: UserAgentContext, saved: SavedSession, credentials: Credentials | None
    ) -> None:
        assert saved.invite is not None
        request = restore_request(saved.invite)
        self._answer = restore_answer(saved.invite)
        self._reason: str | None = None
        super().__init__(context, saved, "accepted" if self._answer else "early", credentials)
        self._transaction = context.transactions.start_server(
            request, server_key(request), saved.invite.hop
        )
        self._transaction.user = self

    def save(self) -> SavedSession | None:
        """See Session."""
        if self._accepted is None and self._answer is not None:
            return super().save()
        hop = self._transaction.hop
        invite = save_invite(self._transaction.request, hop, self._transaction.data)
        return self._saved(dialog=save_dialog(self.in_dialog), invite=invite)

    def _give_up(self, now: float, reason: str | None) -> None:
        self._reason = reason
        if self._answer is None:
            fields = [("Server", self.context.product), *([("Reason", reason)] if reason else [])]
            response = response_to(
                self._transaction.request, 503, to_tag=self.local_tag, headers=fields
            )
            self._transaction.respond(response, now)
            self.finish(None, now)
            return
        # The called side must not send BYE before the ACK (RFC 3261 section 15). That may have come
        # while nobody was there: the 2xx, sent again, brings another.
        self.state = "terminating"
        self._accepted = Answer2xx(
            self.context.timers,
            self.context.values,
            self._transaction,
            self._answer,
            offer_sent=False,
            on_timeout=self._no_ack,
            now=now,
        )

    def acknowledged(self, audio: NegotiatedAudio | None, now: float) -> None:
        """See Session."""
        self.end(_LEFT_BEHIND, now, reason=self._reason)

    def finish(self, event: Event | None, now: float) -> None:
        """See Session."""
        self._transaction.user = None
        super().finish(None, now)


class _Cancel:
    """The user of the CANCEL of a restored INVITE."""

    __slots__ = ("_session",)

    def __init__(self, session: RestoredInvite) -> None:
        self._session = session

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser. A 200 says that the INVITE gets its final response."""
        if response.status >= 300:
            self._session.cancel_refused(now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. The phone does not answer at all."""
        self._session.finish(None, now)
