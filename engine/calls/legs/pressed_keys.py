"""The keys that the party of a leg presses: published, and passed to whoever waits for them."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sip.sdp.offer_answer import NegotiatedAudio

from .doubled_keys import DoubledKeys
from .info_keys import InfoKeys
from .leg_listener import LegListener

if TYPE_CHECKING:
    from .leg_media import LegMedia


class KeyTaker(Protocol):
    """Has asked the party for keys, which are for it alone, and no other party."""

    is_alone: bool = True
    """Whether no listener of the leg hears of the keys."""

    @property
    def is_secret(self) -> bool:
        """Whether nobody else may know which keys they are."""

    def press(self, digit: str) -> None:
        """A key was pressed."""


class PressedKeys:
    """The part of a leg that hears of keys, by telephone-event, by sound or by SIP INFO."""

    audio: NegotiatedAudio | None
    _media: "LegMedia"
    _listeners: tuple[LegListener, ...]
    _publish_bounded: Callable[..., bool]
    _key_taker: KeyTaker | None = None
    _doubled: DoubledKeys | None = None
    _info_keys: InfoKeys | None = None

    def take_keys(self, taker: KeyTaker | None) -> KeyTaker | None:
        """All keys are for `taker` from now on, and the other party hears nothing of them.

        None: no longer. Returns who had them until now.
        """
        before, self._key_taker = self._key_taker, taker
        self._media.block_keys(is_blocked=taker is not None)
        return before

    def info_digit(self, digit: str, duration_ms: int) -> None:
        """The party pressed a key, and its phone reported it by SIP INFO."""
        if not self.pressed(digit, duration_ms, by_info=True):
            return
        if self._may_report_otherwise:
            self._info().reported(digit, duration_ms)
        else:
            self._pass_on(digit, duration_ms)

    @property
    def _may_report_otherwise(self) -> bool:
        """Whether the phone may report keys as telephone-event or sound."""
        audio = self.audio
        return audio is not None and (
            audio.telephone_event_payload_type is not None or self._media.has_keys_as_sound(audio)
        )

    def _info(self) -> InfoKeys:
        if self._info_keys is None:
            self._info_keys = InfoKeys(self._pass_on)
        return self._info_keys

    def _pass_on(self, digit: str, duration_ms: int) -> None:
        for listener in self._listeners:
            listener.info_received(self, digit, duration_ms)  # type: ignore[arg-type]

    def pressed(self, digit: str, duration_ms: int, *, by_info: bool = False) -> bool:
        """Publish and act on a digit. False where it is not to be sent on.

        That is one too many, which is dropped, one that somebody has asked for, or a press that
        the phone has reported the other way before.
        """
        now = asyncio.get_running_loop().time()
        if self._doubled is None:
            self._doubled = DoubledKeys()
        if self._doubled.is_second(digit, duration_ms, now, by_info=by_info):
            self._info().reported_both_ways(digit)
            return False
        if not by_info:
            self._info().reported_otherwise()
        taker = self._key_taker
        is_secret = taker is not None and taker.is_secret
        said = {} if is_secret else {"digit": digit}
        if not self._publish_bounded("leg.dtmf", self, **said, duration_ms=duration_ms):
            return False
        if taker is not None:
            taker.press(digit)
        for listener in self._listeners:
            if is_secret:
                listener.key_hidden(self)  # type: ignore[arg-type]
            elif taker is None or not taker.is_alone:
                listener.digit_pressed(self, digit)  # type: ignore[arg-type]
        return taker is None
