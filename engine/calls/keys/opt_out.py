"""The keys by which a called person asks not to be called again, whoever calls in their name.

Anybody can leave anybody's number on a web page. Who is called because of that can end it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

import structlog

from config.policy import DoNotCall as DoNotCallSettings

from ...job import Request
from ...routing.admission import Admission
from ...routing.blocking.do_not_call import Blocked, DoNotCall
from ...store.errors import StoreError
from ..announcing.waiting_room import WaitingRoom
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..services import CallServices

log = structlog.get_logger()

ASKED_NOT_TO_BE_CALLED: Final = "the customer asked by a key not to be called again"
REASON: Final = "asked by a key not to be called again"
BY: Final = "called person"
BETWEEN_S: Final = 3.0
"""The longest time between two of the keys, in seconds."""


def offered_opt_out(
    services: CallServices,
    admission: Admission,
    leg: Leg,
    *,
    number: str | None,
    request: Request,
    publish: Callable[..., Any],
    on_asked: Callable[[], None],
) -> AbstractAsyncContextManager[None]:
    """While the block runs, the party of `leg`, whose number it is, may ask by a key.

    Nothing of it where the configuration offers none for this request.
    """
    settings = admission.opt_out_of(request.site)
    if settings is None or number is None:
        return nullcontext()
    opt_out = OptOut(
        settings,
        number,
        admission.do_not_call,
        publish=publish,
        on_asked=on_asked,
        now=services.clock.now,
    )
    return opt_out.offered(leg, services.rooms.of(request.queue))


class OptOut(LegListener):
    """Blocks `number` (E.164) when its keys are pressed, and then calls `on_asked`.

    `now` is the time in Unix seconds, `publish` publishes an event of the call.
    """

    def __init__(
        self,
        settings: DoNotCallSettings,
        number: str,
        numbers: DoNotCall,
        *,
        publish: Callable[..., Any],
        on_asked: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._number = number
        self._numbers = numbers
        self._publish = publish
        self._on_asked = on_asked
        self._now = now
        self._pressed, self._pressed_at = "", 0.0
        self._blocking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def offered(self, leg: Leg, room: WaitingRoom) -> AsyncIterator[None]:
        """While the block runs, the party may press the keys; first it hears of them."""
        leg.listen(self)
        try:
            if self._settings.key_announcement:
                await room.say(leg, self._settings.key_announcement)
            yield
        finally:
            leg.forget(self)

    def digit_pressed(self, _leg: ObservedLeg, digit: str) -> None:
        """See LegListener."""
        now, keys = self._now(), self._settings.key
        if now - self._pressed_at > BETWEEN_S:
            self._pressed = ""
        self._pressed, self._pressed_at = (self._pressed + digit)[-len(keys) :], now
        if self._pressed != keys or self._blocking is not None:
            return
        self._publish("customer.do_not_call", reason=REASON)
        self._blocking = asyncio.create_task(self._block(now))
        self._on_asked()

    async def _block(self, now: float) -> None:
        entry = Blocked(number=self._number, reason=REASON, since=now, by=BY)
        try:
            await self._numbers.block(entry)
        except StoreError as error:  # blocked all the same, and written as soon as can be
            log.warning("do_not_call_not_saved", reason=error.message)
