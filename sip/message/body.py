"""Which bodies are read, refused and ignored (RFC 3261 section 8.2.3)."""

from __future__ import annotations

from ..errors import ParseError
from .grammar import LWS, parse_params
from .info_dtmf import CONTENT_TYPES
from .message import Request
from .multipart import SDP_TYPE, is_multipart

_SDP_TYPES = (SDP_TYPE, None)
ACCEPTED_BODIES = "application/sdp, multipart/mixed"


def unsupported_body(request: Request) -> list[tuple[str, str]] | None:
    """Return the header fields of a 415; None if the body is supported or absent.

    Of several parts the session description is read, and the others are no reason to refuse.
    Raises ParseError for a malformed Content-Type and for parts that cannot be told apart.
    """
    if request.body and request.content_type not in _SDP_TYPES and not request.parts:
        return [("Accept", ACCEPTED_BODIES)]
    if request.get("Content-Encoding") not in (None, "identity"):
        return [("Accept-Encoding", "identity")]
    return None


def ignore_optional_body(request: Request) -> None:
    """Drop an unsupported body if it has `handling=optional` (RFC 3261 section 20.11).

    Raises ParseError for a malformed Content-Type.
    """
    if not request.body or not _is_optional(request.get("Content-Disposition") or ""):
        return
    read = _SDP_TYPES if request.method != "INFO" else CONTENT_TYPES
    is_read = request.content_type in read or is_multipart(request.content_type)
    if not is_read or request.get("Content-Encoding"):
        for name in ("Content-Type", "Content-Encoding"):
            request.remove(name)
        request.body = b""


def _is_optional(disposition: str) -> bool:
    _, semicolon, params = disposition.partition(";")
    try:
        handling = parse_params(semicolon + params, "Content-Disposition").get("handling") or ""
    except ParseError:
        return False
    return handling.strip(LWS).lower() == "optional"
