"""Judges how one of two who talk is heard, window by window."""

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..sound_settings import OneWayCause, SoundSettings
from .echo import Echo, EchoFinder
from .window import Window

_TALK_MS: Final = 300  # so much of a window has to be speech, for the party to be spoken to
_TALK_WINDOWS: Final = 3
_CLIPPED_OF: Final = (2, 3)  # so many of so many windows


@dataclass(frozen=True, slots=True)
class OneWay:
    """Nothing has been heard of the party since the talk began, although it was spoken to."""

    cause: OneWayCause
    for_s: float


@dataclass(frozen=True, slots=True)
class Clipped:
    """So large a share of the samples of the party is at full scale."""

    share: float


SoundFinding: TypeAlias = OneWay | Clipped | Echo


class TalkJudge:
    """Judges the sound of one party from `began` on. Each kind is found once."""

    __slots__ = ("_began", "_clipped", "_echoes", "_is_alive", "_settings", "_talks", "_told")

    def __init__(self, settings: SoundSettings, began: float) -> None:
        self._settings = settings
        self._began = began
        self._is_alive = False
        self._talks = 0  # windows in which the other party has spoken to it
        self._clipped: deque[float] = deque(maxlen=_CLIPPED_OF[1])
        self._echoes = EchoFinder(settings.echo_db)
        self._told: set[type] = set()

    def add_windows(
        self, own: Window, other: Window, now: float, *, is_expected: bool
    ) -> list[SoundFinding]:
        """The next window of the party, and that of the other one, which it hears.

        `is_expected`: the party may send, and hears the other. While it does not, because it holds
        the call, it is not waited for.
        """
        found = (
            self._one_way(own, other, now, is_expected=is_expected),
            self._clipping(own),
            self._echoes.add_windows(other, own)
            if self._settings.echo_db < 0 and is_expected
            else None,
        )
        new = [one for one in found if one is not None and type(one) not in self._told]
        self._told.update(map(type, new))
        return new

    def _one_way(
        self, own: Window, other: Window, now: float, *, is_expected: bool
    ) -> OneWay | None:
        self._is_alive = self._is_alive or own.is_alive
        if self._is_alive:
            return None
        if not is_expected:
            self._began, self._talks = now, 0
            return None
        self._talks += other.talk_ms >= _TALK_MS
        for_s = now - self._began
        limit_s = self._settings.one_way_s
        if not limit_s or for_s < limit_s or self._talks < _TALK_WINDOWS:
            return None
        return OneWay("digital_silence" if own.has_packets else "no_packets", round(for_s, 1))

    def _clipping(self, own: Window) -> Clipped | None:
        self._clipped.append(own.clipped)
        limit, (least, _) = self._settings.clipped_share, _CLIPPED_OF
        if not limit or sum(share >= limit for share in self._clipped) < least:
            return None
        return Clipped(round(max(self._clipped), 4))
