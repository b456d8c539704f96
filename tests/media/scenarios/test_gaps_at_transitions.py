"""Whatever a leg hears next, its packets never pause for more than 40 ms while its partner speaks.

The phones send every 20 ms, each at its own moment between two ticks of the worker's clock, which
rests and wakes as that of a worker does. Time passes by the millisecond.
"""

import random
from collections.abc import Callable
from functools import partial

import pytest

from media.protocol import messages as m
from media.protocol.messages import Codec, Direction
from media.sources import Hold, Mix, Peer, Silence, Source, Tone
from tests.support.media.line import FRAME_MS, Line

LONGEST_MS = 40
COMMANDS = 60
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
SHORT, LONG = Tone("425/60"), Tone("425/200")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("codecs", "bot"),
    [
        (("PCMU", "PCMU", "PCMU"), ""),
        (("PCMU", "PCMA", "G722"), ""),
        (("G722", "G722", "L16/16000"), ""),
        (("G722", "L16/8000", "L16/16000"), "c"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value or "none",
)
async def test_no_transition_pauses_for_more_than_40_ms(
    codecs: tuple[Codec, ...], bot: str, seed: int
) -> None:
    rng = random.Random(seed)
    line = Line(rng, dict(zip("abc", codecs, strict=True)), even=bot)
    try:
        loaded: list[Source] = [Hold(), SHORT, LONG]
        for source in (Hold(), SHORT, LONG):
            await line.switch._library.load(source)
        for play in range(1, COMMANDS):
            x, y, z = rng.sample("abc", 3)
            heard = rng.choice([*loaded, Silence(), Peer(y), Mix((y, z))])
            announced = m.Announce(x, play, rng.choice([SHORT, LONG]), rng.random() < 0.5, 1)
            to = rng.choice(DIRECTIONS)
            turns: list[Callable[[], object]] = [
                partial(line.execute, m.Bridge(x, y)),
                partial(line.execute, m.Hear(x, play, heard)),
                partial(line.execute, announced),
                partial(line.execute, m.StopAnnouncement(x, play - 1)),
                partial(line.execute, m.SendDigits(x, "57", 60, 100)),
                partial(line.agree, x, to),
            ]
            rng.choice(turns)()
            line.pass_ms(rng.randrange(1, 160))
        assert 0 < line.longest_ms <= LONGEST_MS
        assert line.to_those_on_hold == 0
    finally:
        line.close()


@pytest.mark.parametrize("seed", range(20))
async def test_where_a_partner_falls_silent_as_a_codec_changes_nothing_pauses(seed: int) -> None:
    line = Line(random.Random(seed), {"a": "PCMU", "b": "PCMU"})
    try:
        line.execute(m.Bridge("a", "b"))
        line.pass_ms(200 + seed)
        line.talking.discard("b")
        line.execute(line.named["a"].connect_as("PCMA"))
        line.pass_ms(200)
        assert 0 < line.longest_ms <= LONGEST_MS
    finally:
        line.close()


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
@pytest.mark.parametrize("late_ms", [0, 40, 70, 110])
async def test_who_was_relayed_to_is_not_silent_until_a_late_sum_has_caught_up(
    late_ms: int, codec: Codec
) -> None:
    """c hears the sum of a and b later by what the network has held a back; b hears a at once."""
    line = Line(random.Random(1), {"a": codec, "b": codec, "c": codec})
    try:
        line.execute(m.Hear("c", 1, Mix(("a", "b"))))
        line.execute(m.Hear("b", 2, Peer("a")))
        line.pass_ms(300)
        line.talking.discard("a")
        line.pass_ms(late_ms)
        for _ in range(late_ms // FRAME_MS):
            line.named["a"].say()
        line.talking.add("a")
        line.pass_ms(300)
        line.longest_ms = 0
        line.execute(m.Hear("b", 3, Mix(("a", "c"))))
        line.pass_ms(300)
        assert 0 < line.longest_ms <= LONGEST_MS
    finally:
        line.close()
