"""The 20 ms frames of all sources that speak, advanced together.

Positions, lengths and loops of all sources stand in numpy arrays, row by row, so that a tick costs
a few array operations and one slice a source. The owner calls `tick` every 20 ms and sends what it
gets; nothing here knows of packets or clocks.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ..isolation import each_alone
from .clip import Clip
from .fade import FADE_SAMPLES, crossfade, fade_out
from .form import SILENCE, tick_bytes
from .g711 import FRAME_SAMPLES

K = TypeVar("K", bound=Hashable)

_FIRST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Frames(Generic[K]):
    """What one tick gives: a key and its frame, of 160 ticks, stand at the same index.

    `ended` names the finite sources whose last frame is in this tick; they are gone already.
    `before` is what frames of another form are still to rise out of (see `add_source`). Of
    `failed` the frame could not be made.
    """

    keys: list[K]
    payloads: list[bytes]
    ended: list[K]
    before: dict[K, bytes]
    failed: list[K]


class SpeakingSources(Generic[K]):
    """Sources that speak, each a clip played to one listener in the form that they hear.

    Positions are ticks of 1/8000 s (see form.py).

    A key names one listener, who hears one source at a time. Adding and removing is safe at any
    time, also while the frames of a tick are being sent: these are a copy.
    """

    __slots__ = (
        "_before",
        "_bytes",
        "_clips",
        "_falls",
        "_forms",
        "_keys",
        "_length",
        "_loop",
        "_position",
        "_rows",
        "_silence",
    )

    def __init__(self) -> None:
        self._rows: dict[K, int] = {}
        self._keys: list[K] = []
        self._clips: list[Clip] = []
        self._bytes: list[bytes] = []
        self._silence: list[bytes] = []
        self._forms: list[str] = []
        self._before: dict[K, bytes] = {}
        self._falls = np.zeros(_FIRST_ROWS, np.bool_)
        self._position = np.zeros(_FIRST_ROWS, np.int64)
        self._length = np.zeros(_FIRST_ROWS, np.int64)
        self._loop = np.zeros(_FIRST_ROWS, np.bool_)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def add_source(
        self,
        key: K,
        clip: Clip,
        form: str,
        *,
        loop: bool = False,
        position: int = 0,
        before: bytes | None = None,
        falls: bool = False,
    ) -> None:
        """Let `key` hear `clip` from the next tick on, in place of what it heard.

        `position` is the sample to begin with, so that hold music can go on where it was; a loop
        takes any number, counted round. A finite source begun at its end or beyond, or an empty
        clip, gives one frame of silence and ends. A clip that has not the form is heard in PCMU;
        ValueError for what is no form. With `before` (see `ahead`) the clip rises out of that; with
        `falls` a finite one fades out.
        """
        form = clip.form_for(form)
        payload = clip.payload(form)
        length = clip.samples
        if position < 0:
            raise ValueError(f"position {position} is negative")
        row = self._rows.get(key)
        if row is None:
            row = len(self._keys)
            if row == len(self._position):
                self._grow()
            self._rows[key] = row
            self._keys.append(key)
            self._clips.append(clip)
            self._bytes.append(payload)
            self._silence.append(SILENCE[form])
            self._forms.append(form)
        else:
            self._clips[row] = clip
            self._bytes[row] = payload
            self._silence[row] = SILENCE[form]
            self._forms[row] = form
        if before is None:
            self._before.pop(key, None)
        else:
            self._before[key] = before
        loop = loop and length > 0
        self._position[row] = position % length if loop else min(position, length)
        self._length[row] = length
        self._loop[row] = loop
        self._falls[row] = falls and not loop

    def remove_source(self, key: K) -> int | None:
        """Take `key` out; the position it had reached in samples, None when it was not there."""
        row = self._rows.pop(key, None)
        if row is None:
            return None
        self._before.pop(key, None)
        position = int(self._position[row])
        last = len(self._keys) - 1
        if row != last:  # the last row fills the gap
            moved = self._keys[last]
            self._rows[moved] = row
            self._keys[row] = moved
            self._clips[row] = self._clips[last]
            self._bytes[row] = self._bytes[last]
            self._silence[row] = self._silence[last]
            self._forms[row] = self._forms[last]
            self._falls[row] = self._falls[last]
            self._position[row] = self._position[last]
            self._length[row] = self._length[last]
            self._loop[row] = self._loop[last]
        self._keys.pop()
        self._clips.pop()
        self._bytes.pop()
        self._silence.pop()
        self._forms.pop()
        return position

    def position(self, key: K) -> int | None:
        """The sample that `key` hears next; None when it hears nothing from here."""
        row = self._rows.get(key)
        return None if row is None else int(self._position[row])

    def ahead(self, key: K) -> bytes | None:
        """The next 10 ms that `key` would hear, in its form; None when it hears nothing here.

        While a clip has not risen out of what was heard before, that is still what is heard.
        """
        row = self._rows.get(key)
        if row is None:
            return None
        if key in self._before:
            return self._before[key]
        unit = tick_bytes(self._forms[row])
        sound, start = self._bytes[row], int(self._position[row]) * unit
        size = FADE_SAMPLES * unit
        found = sound[start : start + size]
        while self._loop[row] and len(found) < size:
            found += sound[: size - len(found)]
        return found + self._silence[row][: size - len(found)]

    def set_form(self, key: K, form: str) -> None:
        """Go on in another form from the next tick on; nothing when `key` is not there."""
        row = self._rows.get(key)
        if row is not None:
            form = self._clips[row].form_for(form)
            self._bytes[row] = self._clips[row].payload(form)
            self._silence[row] = SILENCE[form]
            self._forms[row] = form
            self._before.pop(key, None)

    def tick(self) -> Frames[K]:
        """The next 20 ms of every source."""
        count = len(self._keys)
        if count == 0:
            return Frames([], [], [], {}, [])
        position = self._position[:count]
        units = [tick_bytes(form) for form in self._forms]
        payloads = [
            sound[start * unit : (start + FRAME_SAMPLES) * unit]
            for sound, start, unit in zip(self._bytes, position.tolist(), units, strict=True)
        ]
        keys = self._keys.copy()
        others: dict[K, bytes] = {}
        failed: list[K] = []

        def rise(key: K) -> None:
            row, before = self._rows[key], self._before[key]
            if len(before) == FADE_SAMPLES * units[row]:
                payloads[row] = crossfade(before, payloads[row], self._forms[row])
            else:
                others[key] = before

        def fall(row: int) -> None:
            payloads[row] = fade_out(payloads[row], int(left[row]), self._forms[row])

        def row_failed(row: int) -> None:
            failed.append(keys[row])

        each_alone(tuple(self._before), rise, failed.append)
        self._before.clear()
        left = self._length[:count] - position
        falling = self._falls[:count] & (left < FRAME_SAMPLES + FADE_SAMPLES) & (left > 0)
        each_alone(np.nonzero(falling)[0].tolist(), fall, row_failed)
        position += FRAME_SAMPLES
        ended: list[K] = []
        for row in np.nonzero(position >= self._length[:count])[0].tolist():
            payload = payloads[row]
            if self._loop[row]:
                size = FRAME_SAMPLES * units[row]
                while len(payload) < size:  # a clip may be shorter than a frame
                    payload += self._bytes[row][: size - len(payload)]
                position[row] %= self._length[row]
            else:
                payload += self._silence[row][len(payload) :]
                ended.append(keys[row])
            payloads[row] = payload
        for key in ended:
            self.remove_source(key)
        return Frames(keys, payloads, ended, others, failed)

    def _grow(self) -> None:
        rows = 2 * len(self._position)
        self._position = np.resize(self._position, rows)
        self._length = np.resize(self._length, rows)
        self._loop = np.resize(self._loop, rows)
        self._falls = np.resize(self._falls, rows)
