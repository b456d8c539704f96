"""Two media workers in one process, whose legs hear each other over links of loopback RTP.

As in a pool: each leg that is heard in the other worker has a link there, whose near end stands for
it. The clocks of both tick at different moments. Time passes by the millisecond.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sources import Mix, Peer, Source
from tests.support.media.codec_phones import CodecPhone
from tests.support.media.line import FRAME_MS, TONES_HZ, said_by
from tests.support.media.switch import SwitchBench


class TwoWorkers:
    """Phones that speak, each at its own moment, those of `there` in the second worker."""

    def __init__(
        self, rng: random.Random, codecs: dict[str, Codec], *, there: str, peak: int
    ) -> None:
        self.desks = tuple(SwitchBench(pairs=10, timeout_s=60.0, silence_s=60.0) for _ in range(2))
        self._desk_of = {leg: self.desks[leg in there] for leg in codecs}
        self.named = {
            leg: CodecPhone(self._desk_of[leg], leg, codec, said_by(hz, codec, peak))
            for (leg, codec), hz in zip(codecs.items(), TONES_HZ, strict=False)
        }
        self._moments = {leg: rng.randrange(FRAME_MS) for leg in codecs}
        self._ticks = tuple(rng.randrange(FRAME_MS) for _ in self.desks)
        self._ms = 0
        self._heard_at: dict[str, int] = {}
        self.longest_ms = 0
        for leg in codecs:
            self._link(leg)

    def _link(self, leg: str) -> None:
        """Bring a leg into the other worker."""
        far = self._desk_of[leg]
        near = self.desks[far is self.desks[0]]
        ends = {far: f"far-{leg}", near: f"near-{leg}"}
        phone = self.named[leg]
        for desk, name in ends.items():
            desk.open(name)
        for desk, other in ((far, near), (near, far)):
            host, port = other.addresses[ends[other]]
            described = replace(
                phone.connect_as(phone.name),
                leg=ends[desk], host=host, port=port, rtcp_port=port + 1, rtp="strict",
            )  # fmt: skip
            desk.switch.execute(described)
        far.switch.execute(m.Hear(ends[far], 0, Peer(leg)))

    def execute(self, command: m.Hear) -> None:
        """Let a leg hear something, with the near ends in the place of those who are elsewhere."""
        desk = self._desk_of[command.leg]
        source: Source = command.source
        if isinstance(source, Peer):
            (known,) = self._known(desk, source.leg)
            source = Peer(known)
        elif isinstance(source, Mix):
            source = Mix(tuple(self._known(desk, *source.legs)))
        desk.switch.execute(replace(command, source=source))

    def _known(self, desk: SwitchBench, *legs: str) -> Iterator[str]:
        return (leg if self._desk_of[leg] is desk else f"near-{leg}" for leg in legs)

    def pass_ms(self, milliseconds: int) -> None:
        """Let time pass, in which the engine says nothing."""
        for _ in range(milliseconds):
            self._ms += 1
            for desk in self.desks:
                desk.now = desk.START_S + self._ms / 1000
            for leg, phone in self.named.items():
                if (self._ms - self._moments[leg]) % FRAME_MS == 0:
                    phone.say()
            for desk in self.desks * 2:  # what comes over a link is passed on at once
                desk.drain()
            for desk, moment in zip(self.desks, self._ticks, strict=True):
                if (self._ms - moment) % FRAME_MS == 0:
                    desk.switch.tick(desk.now)
                    desk.drain()
            for desk in self.desks:
                desk.drain()
            for leg, phone in self.named.items():
                if phone.listen():
                    if leg in self._heard_at:
                        self.longest_ms = max(self.longest_ms, self._ms - self._heard_at[leg])
                    self._heard_at[leg] = self._ms

    def close(self) -> None:
        """Close the sockets, and give the clocks back."""
        for desk in self.desks[::-1]:
            desk.close()
