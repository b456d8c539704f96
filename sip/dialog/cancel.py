"""Build a CANCEL (RFC 3261 section 9.1)."""

from ..message.message import Fields, Request
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
