"""An OPTIONS outside a dialog: it asks whether somebody answers there (RFC 3261 section 11)."""

from __future__ import annotations

from collections.abc import Callable

from ..hop import Hop
from ..message.message import Fields, Response
from ..message.name_addr import NameAddr
from ..message.uri import SipUri
from ..transaction.client import ClientTransaction
from ..transaction.transaction import FailureCause
from .context import UserAgentContext
from .dialog import trusted_request

OnAnswer = Callable[[int | None], None]


class OptionsPing:
    """Sends one OPTIONS to `hop`. Calls `on_answer(status)` once; None means no answer at all."""

    def __init__(
        self, context: UserAgentContext, uri: SipUri, hop: Hop, on_answer: OnAnswer, now: float
    ) -> None:
        self._on_answer = on_answer
        branch = context.new_branch()
        local = NameAddr(
            SipUri("sip", context.here(hop).host(hop.transport)), None, {"tag": context.new_tag()}
        )
        target = SipUri(uri.scheme, uri.host, None, None, uri.port, uri.params)
        fields: Fields = [
            ("Via", context.via(hop, branch)),
            ("Max-Forwards", "70"),
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
            self._on_answer(response.status)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser."""
        self._on_answer(None)
