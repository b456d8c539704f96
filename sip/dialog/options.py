"""An OPTIONS outside a dialog: it asks whether somebody answers there (RFC 3261 section 11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..hop import Hop
from ..message.message import Fields, Response
from ..message.name_addr import NameAddr
from ..message.uri import SipUri
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .context import UserAgentContext
from .dialog import request_uri_and_route, trusted_request


class OptionsAnswer(NamedTuple):
    """The status of the answer to an OPTIONS, and its phrase; None and why none came."""

    status: int | None
    reason: str


OnAnswer = Callable[[OptionsAnswer], None]


@dataclass(frozen=True, slots=True)
class OptionsTarget:
    """Whom an OPTIONS asks: the URI, without its user, and the values of Route."""

    uri: SipUri
    route: tuple[str, ...] = ()


class OptionsPing:
    """Sends one OPTIONS to `hop`. Calls `on_answer` once. Raises ParseError for a bad route."""

    def __init__(
        self,
        context: UserAgentContext,
        asked: OptionsTarget,
        hop: Hop,
        on_answer: OnAnswer,
        now: float,
    ) -> None:
        self._context = context
        self._on_answer = on_answer
        branch = context.new_branch()
        local = NameAddr(
            SipUri("sip", context.here(hop).host(hop.transport)), None, {"tag": context.new_tag()}
        )
        uri = asked.uri
        domain = SipUri(uri.scheme, uri.host, None, None, uri.port, uri.params)
        target, route = request_uri_and_route(domain, list(asked.route))
        fields: Fields = [
            ("Via", context.via(hop, branch)),
            ("Max-Forwards", "70"),
            *(("Route", value) for value in route),
            ("From", local.encode()),
            ("To", NameAddr(SipUri("sip", uri.host)).encode()),
            ("Call-ID", context.new_call_id()),
            ("CSeq", "1 OPTIONS"),
            ("Contact", context.contact(hop, is_secure=uri.scheme == "sips")),
            ("Accept", "application/sdp"),
            *context.request_fields,
        ]
        request = trusted_request("OPTIONS", target, fields)
        context.transactions.start_client(self, request, branch, hop, now)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        if response.status >= 200:
            self._on_answer(OptionsAnswer(response.status, response.phrase))

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        reason = "no answer" if cause == "timeout" else self._context.transactions.failure_reason
        self._on_answer(OptionsAnswer(None, reason))
