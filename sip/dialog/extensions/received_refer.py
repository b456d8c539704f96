"""REFER received within a dialog (RFC 3515): the peer asks that its partner be connected elsewhere.

The owner accepts or refuses it. Once accepted, the peer is told by NOTIFY how the call to the
target goes, unless it wants no notifications (RFC 4488).
"""

from __future__ import annotations

from typing import Final

from ...errors import ParseError, SipError
from ...message.grammar import LWS
from ...message.headers import warning
from ...message.message import Fields, Request, Response, response_to
from ...message.name_addr import parse_name_addr
from ...message.reason_phrases import REASON_PHRASES
from ...message.uri import OtherUri, SipUri, request_uri_of
from ...transaction.client import ClientTransaction
from ...transaction.server import ServerTransaction
from ...transaction.transaction import FailureCause
from ...usage import DialogUsage
from ..dialog import Dialog
from ..requesting_session import RequestingSession
from .replaces import find_named, read_replaces

SIPFRAG: Final = ("Content-Type", "message/sipfrag;version=2.0")
SUBSCRIPTION_S: Final = 180
"""How long the peer is told of the call to the target at most."""


class Referral:
    """One REFER. The owner calls `accept` or `refuse` once, and after `accept` it may `notify`.

    `target` is the URI of Refer-To without headers. `user_here` is its user part where it leads to
    this host. `replaces` is the dialog that the call to the target shall replace (RFC 3891), and
    `replaced_here` that dialog where it is ours.
    """

    __slots__ = (
        "_dialog",
        "_event",
        "_is_subscribed",
        "_session",
        "_transaction",
        "replaced_here",
        "replaces",
        "target",
        "user_here",
    )

    def __init__(
        self,
        session: RequestingSession,
        transaction: ServerTransaction,
        dialog: Dialog,
        *,
        is_first: bool,
    ) -> None:
        """Raises ParseError where Refer-To is missing, given twice, or no URI, where its Replaces
        cannot be read, and (403) where it asks for another method than INVITE."""
        request = transaction.request
        self._session = session
        self._transaction: ServerTransaction | None = transaction
        self._dialog = dialog
        self._is_subscribed = False
        # The first REFER of a dialog needs no id, and older phones do not know it.
        self._event = "refer" if is_first else f"refer;id={request.cseq.number}"
        uri = _refer_to(request)
        self.target = request_uri_of(uri).encode()
        self.replaces: str | None = None
        self.replaced_here: DialogUsage | None = None
        self.user_here: str | None = None
        if isinstance(uri, SipUri):
            headers = {name.lower(): value for name, value in uri.headers.items()}
            method = uri.params.get("method", "INVITE")
            if method != "INVITE":
                raise ParseError(f"Refer-To asks for {method}, and only INVITE is sent", 403)
            if "replaces" in headers:
                self.replaces = read_replaces(headers["replaces"]).encode()
            if session.context.is_here(uri):
                self.user_here = uri.user
            if self.replaces is not None:  # phones name us by our Contact, or by whom we showed
                self.replaced_here = find_named(session.context, self.replaces)

    def accept(self, now: float) -> None:
        """Answer 202, and tell the peer that the target is being called."""
        transaction = self._taken()
        wants_none = _wants_no_subscription(transaction.request)
        self._is_subscribed = not wants_none
        fields: Fields = [("Refer-Sub", "false")] if wants_none else []
        self._answer(transaction, 200 if wants_none else 202, fields, now)
        self.notify(100, REASON_PHRASES[100], now)

    def refuse(self, status: int, reason: str, now: float) -> None:
        """Answer with a final status; `reason` is for a person."""
        self._answer(self._taken(), status, [warning(reason)], now)

    def notify(self, status: int, phrase: str, now: float) -> None:
        """Tell the peer what the target has answered. A final status ends the subscription."""
        session = self._session
        if not self._is_subscribed or session.state != "confirmed":
            return
        state = f"active;expires={SUBSCRIPTION_S}"
        if status >= 200:
            self._is_subscribed = False
            state = "terminated;reason=noresource"
        fields: Fields = [
            ("Event", self._event),
            ("Subscription-State", state),
            ("Contact", session.context.contact(self._dialog.hop)),
            ("User-Agent", session.context.product),
            SIPFRAG,
        ]
        line = f"SIP/2.0 {status} {phrase}"
        body = line.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b" ") + b"\r\n"
        _Notify(session, self._dialog, fields, body).send(now)

    def _taken(self) -> ServerTransaction:
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            raise SipError("the REFER was answered before")
        return transaction

    def _answer(
        self, transaction: ServerTransaction, status: int, fields: Fields, now: float
    ) -> None:
        context = self._session.context
        headers = [
            ("Server", context.product),
            ("Contact", context.contact(self._dialog.hop)),
            *context.supported,
            *fields,
        ]
        transaction.respond(response_to(transaction.request, status, headers=headers), now)


class _Notify:
    """Sends one NOTIFY. The peer's answer changes nothing, but for a challenge."""

    __slots__ = ("_body", "_dialog", "_fields", "_session")

    def __init__(
        self, session: RequestingSession, dialog: Dialog, fields: Fields, body: bytes
    ) -> None:
        self._session = session
        self._dialog = dialog
        self._fields = fields
        self._body = body

    def send(self, now: float) -> None:
        session, dialog, body = self._session, self._dialog, self._body
        uri = dialog.request_uri.encode()
        fields = [*self._fields, *session.authorization.headers("NOTIFY", uri, body)]
        session.context.start_in_dialog(self, dialog, "NOTIFY", fields, now, body)
        session.changed()

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        session = self._session
        if session.state == "confirmed" and session.authorization.accept_challenge(
            transaction.request, response
        ):
            self.send(now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""


def _refer_to(request: Request) -> SipUri | OtherUri:
    values = request.get_all("Refer-To")
    if len(values) != 1:
        raise ParseError("a REFER has one Refer-To")
    return parse_name_addr(values[0]).uri


def _wants_no_subscription(request: Request) -> bool:
    value = (request.get("Refer-Sub") or "").partition(";")[0]
    return value.strip(LWS).lower() == "false"


def answer_notify(request: Request) -> tuple[int, Fields]:
    """Return the status and fields of the answer to a NOTIFY (RFC 6665 section 4.1.3).

    Nothing was subscribed to, so there is only the keep-alive that some peers send.
    """
    event = (request.get("Event") or "").partition(";")[0].strip(LWS).lower()
    if event == "keep-alive":
        return 200, []
    if not event:
        return 489, [("Allow-Events", "refer")]
    return 481, []
