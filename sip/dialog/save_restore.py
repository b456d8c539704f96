"""Turn dialogs and INVITEs into what is kept of them, and back."""

from __future__ import annotations

from typing import Final

from ..errors import ParseError
from ..hop import Hop
from ..message.message import Request, Response
from ..message.parser import parse
from ..message.uri import parse_uri
from ..saved import SavedDialog, SavedInvite
from .dialog import Dialog, trusted_request

# What CANCEL and ACK repeat from an INVITE of ours, and what a response repeats from a received
# one. Descriptions, credentials in the clear and further headers are not kept.
_KEPT: Final = frozenset(
    {
        "Via",
        "Max-Forwards",
        "Route",
        "Record-Route",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Authorization",
        "Proxy-Authorization",
    }
)


def save_dialog(dialog: Dialog) -> SavedDialog:
    """Return what is kept of a dialog."""
    return SavedDialog(
        local=storable_text(dialog.local),
        remote=storable_text(dialog.remote),
        remote_tag=storable_text(dialog.remote_tag),
        target=storable_text(dialog.target.encode()),
        hop=dialog.hop,
        fallback_hop=dialog.fallback_hop,
        local_cseq=dialog.local_cseq,
        remote_cseq=dialog.remote_cseq,
        routes=[storable_text(route) for route in dialog.routes],
    )


def restore_dialog(call_id: str, saved: SavedDialog) -> Dialog:
    """Return the dialog. Raises ParseError for a target or route that cannot be read."""
    dialog = Dialog(
        call_id=call_id,
        local=original_text(saved.local),
        remote=original_text(saved.remote),
        remote_tag=original_text(saved.remote_tag),
        target=parse_uri(original_text(saved.target)),
        routes=[original_text(route) for route in saved.routes],
        local_cseq=saved.local_cseq,
        remote_cseq=saved.remote_cseq,
        fallback_hop=saved.fallback_hop,
    )
    dialog.hop = saved.hop
    return dialog


def save_invite(request: Request, hop: Hop, answer: bytes = b"") -> SavedInvite:
    """Return what is kept of an INVITE. `hop` is where it went, or where responses go."""
    fields = [field for field in request.headers() if field[0] in _KEPT]
    head = trusted_request(request.method, request.uri, fields).encode()
    return SavedInvite(head.decode("latin-1"), hop, answer.decode("latin-1"))


def restore_request(saved: SavedInvite) -> Request:
    """Return the INVITE, without its description. Raises ParseError."""
    message = parse(saved.head.encode("latin-1"))
    if not isinstance(message, Request):
        raise ParseError("not an INVITE")
    return message


def restore_answer(saved: SavedInvite) -> Response | None:
    """Return our 2xx that waits for its ACK; None if there is none. Raises ParseError."""
    if not saved.answer:
        return None
    message = parse(saved.answer.encode("latin-1"))
    if not isinstance(message, Response):
        raise ParseError("not a response")
    return message


def storable_text(text: str) -> str:
    """Return a text of the wire as JSON can hold it."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def original_text(text: str) -> str:
    """Return a kept text as it is on the wire."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")
