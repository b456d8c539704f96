"""Replaces in an INVITE (RFC 3891): the new dialog is to take the place of one that we have."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from ...errors import ParseError
from ...message.grammar import LWS, parse_params
from ...message.message import Request
from ...message.uri import OtherUri, SipUri, request_uri_of
from ...usage import DialogUsage
from ..context import DialogKey, UserAgentContext
from ..dialog import Dialog

NO_TAG: Final = "0"
"""What RFC 3891 section 6.1 writes for a peer of RFC 2543 that has no tag."""


class Replaces(msgspec.Struct, frozen=True):
    """A dialog as the peer names it: `to_tag` is our tag in it, and `from_tag` is the other's."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @property
    def key(self) -> DialogKey:
        """The dialog as we know it."""
        return self.call_id, self.to_tag, "" if self.from_tag == NO_TAG else self.from_tag

    def encode(self) -> str:
        """Return the value of the header field."""
        text = f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}"
        return f"{text};early-only" if self.early_only else text


def parse_replaces(request: Request) -> Replaces | None:
    """Return what an INVITE replaces; None where it replaces nothing.

    Raises ParseError for two of them, one beside Join (RFC 3891 section 3), and a damaged one.
    """
    values = request.get_all("Replaces")
    if not values:
        return None
    if len(values) > 1 or request.get("Join") is not None:
        raise ParseError("an INVITE replaces one dialog, and joins none then")
    return read_replaces(values[0])


def read_replaces(value: str) -> Replaces:
    """Return what the value of a Replaces names. Raises ParseError."""
    if any(character < " " and character != "\t" for character in value):
        raise ParseError("Replaces has a control character")
    call_id, semicolon, rest = value.partition(";")
    params = parse_params(semicolon + rest, "Replaces")
    call_id, to_tag, from_tag = call_id.strip(LWS), params.get("to-tag"), params.get("from-tag")
    if not call_id or not to_tag or not from_tag:
        raise ParseError("Replaces has no Call-ID, to-tag and from-tag")
    return Replaces(call_id, to_tag, from_tag, "early-only" in params)


class ReplaceableSession(Protocol):
    """The part of a session that says how others name its dialog."""

    call_id: str
    local_tag: str

    @property
    def in_dialog(self) -> Dialog:
        """The dialog. Raises SipError if there is none."""


def refer_to_replacing(session: ReplaceableSession) -> str:
    """Return the URI by which a third party takes our place in a session (RFC 3891 section 6).

    Raises SipError if the session has no dialog.
    """
    dialog = session.in_dialog
    target = request_uri_of(dialog.target)
    if isinstance(target, OtherUri):
        return target.encode()
    replaces = Replaces(session.call_id, dialog.remote_tag or NO_TAG, session.local_tag)
    headers = {"Replaces": replaces.encode()}
    return SipUri(
        target.scheme,
        target.host,
        target.user,
        target.password,
        target.port,
        target.params,
        headers,
    ).encode()


def find_replaced(context: UserAgentContext, request: Request) -> tuple[DialogUsage | None, int]:
    """Return the session that an INVITE replaces, and 0; None and a status where it is refused.

    None and 0 where it replaces nothing (RFC 3891 section 3). Raises ParseError.
    """
    replaces = parse_replaces(request)
    if replaces is None:
        return None, 0
    key = replaces.key
    session = context.session_of(key)
    if session is None:
        return None, 603 if context.has_ended(key) else 481
    status = session.objection_to_replace(early_only=replaces.early_only)
    return (session, 0) if status is None else (None, status)


def find_named(context: UserAgentContext, value: str) -> DialogUsage | None:
    """Return the session of ours that the value of a Replaces names; None where it names none."""
    try:
        return context.session_of(read_replaces(value).key)
    except ParseError:
        return None
