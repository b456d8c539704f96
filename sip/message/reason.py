"""The Reason header (RFC 3326): why a request was sent, or a call refused (RFC 6432)."""

from __future__ import annotations

from typing import Final

import msgspec

from ..errors import ParseError
from .grammar import LWS, is_token, parse_params, printable, quote, split_commas, unquote
from .message import Message
from .reason_phrases import REASON_PHRASES

Q850: Final = "Q.850"


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One reason. `cause` is a SIP status, or a cause of ITU-T Q.850, as `protocol` says."""

    protocol: str
    cause: int | None
    text: str = ""

    def encode(self) -> str:
        """The value of a Reason header."""
        cause = "" if self.cause is None else f";cause={self.cause}"
        return f"{self.protocol}{cause}" + (f";text={quote(self.text)}" if self.text else "")


def status_reason(status: int, text: str = "") -> str:
    """The value of a Reason header that names a status; `text` is its phrase, if left out."""
    return Reason("SIP", status, text or REASON_PHRASES.get(status, "")).encode()


def reason_text(message: Message) -> str | None:
    """All Reason values of a message as they are; None if there is none."""
    return ", ".join(message.get_all("Reason")) or None


def parse_reasons(text: str) -> list[Reason]:
    """Read the values of a Reason header. What cannot be read is left out."""
    try:
        elements = split_commas(text)
    except ParseError:
        return []
    found = []
    for element in elements:
        protocol, semicolon, rest = element.partition(";")
        protocol = protocol.strip(LWS)
        try:
            params = parse_params(semicolon + rest, "Reason")
        except ParseError:
            continue
        if not is_token(protocol):
            continue
        cause = (params.get("cause") or "").strip('"')
        number = int(cause) if cause.isascii() and cause.isdigit() and len(cause) <= 3 else None
        said = params.get("text") or ""
        text_ = unquote(said) if said.startswith('"') else said
        found.append(Reason(protocol, number, printable(text_)))
    return found


def q850_of(text: str | None) -> int | None:
    """The cause of ITU-T Q.850 that a Reason header has; None if it has none."""
    for reason in parse_reasons(text or ""):
        if reason.protocol.upper() == Q850 and reason.cause is not None:
            return reason.cause & 0x7F
    return None
