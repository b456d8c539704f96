"""DTMF in the body of INFO, as sent by gateways and PBXs without telephone-event (RFC 4733).

`application/dtmf-relay` has the lines `Signal=5` and `Duration=160` (milliseconds).
`application/dtmf` has only the digit. No RFC defines them. Some peers write 10 and 11 for * and #.
"""

from typing import Final

from ..errors import ParseError
from .message import Fields, Request

CONTENT_TYPES: Final = ("application/dtmf-relay", "application/dtmf")

_DIGITS: Final = frozenset("0123456789*#ABCD")
_NUMBERED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_FLASH: Final = frozenset({"16", "!"})
_DURATION_MS: Final = 160
_LONGEST_MS: Final = 8_000


def parse_info_digit(body: bytes) -> tuple[str, int] | None:
    """Return the digit and its duration in ms; None for a hook flash. Raises ParseError."""
    text = body.decode("ascii", "replace")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields.setdefault(name.strip().lower(), value.strip())
        elif line.strip():
            fields.setdefault("signal", line.strip())
    signal = fields.get("signal", "").upper()
    if signal in _FLASH:
        return None
    digit = _NUMBERED.get(signal, signal)
    if digit not in _DIGITS:
        raise ParseError("the body has no DTMF digit")
    duration = fields.get("duration", "")
    is_number = duration.isascii() and duration.isdigit() and len(duration) <= 6
    duration_ms = int(duration) if is_number else 0
    return digit, min(duration_ms or _DURATION_MS, _LONGEST_MS)


def info_digit_body(digit: str, duration_ms: int) -> bytes:
    """The body of an INFO of the type `application/dtmf-relay`."""
    return f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()


def answer_info(request: Request) -> tuple[int, Fields, tuple[str, int] | None]:
    """How to answer an INFO: status, header fields, and the digit with its duration in ms.

    The digit is None for a hook flash and for an empty INFO, which some peers send as a
    keep-alive. 469 refuses an Info Package, as we support none (RFC 6086 section 4.2.2). Raises
    ParseError for a DTMF body without a digit.
    """
    if request.get("Info-Package") is not None:
        return 469, [("Recv-Info", "")], None
    try:
        content_type = request.content_type
    except ParseError:
        content_type = ""
    if content_type in CONTENT_TYPES:
        return 200, [], parse_info_digit(request.body)
    if not request.body:
        return 200, [], None
    return 415, [("Accept", ", ".join(CONTENT_TYPES))], None
