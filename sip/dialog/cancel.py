"""The CANCEL of an INVITE of ours (RFC 3261 section 9.1)."""

from ..message.message import Fields, Request, Response
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .dialog import trusted_request


def build_cancel(invite: Request, product: str, reason: str | None) -> Request:
    """Build the CANCEL of an INVITE: it has the Via, the route and the dialog fields of that.

    `reason` is the value of a Reason header (RFC 3326).
    """
    fields: Fields = [
        ("Via", invite.get("Via") or ""),
        ("Max-Forwards", "70"),
        *(("Route", route) for route in invite.get_all("Route")),
        ("From", invite.get("From") or ""),
        ("To", invite.get("To") or ""),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.number} CANCEL"),
        ("User-Agent", product),
    ]
    if reason:
        fields.append(("Reason", reason))
    return trusted_request("CANCEL", invite.uri, fields)


class IgnoredCancel:
    """The user of a CANCEL transaction. It ignores everything: the INVITE gets the response."""

    __slots__ = ()

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
