"""A switch with phones that send every 20 ms, each at its own moment between two ticks.

The worker's clock rests and wakes as that of a worker does. Time passes by the millisecond.
"""

import math
import random
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from media.codec.formats import Format
from media.protocol import messages as m
from media.protocol.messages import Codec, Direction
from media.rtp.outgoing_stream import FRAME_S
from tests.support.media.codec_phones import CodecPhone
from tests.support.media.switch import SwitchBench
from tests.support.voices import tone

FRAME_MS: Final = 20
TONES_HZ: Final = (200, 300, 400, 500)
"""What the phones say, one after the other."""


class Line(SwitchBench):
    """A switch with phones that speak, and how long the packets of each have paused at most.

    Those that are named in `even` stand for the stream host.
    """

    def __init__(
        self, rng: random.Random, codecs: dict[str, Codec], *, peak: int = 10000, even: str = ""
    ) -> None:
        self._due_at = math.inf
        super().__init__(timeout_s=60.0, silence_s=60.0)
        self._ms = 0
        self.named = {
            name: CodecPhone(self, name, codec, said_by(hz, codec, peak), is_even=name in even)
            for (name, codec), hz in zip(codecs.items(), TONES_HZ, strict=False)
        }
        self._moments = {name: rng.randrange(FRAME_MS) for name in codecs}
        self._heard_at: dict[str, int] = {}
        self.longest_ms = 0
        self.to_those_on_hold = 0
        self._on_hold: set[str] = set()
        self.talking = set(codecs)
        self.wake()

    def wake(self) -> None:
        """See FrameClock.start."""
        if self._due_at == math.inf:
            self._due_at = self.now + FRAME_S
        elif self._due_at - self.now > FRAME_S:
            self._due_at -= int((self._due_at - self.now) / FRAME_S) * FRAME_S

    def execute(self, command: m.Command) -> None:
        """As the worker does: the clock ticks within a frame."""
        self.switch.execute(command)
        self.wake()

    def agree(self, name: str, direction: Direction) -> None:
        """A re-INVITE: whether the phone is spoken to from now on."""
        self.execute(
            replace(self.named[name].connect_as(self.named[name].name), direction=direction)
        )
        if direction in ("sendrecv", "sendonly"):
            self._on_hold.discard(name)
        else:
            self.pass_ms(1)
            self._on_hold.add(name)
        self._heard_at.pop(name, None)

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass, in which the engine says nothing."""
        for _ in range(milliseconds):
            self._ms += 1
            self.now = self.START_S + self._ms / 1000
            for name, phone in self.named.items():
                if name in self.talking and (self._ms - self._moments[name]) % FRAME_MS == 0:
                    phone.say()
            self.drain()
            if self.now >= self._due_at - 1e-9:
                due_at, self._due_at = self._due_at, math.inf
                frames = self.switch.tick(due_at)
                if frames or self._due_at != math.inf:
                    self._due_at = due_at + max(1, frames) * FRAME_S
            for name, phone in self.named.items():
                if phone.listen():
                    self._note(name)

    def _note(self, name: str) -> None:
        if name in self._on_hold:
            self.to_those_on_hold += 1
        elif name in self._heard_at:
            self.longest_ms = max(self.longest_ms, self._ms - self._heard_at[name])
        self._heard_at[name] = self._ms


def said_by(hz: int, codec: Codec, peak: int) -> NDArray[np.int16]:
    """A second of a tone, which goes on at its beginning as it ends."""
    said: NDArray[np.int16] = np.rint(tone(hz, 1.0, Format(codec).rate_hz) * (peak / 10000)).astype(
        np.int16
    )
    return said
