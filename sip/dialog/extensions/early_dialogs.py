"""The early dialogs of one INVITE of ours, and the PRACKs for their reliable responses.

A fork answers in a dialog of its own (RFC 3261 section 12.1). Its reliable provisional responses
are taken in their order, each once, and acknowledged by PRACK (RFC 3262 section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...auth.authorization import Authorization
from ...errors import NegotiationFailed
from ...message.message import Response
from ...sdp.offer_answer import LocalAudio, NegotiatedAudio, OfferAnswer
from ...transaction.client import ClientTransaction
from ...transaction.transaction import FailureCause
from ..context import UserAgentContext
from ..dialog import Dialog, early_dialog
from .prack import parse_rseq

MAX_FORKS: Final = 32
"""The most early dialogs that one INVITE may have. Real proxies fork less."""


class EarlyDialog:
    """One early dialog. `body` is the last description that a response of it had.

    `offered` has the offers and answers of the session: those of the dialog begin as a copy.
    """

    __slots__ = ("_media", "_offered", "body", "dialog", "rseq")

    def __init__(self, dialog: Dialog, offered: OfferAnswer) -> None:
        self.dialog = dialog
        self._offered = offered
        self._media: OfferAnswer | None = None
        self.body = b""
        self.rseq: int | None = None
        """The number of its last reliable response; None before the first."""

    @property
    def media(self) -> OfferAnswer:
        """Its offers and answers. Few phones need them: who rings reliably, or asks for more."""
        if self._media is None:
            self._media = self._offered.fork()
        return self._media

    @property
    def is_agreed(self) -> bool:
        """Whether a reliable response has completed the offer and answer."""
        return self.rseq is not None and self.media.negotiated is not None


class EarlyDialogs:
    """Keeps the early dialogs of an INVITE by the tag of the peer."""

    __slots__ = ("_authorization", "_by_tag", "_context", "_media")

    def __init__(
        self, context: UserAgentContext, authorization: Authorization, media: OfferAnswer
    ) -> None:
        self._context = context
        self._authorization = authorization
        self._media = media
        self._by_tag: dict[str, EarlyDialog] = {}

    def __len__(self) -> int:
        return len(self._by_tag)

    def __iter__(self) -> Iterator[EarlyDialog]:
        return iter(self._by_tag.values())

    def __contains__(self, tag: str) -> bool:
        return tag in self._by_tag

    def get(self, tag: str) -> EarlyDialog | None:
        """Return the early dialog with this tag of the peer."""
        return self._by_tag.get(tag)

    def drop(self, tag: str) -> EarlyDialog | None:
        """Remove an early dialog, and return it."""
        return self._by_tag.pop(tag, None)

    def clear(self) -> None:
        """Remove all."""
        self._by_tag.clear()

    def note(self, transaction: ClientTransaction, response: Response) -> EarlyDialog | None:
        """Return the early dialog of a provisional response, which may be the first of it.

        None if the response has no tag, or belongs to a fork beyond MAX_FORKS.
        """
        tag = response.to.tag
        if not tag:
            return None
        early = self._by_tag.get(tag)
        if early is None and len(self._by_tag) < MAX_FORKS:
            reach = self._context.may_reach
            dialog = early_dialog(transaction.request, response, transaction.hop, reach)
            early = self._by_tag[tag] = EarlyDialog(dialog, self._media)
        return early

    def preview(self, body: bytes) -> NegotiatedAudio | None:
        """What an answer in an unreliable response agrees. The 2xx may answer otherwise."""
        try:
            return self._media.fork().receive_answer(body)
        except NegotiationFailed:
            return None

    def acknowledge(
        self,
        early: EarlyDialog,
        transaction: ClientTransaction,
        response: Response,
        local: LocalAudio | None,
        now: float,
    ) -> NegotiatedAudio | None:
        """Send the PRACK for a reliable response that is next in order.

        Returns the audio that its description agrees, if it has one.
        """
        body, audio = b"", None
        sdp = response.sdp
        try:
            if sdp and early.media.offer_pending:
                audio = early.media.receive_answer(sdp)
            elif sdp and early.media.negotiated is None and local is not None:
                body, audio = early.media.receive_offer(sdp, local)
        except NegotiationFailed:
            # The 2xx may still agree with us. Where it does not, the call ends then.
            audio = None
        rack = f"{early.rseq} {transaction.request.cseq.encode()}"
        _Prack(self._context, early.dialog, self._authorization, rack, body).send(now)
        return audio


def is_next(early: EarlyDialog | None, response: Response) -> bool:
    """Whether a reliable response is to be taken now, and note its number.

    It is not if it was taken before, or another one must come first (RFC 3262 section 4).
    """
    rseq = parse_rseq(response)
    if early is None or rseq is None:
        return False
    if early.rseq is not None and rseq != early.rseq + 1:
        return False
    early.rseq = rseq
    return True


class _Prack:
    """Sends one PRACK. The transaction repeats it; a refusal changes nothing."""

    __slots__ = ("_authorization", "_body", "_context", "_dialog", "_rack")

    def __init__(
        self,
        context: UserAgentContext,
        dialog: Dialog,
        authorization: Authorization,
        rack: str,
        body: bytes,
    ) -> None:
        self._context = context
        self._dialog = dialog
        self._authorization = authorization
        self._rack = rack
        self._body = body

    def send(self, now: float) -> None:
        context, dialog, body = self._context, self._dialog, self._body
        fields = [
            ("RAck", self._rack),
            ("User-Agent", context.product),
            *self._authorization.headers("PRACK", dialog.request_uri.encode(), body),
            *([("Content-Type", "application/sdp")] if body else []),
        ]
        context.start_in_dialog(self, dialog, "PRACK", fields, now, body)

    def response_received(
        self, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        """See ClientUser."""
        if self._authorization.accept_challenge(transaction.request, response):
            self.send(now)

    def transaction_failed(
        self, transaction: ClientTransaction, cause: FailureCause, now: float
    ) -> None:
        """See ClientUser. The peer ends the INVITE if it misses the PRACK."""
