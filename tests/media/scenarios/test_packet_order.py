"""Two packets of one peer never change places, whichever way each of them takes.

The relay's thread forwards, and hands over; the event loop deals with what was handed over, and
with what waits at the unconnected socket. Each of them holds the stream alone for one packet, so
any order of their turns is what threads can do. The plans below take turns at random.
"""

import itertools
import random
from collections.abc import Callable

import pytest

from media.protocol import messages as m
from media.relay.implementation import Implementation
from media.sound.clip_library import ClipSource
from media.sound.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from media.sources import Hold, Mix, Peer, Silence, Source, Tone
from tests.support.media.relays import BOTH
from tests.support.media.switch import SwitchBench
from tests.support.phones.wire.frames import FramePhone

PLANS = 3
STEPS = 400
TAIL_BYTES = 16  # of a payload: fades change its beginning alone
READ_AT_ONCE = 8  # packets of an unconnected socket


class Numbered:
    """A peer each of whose frames can be told from the others, in either law of G.711."""

    def __init__(self, phone: FramePhone, rng: random.Random) -> None:
        self.phone = phone
        self._rng = rng
        self._number_of: dict[bytes, int] = {}
        self.payload_type = 0
        self.said = 0

    def say_in_wrong_order(self, to: tuple[str, int]) -> None:
        """As a network may: the order in which packets come is the one that is to be kept."""
        phone = self.phone
        behind = phone.sequence, phone.timestamp
        phone.sequence = (phone.sequence + 1) % 65536
        phone.advance()
        self.say(to)
        after = phone.sequence, phone.timestamp
        phone.sequence, phone.timestamp = behind
        self.say(to)
        phone.sequence, phone.timestamp = after

    def say(self, to: tuple[str, int]) -> None:
        """Send the next frame."""
        # No loudest and no quietest samples: what is added up and encoded again stays as it is.
        tail = bytes(self._rng.randrange(0x90, 0xE0) for _ in range(TAIL_BYTES))
        frame = bytes([0xA5]) * (160 - TAIL_BYTES) + tail
        if self.payload_type == 8:
            frame = frame.translate(ULAW_TO_ALAW)
        for known in (tail, tail.translate(ULAW_TO_ALAW)):
            self._number_of[known] = self.said
        self._number_of[frame[-TAIL_BYTES:].translate(ALAW_TO_ULAW)] = self.said
        self.said += 1
        self.phone.send_packet(frame, to, payload_type=self.payload_type)
        self.phone.advance()

    def numbers_in(self, payloads: list[bytes]) -> list[int]:
        """The frames that these payloads are, those that were faded or added up left out."""
        found = (self._number_of.get(payload[-TAIL_BYTES:]) for payload in payloads)
        return [number for number in found if number is not None]


def increasing(numbers: list[int]) -> bool:
    return all(before < after for before, after in itertools.pairwise(numbers))


@pytest.mark.parametrize("implementation", BOTH)
@pytest.mark.parametrize("seed", range(PLANS))
async def test_no_two_packets_change_places(
    implementation: Callable[[], Implementation], seed: int
) -> None:
    rng = random.Random(seed)
    desk = SwitchBench(implementation=implementation())
    try:
        a, b, _c = (desk.phone(name, fill) for name, fill in (("a", 1), ("b", 2), ("c", 3)))
        who = Numbered(a, rng)
        execute, packets = desk.switch.execute, desk.switch.relay.packets
        execute(m.Bridge("a", "b"))

        def another_ssrc() -> None:
            desk.now += 0.2
            a.ssrc += 1
            a.sequence, a.timestamp = rng.randrange(65536), rng.randrange(1 << 32)

        def another_codec() -> None:
            who.payload_type = 8 - who.payload_type

        hears: list[Source] = [Peer("a")]
        announced = Tone("425/60")
        others: list[ClipSource] = [Hold(), Silence(), Tone("425/100,0/100")]
        for source in (*others, announced):  # so that each is heard at once
            await desk.switch._library.load(source)

        def read_all() -> None:
            desk.switch.relay.receive_handed_over(STEPS)
            desk.drain()

        def hear(source: Source) -> None:
            hears.append(source)
            execute(m.Hear("b", len(hears), source))

        def mix() -> None:
            read_all()  # a sum puts in order what the network has not
            hear(Mix(("a", "c")))

        rare: list[Callable[[], object]] = [
            another_ssrc,
            another_codec,
            lambda: hear(rng.choice(others)),
            mix,
            lambda: execute(m.SendDigits("b", "5", 40, 40)),
            lambda: execute(b.describe("b")),
            lambda: execute(a.describe("a")),
            lambda: execute(m.Announce("b", 7, announced, mix=True)),
            lambda: desk.stats("a"),
        ]
        changes = 0
        for _ in range(STEPS):
            turn = rng.randrange(12)
            if turn < 5:
                swaps = not rng.randrange(6) and not isinstance(hears[-1], Mix)
                (who.say_in_wrong_order if swaps else who.say)(desk.addresses["a"])
            elif turn < 7:
                packets.drain(1, rng.randint(1, 6), desk.now)
            elif turn < 9:
                desk.switch.relay.receive_handed_over(rng.randint(1, 6))
            elif turn == 9:
                desk.switch.listeners.drain()
            elif turn == 10 or rng.random() < 0.7:
                desk.tick()
            else:  # and mostly a and b talk
                rng.choice(rare)()
                changes += 1
                if changes % 3:
                    hear(Peer("a"))
        read_all()
        heard = who.numbers_in([packet.payload for packet in b.listen()])
        assert increasing(heard)
        assert len(heard) > STEPS / 10
        stamps = [(each.sequence, each.timestamp) for each in b.heard]
        assert len(set(stamps)) == len(stamps)
    finally:
        desk.close()


@pytest.mark.parametrize("implementation", BOTH)
def test_what_waited_before_the_peer_was_found_does_not_follow_what_came_after(
    implementation: Callable[[], Implementation],
) -> None:
    desk = SwitchBench(implementation=implementation())
    try:
        a, b, moved = desk.phone("a", 1), desk.phone("b", 2), FramePhone(1)
        desk.phones.append(moved)
        who = Numbered(a, random.Random(1))
        desk.switch.execute(m.Bridge("a", "b"))
        to_a = desk.addresses["a"]
        for _ in range(3):
            who.say(to_a)
        desk.drain()
        moved.ssrc, moved.sequence, moved.timestamp = a.ssrc, a.sequence, a.timestamp
        who.phone = moved
        desk.now += 1.0  # its old address has fallen silent
        for _ in range(READ_AT_ONCE + 4):
            who.say(to_a)
        desk.switch.listeners.drain()  # it is believed, and connected to; four packets still wait
        for _ in range(3):
            who.say(to_a)
        desk.drain()
        heard = who.numbers_in([packet.payload for packet in b.listen()])
        assert increasing(heard)
        assert heard[-3:] == [who.said - 3, who.said - 2, who.said - 1]
        assert desk.stats("a").dropped_late == 4
        assert desk.stats("a").reordered == 0
    finally:
        desk.close()
