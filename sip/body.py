"""Bodies that are taken as a session description (RFC 3261 section 8.2.3)."""

from __future__ import annotations

from .message import Request

_SDP_TYPES = ("application/sdp", None)


def unsupported_body(request: Request) -> list[tuple[str, str]] | None:
    """What a 415 has to say; None where the body can be read, or there is none.

    Raises ParseError for a Content-Type that is none.
    """
    if request.body and request.content_type not in _SDP_TYPES:
        return [("Accept", "application/sdp")]
    if request.get("Content-Encoding") not in (None, "identity"):
        return [("Accept-Encoding", "identity")]
    return None
