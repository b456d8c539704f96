"""The 20 ms frames of all sources that speak, advanced together.

The owner calls `tick` every 20 ms and sends what it gets; nothing here knows of packets or clocks.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .clip import Clip
from .g711 import FRAME_SAMPLES, SILENCE

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Frames(Generic[K]):
    """What one tick gives: a key and its 160 bytes stand at the same index.

    `ended` names the finite sources whose last frame is in this tick; they are gone already.
    """

    keys: list[K]
    payloads: list[bytes]
    ended: list[K]


class _Source:
    """One clip being played: its bytes in the listener's codec, and the next sample."""

    __slots__ = ("clip", "length", "loop", "position", "silence", "sound")

    def __init__(self, clip: Clip, codec: str, *, loop: bool, position: int) -> None:
        self.clip = clip
        self.set_codec(codec)
        self.length = len(self.sound)
        self.loop = loop and self.length > 0
        self.position = position % self.length if self.loop else min(position, self.length)

    def set_codec(self, codec: str) -> None:
        self.sound = self.clip.payload(codec)
        self.silence = SILENCE[codec]

    def last_frame(self, payload: bytes) -> bytes:
        """The frame that reaches the end, begun with `payload`; a loop goes on behind it."""
        if not self.loop:
            return payload + self.silence[len(payload) :]
        while len(payload) < FRAME_SAMPLES:  # a clip may be shorter than a frame
            payload += self.sound[: FRAME_SAMPLES - len(payload)]
        self.position %= self.length
        return payload


class SpeakingSources(Generic[K]):
    """Sources that speak, each a clip played to one listener in the listener's codec.

    A key names one listener, who hears one source at a time. Adding and removing is safe at any
    time, also while the frames of a tick are being sent: these are a copy.
    """

    __slots__ = ("_sources",)

    def __init__(self) -> None:
        self._sources: dict[K, _Source] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, key: K) -> bool:
        return key in self._sources

    def add(self, key: K, clip: Clip, codec: str, *, loop: bool = False, position: int = 0) -> None:
        """Let `key` hear `clip` from the next tick on, in place of what it heard.

        `position` is the sample to begin with, so that hold music can go on where it was; a loop
        takes any number, counted round. A finite source begun at its end or beyond, or an empty
        clip, gives one frame of silence and ends. ValueError for a codec that is not G.711.
        """
        if position < 0:
            raise ValueError(f"position {position} is negative")
        self._sources[key] = _Source(clip, codec, loop=loop, position=position)

    def remove(self, key: K) -> int | None:
        """Take `key` out; the position it had reached in samples, None when it was not there."""
        source = self._sources.pop(key, None)
        return None if source is None else source.position

    def position(self, key: K) -> int | None:
        """The sample that `key` hears next; None when it hears nothing from here."""
        source = self._sources.get(key)
        return None if source is None else source.position

    def set_codec(self, key: K, codec: str) -> None:
        """Go on in another codec from the next tick on; nothing when `key` is not there."""
        source = self._sources.get(key)
        if source is not None:
            source.set_codec(codec)

    def tick(self) -> Frames[K]:
        """The next 20 ms of every source."""
        payloads: list[bytes] = []
        ended: list[K] = []
        for key, source in self._sources.items():
            start = source.position
            source.position = end = start + FRAME_SAMPLES
            payload = source.sound[start:end]
            if end >= source.length:
                payload = source.last_frame(payload)
                if not source.loop:
                    ended.append(key)
            payloads.append(payload)
        keys = list(self._sources)
        for key in ended:
            del self._sources[key]
        return Frames(keys, payloads, ended)
