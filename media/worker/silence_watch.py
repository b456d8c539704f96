"""Whether a peer sends sound, but nothing that can be heard: what the engine hears of it."""

from collections.abc import Callable
from typing import Final

from ..protocol.messages import Event, SilenceEnded, SilenceStarted
from .peer_stream import PeerStream

_LOUD_AGAIN_S: Final = 0.5
_QUIET_LOOKS: Final = 3  # frames looked at as a whole before a peer is called silent


class SilenceWatch:
    """Watches what the peer of one leg says. `emit` gets the changes."""

    __slots__ = ("_emit", "_leg", "_quiet_looks", "is_silent")

    def __init__(self, leg: str, emit: Callable[[Event], None]) -> None:
        self._leg = leg
        self._emit = emit
        self._quiet_looks = 0
        self.is_silent = False

    def heard_level(self, incoming: PeerStream, now: float, *, is_audible: bool) -> None:
        """A whole frame was looked at, after its samples had suggested silence."""
        if is_audible:
            incoming.loud_at = now
            self._quiet_looks = 0
            return
        self._quiet_looks += 1
        if self._quiet_looks == _QUIET_LOOKS and not self.is_silent:
            self.is_silent = True
            self._emit(SilenceStarted(self._leg, round((now - incoming.loud_at) * 1000)))

    def look(self, incoming: PeerStream, now: float, *, after_s: float, is_sent: bool) -> None:
        """See whether a silence is over, or may begin: after `after_s` in which packets come."""
        if self.is_silent:
            if now - incoming.loud_at < _LOUD_AGAIN_S:
                self.is_silent = False
                self._quiet_looks = 0
                self._emit(SilenceEnded(self._leg))
        elif now - incoming.loud_at < after_s:
            self._quiet_looks = 0
        elif is_sent:
            incoming.settle()
            incoming.listening = True
