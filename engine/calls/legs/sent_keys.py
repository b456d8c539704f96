"""How a leg sends its party the keys that somebody presses: as telephone-events, or by SIP INFO."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from sip.dialog.session import Session
from sip.endpoint import SipEndpoint
from sip.errors import SipError
from sip.message.info_dtmf import info_digit_body
from sip.sdp.offer_answer import NegotiatedAudio

if TYPE_CHECKING:
    from .leg_media import LegMedia

log = structlog.get_logger()

INFO_TYPE = "application/dtmf-relay"
DURATION_MS, GAP_MS = 160, 80


class SentKeys:
    """The part of a leg that sends keys, by `dtmf` of its trunk or agent."""

    id: str
    audio: NegotiatedAudio | None
    _sip: SipEndpoint
    _media: "LegMedia"
    _session: Session | None

    @property
    def gets_keys_by_info(self) -> bool:
        """Whether its party is told of keys by SIP INFO."""
        return self._media.dtmf == "info"

    @property
    def gets_keys_as_sound(self) -> bool:
        """Whether its party sends and takes keys as tones alone."""
        return self.audio is not None and self._media.has_keys_as_sound(self.audio)

    def send_keys(self, keys: str, *, duration_ms: int = DURATION_MS, gap_ms: int = GAP_MS) -> None:
        """Send these keys, one after the other, in the way that the party takes them."""
        if not self.gets_keys_by_info:
            self._media.send_keys(keys, duration_ms=duration_ms, gap_ms=gap_ms)
            return
        loop, step_s = asyncio.get_running_loop(), (duration_ms + gap_ms) / 1e3
        for number, key in enumerate(keys):
            loop.call_later(number * step_s, self._send_info, key, duration_ms)

    def _send_info(self, key: str, duration_ms: int) -> None:
        if self._session is None:  # hung up meanwhile
            return
        try:
            self._sip.send_info(self._session, INFO_TYPE, info_digit_body(key, duration_ms))
        except SipError as error:
            log.info("key_not_sent", leg=self.id, reason=error.reason)
