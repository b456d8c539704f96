"""A borrowed leg: one call's use of a permanent line, which stays up between calls.

To the call flow it is a leg like any other. It answers at once, after a short tone that announces
the call to the agent. When the flow hangs it up, the call's use of the line ends and the line
stays. When the line ends, the borrowed leg ends with it.
"""

from collections.abc import Callable
from typing import Final

import structlog

from media.errors import MediaError
from media.protocol import messages as media_events
from media.sources import Tone
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from ..cancel_scope import while_up
from ..dialling import CODECS, Caller
from ..hangup_cause import HangupCause
from ..leg import Leg, LegEnded, Role
from .leg_listener import LegListener, LegOwner, ObservedLeg
from .sent_keys import DURATION_MS, GAP_MS

log = structlog.get_logger()

ANNOUNCEMENT: Final = Tone("880/120,0/60,880/120")
ANNOUNCEMENT_LIMIT_S: Final = 2.0


class BorrowedLeg(Leg, LegListener):
    """`line` for one call. `give_back` is called once, when the call uses it no more."""

    def __init__(
        self,
        line: Leg,
        *,
        role: Role,
        sip: SipEndpoint,
        media: WorkerPool,
        owner: LegOwner,
        give_back: "Callable[[BorrowedLeg], None]",
    ) -> None:
        # The line's id: it is what the media worker knows.
        super().__init__(
            leg_id=line.id,
            role=role,
            destination=line.destination,
            sip=sip,
            media=media,
            owner=owner,
        )
        self.record.take_line(line.record)
        self.audio = line.audio
        self._line = line
        self._pool = media
        self._give_back = give_back
        self._has_line = True
        self._media.take_over()
        line.listen(self)
        line.send_info_digits_to(self)

    async def open(self, *, beside: Leg | None = None) -> None:
        """Nothing to do: the line has its port. Raises LegEnded where the line has just ended."""
        if self.hangup_cause is not None:
            raise LegEnded(self, self.hangup_cause)

    async def dial(
        self,
        *,
        caller: Caller,
        ring_s: float,
        codecs: tuple[str, ...] = CODECS,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Announce the call to the agent. Raises LegEnded where the line has ended, or ends now."""
        if self.hangup_cause is not None:
            raise LegEnded(self, self.hangup_cause)
        self._dialled = True
        record = self.record
        record.started = self._owner.now()
        self._owner.signalled(self)
        self._publish("leg.dialing", self)
        async with while_up(self):
            await self.play(ANNOUNCEMENT, limit_s=ANNOUNCEMENT_LIMIT_S)
        record.state = "held" if self._line.is_held else "answered"
        record.answered = self._owner.now()
        record.reason = "permanent line"
        self._publish("leg.answered", self, permanent=True)

    @property
    def gets_keys_by_info(self) -> bool:
        """Whether the line's phone is told of keys by SIP INFO."""
        return self._line.gets_keys_by_info

    def send_keys(self, keys: str, *, duration_ms: int = DURATION_MS, gap_ms: int = GAP_MS) -> None:
        """Send the line's phone these keys, in the way that it wants them."""
        self._line.send_keys(keys, duration_ms=duration_ms, gap_ms=gap_ms)

    async def release(self) -> None:
        """Give the line back if that has not been done, and keep the line's report."""
        if self._dialled:
            self.hang_up(HangupCause("completed", "released"))
        self._give_line_back()
        if self._line.hangup_cause is None:
            try:
                self._report(await self._pool.stats(self.id))
            except MediaError as error:
                log.info("no_media_report", leg=self.id, reason=str(error))

    def on_media(self, event: media_events.Event) -> None:
        """Handle one event of the line's media endpoint; the line itself handles its end."""
        if isinstance(event, media_events.MediaTimeout | media_events.LegFailed):
            self._line.on_media(event)
        else:
            super().on_media(event)

    def on_media_lost(self, reason: str) -> None:
        """The media worker died: the line cannot go on."""
        self._line.on_media_lost(reason)

    def leg_ended(self, line: ObservedLeg) -> None:
        """The line has ended, and this leg with it."""
        assert line.hangup_cause is not None
        if self._dialled:
            self._end(line.hangup_cause)
        else:
            self.hangup_cause = line.hangup_cause
            self._give_line_back()

    def hold_changed(self, line: ObservedLeg) -> None:
        """The agent has put the line on hold, or resumed it."""
        self.audio = self._line.audio
        if self.record.answered is None:
            return
        self.record.state = "held" if line.is_held else "answered"
        self._publish_bounded("leg.held" if line.is_held else "leg.resumed", self)
        for listener in self._listeners:
            listener.hold_changed(self)

    def _end(self, cause: HangupCause) -> None:
        if self.hangup_cause is not None:
            return
        self._give_line_back()
        super()._end(cause)

    def _give_line_back(self) -> None:
        if not self._has_line:
            return
        self._has_line = False
        self._media.abandon()
        self._line.send_info_digits_to(None)
        self._line.forget(self)
        self._give_back(self)
