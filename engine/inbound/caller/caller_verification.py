"""Whether the number of a caller is verified (STIR/SHAKEN), before the call goes on.

Nothing of the engine waits for it but the call itself, and that not beyond `stir.deadline_s`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import structlog

from config.stir import Stir
from sip.message.message import Request
from sip.message.name_addr import NameAddr

from ...routing.numbers.number_plan import NumberPlan
from ...stir.passport import Parties, canonical_number, canonical_uri, identities
from ...stir.verdict import NOT_SIGNED, Verdict
from .caller_id import Read, as_dialled, user_of

if TYPE_CHECKING:
    from ...stir.verifier import StirVerifier

log = structlog.get_logger()

MOST_AT_ONCE: Final = 500
BUSY: Final = Verdict("failed", "busy")
LATE: Final = Verdict("failed", "late")

Then = Callable[[Verdict], None]


class CallerVerification:
    """Verifies callers while `stir.mode` says so. `make` makes the verifier of some settings."""

    def __init__(
        self,
        settings: Stir,
        *,
        clock: Callable[[], float],
        make: "Callable[[Stir, Callable[[], float]], StirVerifier] | None" = None,
    ) -> None:
        self._clock = clock
        self._make = make or _verifier
        self._verifier: StirVerifier | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.configure(settings)

    def configure(self, settings: Stir) -> None:
        """Use these settings from now on. The trust store is read again, and the cache is emptied.

        What cannot be read is logged, and callers are verified as before.
        """
        before = self._verifier
        if settings.mode == "off":
            self._verifier = None
        else:
            try:
                self._verifier = self._make(settings, self._clock)
            except (OSError, ValueError) as error:
                log.error("stir_not_configured", reason=str(error))
                return
        if before is not None:
            self._start(before.close())

    @property
    def pending(self) -> int:
        """How many calls wait for their verdict."""
        return len(self._tasks)

    def verify(self, request: Request, parties: Callable[[], Parties], then: Then) -> None:
        """Have `then` called with the verdict on an INVITE: at once where nothing is signed."""
        verifier = self._verifier
        values = identities(request) if verifier is not None else []
        if verifier is None or not values:
            then(NOT_SIGNED)
        elif len(self._tasks) >= MOST_AT_ONCE:
            then(BUSY)
        else:
            self._start(_verified(verifier, values, parties(), then))

    async def stop(self) -> None:
        """Let every call that waits go on without a verdict, and close everything."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._verifier is not None:
            verifier, self._verifier = self._verifier, None
            await verifier.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("verification_died", exc_info=error)


async def _verified(
    verifier: "StirVerifier", values: list[str], parties: Parties, then: Then
) -> None:
    """Verify, and go on with the call whatever comes of it."""
    verdict = LATE
    try:
        verdict = await verifier.verify(values, parties)
    finally:
        then(verdict)


def _verifier(settings: Stir, clock: Callable[[], float]) -> "StirVerifier":
    """Loaded only where callers are verified: certificates and https take memory."""
    from ...stir.verifier import StirVerifier

    return StirVerifier(settings, clock=clock)


def parties_of(
    request: Request, caller: NameAddr, plan: NumberPlan, read_caller: Read, read_called: Read
) -> Parties:
    """Who calls whom, as a PASSporT may write it (RFC 8224 section 8.3).

    `caller` is the one that is shown; who is called is in To or in the Request-URI. Numbers are
    those that the trunk means.
    """
    called = [request.to, NameAddr(request.uri)]
    dest = [text for one in called for text in _written(one, plan, read_called)]
    dest += [canonical_number(user_of(one)) for one in called]
    orig = _written(caller, plan, read_caller)
    return Parties(frozenset(filter(None, orig)), frozenset(filter(None, dest)))


def _written(address: NameAddr, plan: NumberPlan, read: Read) -> list[str]:
    number = as_dialled(read(user_of(address)), plan)[0]
    return [canonical_number(number), canonical_uri(address.uri.encode())]
