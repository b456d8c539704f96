"""A call that came in by a route with `handler = "client"`: a client says what becomes of it."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from sip.dialog.uas import UasSession
from sip.errors import SipError

from ..calls.call_result import Refused, Result
from ..calls.cancel_scope import while_up
from ..calls.hangup_cause import HangupCause
from ..calls.services import CallServices
from ..errors import EngineError
from ..routing.admission import Admission
from .controlled_call import CallFacts, ControlledCall

log = structlog.get_logger()

Decide = Callable[[], None]

FORWARDED: Final = 181
"""Call Is Being Forwarded: the caller is not left without a sign while somebody else takes it."""


class HandedOverCall(ControlledCall):
    """It waits for `handler_s` until a client answers, rejects or redirects it.

    Then `fall_back` takes the session, which is as the caller has sent it; None: it is refused.
    """

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        facts: CallFacts,
        session: UasSession,
        *,
        handler_s: float,
        fall_back: Callable[[], None] | None,
    ) -> None:
        super().__init__(services, admission, facts)
        self._session = session
        self._handler_s = handler_s
        self._fall_back = fall_back
        self._decision: asyncio.Future[Decide] = asyncio.get_running_loop().create_future()
        self._is_handed_back = False
        self._refusal: HangupCause | None = None

    def announce(self) -> None:
        """See ControlledCall."""
        self.call.state = "incoming"
        self.legs.show(self.leg)
        self.leg.attach(self._session)
        self.publish(
            "call.incoming",
            **self._facts.shown,
            **self._facts.brought,
            leg=self.leg.id,
            handler="client",
            decide_by=self.call.started + self._handler_s,
        )

    async def until_answered(self) -> None:
        """See ControlledCall. Raises Refused also where no client has decided in time."""
        async with while_up(self.leg):
            try:
                async with asyncio.timeout(self._handler_s):
                    decide = await self._decision
            except TimeoutError:
                self._hand_back()
            decide()
            await self.leg.open()
            await self.leg.accept()

    def _hand_back(self) -> None:
        reason = f"no client has taken it within {self._handler_s:g} s"
        self.publish("call.handed_back", reason=reason)
        if self._fall_back is None:
            self._refusal = HangupCause("unavailable", reason, 480)
            self._refuse(480, (), None)
        else:
            self._is_handed_back = True
            self.leg.send_ringing(FORWARDED)
            self.leg.detach()
        raise Refused(480, Result("unavailable", reason))

    async def _clear(self, result: Result) -> None:
        if not self._is_handed_back:
            if self.leg.record.answered is None and self._session.state in ("incoming", "early"):
                self._refuse(480, (), None)
            if self._refusal is not None:
                self.leg.hang_up(self._refusal)
            await super()._clear(result)
            return
        self._settled.set()
        await self.legs.give_back()
        self._services.registry.remove_call(self.call)
        assert self._fall_back is not None
        self._fall_back()

    # -- what a client decides ----------------------------------------------------------------

    def ring(self, status: int) -> None:
        """Let the caller hear that it rings. Raises EngineError `state`."""
        self._check_undecided()
        self.leg.send_ringing(status)

    def answer(self) -> None:
        """Answer the call. Raises EngineError `state`."""
        self._check_undecided()
        self._decision.set_result(lambda: None)

    def reject(self, status: int, reason: str | None) -> None:
        """Refuse the call. Raises EngineError `state`."""
        cause = HangupCause("rejected", reason or f"rejected with {status}", status)
        self._decide(status, (), reason, cause, "rejected")

    def redirect(self, target: str) -> None:
        """Send the caller to another address, by 302. Raises EngineError `state`."""
        contact = (("Contact", f"<{target}>"),)
        cause = HangupCause("completed", f"redirected to {target}", 302)
        self._decide(302, contact, None, cause, "redirected")

    def _decide(
        self,
        status: int,
        headers: tuple[tuple[str, str], ...],
        reason: str | None,
        cause: HangupCause,
        word: str,
    ) -> None:
        self._check_undecided()

        def refuse() -> None:
            self._refusal = cause
            self._refuse(status, headers, reason)
            raise Refused(status, Result(word, cause.phrase))

        self._decision.set_result(refuse)

    def _check_undecided(self) -> None:
        if self._decision.done() or self.is_over or self.leg.hangup_cause is not None:
            reason = f"call {self.call.id} is answered, refused or over already"
            raise EngineError("state", reason, field="call")

    def _refuse(
        self, status: int, headers: tuple[tuple[str, str], ...], reason: str | None
    ) -> None:
        try:
            self._services.sip.reject(self._session, status, headers, reason=reason)
        except SipError as error:  # the caller hung up meanwhile
            log.debug("not_rejected", call=self.call.id, reason=error.reason)

    def received_headers(self) -> list[tuple[str, str]]:
        """The headers of its INVITE, in their order."""
        return self._session.request.headers()
