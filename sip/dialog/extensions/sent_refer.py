"""Send a REFER within a dialog (RFC 3515), and learn what becomes of it.

The peer's 202 says only that it is going to try. What the one that it calls has answered comes by
NOTIFY, as the status line of that answer (message/sipfrag, RFC 3420).
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from ...events import ReferralEnded
from ...message.grammar import LWS, printable
from ...message.message import Fields, Request, Response
from ...transaction.client import ClientTransaction
from ...transaction.timers import Timer
from ...transaction.transaction import FailureCause
from ...usage import DialogUsage
from ..requesting_session import RequestingSession

_status_line = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]{0,200}))?").match
_NOT_TOLD: Final = "the outcome was not told"


class ReferringSession(DialogUsage, RequestingSession, Protocol):
    """The part of a session that its REFER uses."""

    def referral_ended(self, event: ReferralEnded) -> None:
        """Report how it ended. Called once."""


class SentReferral:
    """One REFER of ours to `refer_to`, whose outcome is waited for until `deadline_s` from now."""

    __slots__ = ("_accepted", "_deadline", "_is_over", "_number", "_refer_to", "_session")

    def __init__(
        self, session: ReferringSession, refer_to: str, deadline_s: float, now: float
    ) -> None:
        self._session = session
        self._refer_to = refer_to
        self._number = 0
        self._accepted = False
        self._is_over = False
        timers = session.context.timers
        self._deadline: Timer | None = timers.schedule(now + deadline_s, self._late)
        self._send(now)

    def _send(self, now: float) -> None:
        session = self._session
        context, dialog = session.context, session.in_dialog
        fields: Fields = [
            ("Contact", context.contact(dialog.hop, is_secure=dialog.is_secure)),
            ("Refer-To", f"<{self._refer_to}>"),
            ("Referred-By", dialog.local.partition(";tag=")[0]),
            *context.request_fields,
            *context.supported,
            *session.authorization.headers("REFER", dialog.request_uri.encode()),
        ]
        transaction = context.start_in_dialog(self, dialog, "REFER", fields, now)
        self._number = transaction.request.cseq.number
        session.changed()

    def stop(self) -> None:
        """The session is over, and nobody waits for the outcome any more."""
        self._is_over = True
        self._session.context.timers.cancel(self._deadline)
        self._deadline = None

    def _end(self, status: int, phrase: str) -> None:
        if not self._is_over:
            self.stop()
            session = self._session
            session.referral_ended(ReferralEnded(session, status, phrase))

    def _late(self, _: object, now: float) -> None:
        self._end(408, _NOT_TOLD)

    # -- what the peer answers

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        session, status = self._session, response.status
        if status < 200 or self._is_over:
            return
        if status < 300:
            self._accepted = True
        elif session.authorization.accept_challenge(transaction.request, response):
            self._send(now)
        else:
            self._end(status, printable(response.phrase))

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. A peer that has sent a NOTIFY has got the REFER all the same."""
        if not self._accepted:
            self._end(408 if cause == "timeout" else 503, "REFER not answered")

    # -- what the peer tells

    def notified(self, notify: Request) -> bool:
        """Take a NOTIFY, which may come before the 202. False where it is not about this REFER."""
        event, _, params = (notify.get("Event") or "").partition(";")
        if self._is_over or event.strip(LWS).lower() != "refer":
            return False
        found = re.search(r"(?:^|;)[ \t]*id[ \t]*=[ \t]*([^; \t]+)", params)
        if found is not None and found[1] != str(self._number):
            return False
        self._accepted = True
        line = _status_line(notify.body)
        status = 0 if line is None else int(line[1])
        if line is not None and status >= 200:
            phrase = printable((line[2] or b"").decode("utf-8", "surrogateescape"))
            self._end(status, phrase.strip())
        elif (notify.get("Subscription-State") or "").strip(LWS).lower().startswith("terminated"):
            self._end(487, _NOT_TOLD)
        return True
