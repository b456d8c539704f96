"""What a call that comes in brings beside its session description, as clients are shown it.

Gateways send ISUP in a part of the INVITE (SIP-I, RFC 3204), phones their location (RFC 6442).
"""

import base64
from contextlib import suppress
from typing import Any, Final

from sip.errors import ParseError
from sip.message.message import Request
from sip.message.multipart import SDP_TYPE

MOST_BODIES: Final = 8
MOST_BYTES: Final = 8 * 1024
"""Of all of them together. What is beyond is left out, and only its size is said."""


def other_bodies(request: Request) -> list[dict[str, Any]]:
    """The parts of a multipart body that are no session description: type, disposition, content.

    `text` is the content where it is UTF-8, else `base64`; neither where it is too long.
    """
    try:
        parts = [part for part in request.parts if part.content_type != SDP_TYPE]
    except ParseError:
        return []
    shown, left = [], MOST_BYTES
    for part in parts[:MOST_BODIES]:
        one: dict[str, Any] = {"content_type": part.content_type, "bytes": len(part.body)}
        if part.disposition:
            one["disposition"] = part.disposition
        if len(part.body) <= left:
            left -= len(part.body)
            one |= _content(part.body)
        shown.append(one)
    return shown


def _content(body: bytes) -> dict[str, str]:
    if b"\0" not in body:
        with suppress(UnicodeDecodeError):
            return {"text": body.decode("utf-8")}
    return {"base64": base64.b64encode(body).decode("ascii")}
