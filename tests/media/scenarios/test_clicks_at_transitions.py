"""Whatever a leg hears next, it hears no click above -40 dBFS, no long gap, and whom it should.

The phones say tones below 1 kHz, so that what is above is a click, or the noise of a codec.
"""

import random
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.formats import unavailable
from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sources import Mix, Peer, Silence, Source, Tone
from tests.support.media.clicks import LOUDEST, clicks, loudest_click
from tests.support.media.coded_peers import PAYLOAD_TYPES
from tests.support.media.line import TONES_HZ, Line
from tests.support.media.switch import SwitchBench
from tests.support.media.two_workers import TwoWorkers
from tests.support.voices import level_of, tone

LONGEST_MS = 40
COMMANDS = 60
PEAK = 3000
MUSIC, SHORT, LONG = (
    Tone(spec, loop=spec == "350", gain_db=-10) for spec in ("350", "425/60", "425/200")
)
LEGS: list[tuple[Codec, ...]] = [
    ("PCMU", "PCMU", "PCMU"), ("PCMA", "PCMU", "PCMU"), ("L16/16000",) * 3,
    ("L16/16000", "PCMU", "PCMA"), ("L16/8000", "PCMU", "L16/16000"),
    ("G722",) * 3, ("G722", "PCMU", "L16/16000"), ("opus",) * 3,
    ("G722", "L16/8000", "L16/8000"), ("L16/16000", "G722", "L16/8000"),
    ("PCMA", "PCMA", "opus"),
]  # fmt: skip
# The third is a bot.
WITH_BOT: list[tuple[Codec, ...]] = [
    ("opus", "G722", "L16/16000"), ("opus", "L16/8000", "L16/16000"), ("PCMU", "opus", "PCMU"),
]  # fmt: skip


async def load(*desks: SwitchBench) -> None:
    for desk in desks:
        for source in (MUSIC, SHORT, LONG):
            await desk.switch._library.load(source)


def line_of(rng: random.Random, codecs: tuple[Codec, ...], even: str = "") -> Line:
    for codec in unavailable().keys() & set(codecs):
        pytest.skip(unavailable()[codec])
    return Line(rng, dict(zip("abcd", codecs, strict=False)), peak=PEAK, even=even)


def assert_clean(line: Line | TwoWorkers) -> None:
    """Nobody has heard a click."""
    for leg, phone in line.named.items():
        loudest, at = loudest_click(phone.heard, phone.name, PAYLOAD_TYPES[phone.name])
        assert loudest <= LOUDEST, f"{leg} at {at:.3f} s"


def test_a_step_is_a_click_and_a_fade_is_none() -> None:
    """Two thirds of the height of a step are measured, and next to nothing of a tone that fades."""
    said = tone(300, 0.5).astype(np.float64)
    said[2000:] += 1000
    assert clicks(said.astype(np.int16), 8000).max() == pytest.approx(690, abs=60)
    faded = tone(300, 0.5)[:3999] * np.clip(np.arange(3999) / 80 - 20, 0, 1)
    assert clicks(faded.astype(np.int16), 8000)[:-99].max() < 50


@pytest.mark.parametrize(
    ("codecs", "even", "seed"),
    [
        *product(LEGS, [""], range(3)),
        *product(WITH_BOT, ["c"], range(3)),
        (("L16/16000", "PCMU", "L16/16000"), "", 5),  # once with a pause of 41 ms
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value or "none"),
)
async def test_no_transition_clicks(codecs: tuple[Codec, ...], even: str, seed: int) -> None:
    rng = random.Random(seed)
    line = line_of(rng, codecs, even)
    try:
        await load(line)
        for play in range(1, COMMANDS):
            x, y, z = rng.sample("abc", 3)
            sources: list[Source] = [MUSIC, SHORT, LONG, Silence(), Peer(y), Mix((y, z))]
            heard = rng.choice(sources)
            announced = m.Announce(x, play, rng.choice([SHORT, LONG]), rng.random() < 0.5, 1)
            turns: list[Callable[[], object]] = [
                partial(line.execute, m.Bridge(x, y)),
                partial(line.execute, m.Hear(x, play, heard)),
                partial(line.execute, announced),
                partial(line.execute, m.StopAnnouncement(x, play - 1)),
            ]
            rng.choice(turns)()
            line.pass_ms(rng.randrange(1, 160))
        assert_clean(line)
        assert 0 < line.longest_ms <= LONGEST_MS
    finally:
        line.close()


def speakers_of(line: Line | TwoWorkers, leg: str) -> str:
    """Whose tones are in the newest fifth of a second that a leg heard."""
    phone = line.named[leg]
    heard = phone.sound_of(phone.heard[-12:])[-phone.rate_hz // 5 :]
    found = [
        name
        for name, hz in zip(line.named, TONES_HZ, strict=False)
        if level_of(hz, heard, phone.rate_hz) > PEAK / 10
    ]
    return "".join(found)


# Who hears whom at each step of what a call goes through: "x" is music, "-" silence, and what
# begins with "+" a sum.
STEPS: dict[str, list[dict[str, str]]] = {
    "hold": [{"a": "b", "b": "a"}, {"a": "x", "b": "-"}, {"a": "b", "b": "a"}],
    "supervision": [
        {"a": "b", "b": "a"},
        {"a": "b", "b": "a", "c": "+ab"},  # listens
        {"a": "b", "b": "+ac", "c": "+ab"},  # whispers
        {"a": "+bc", "b": "+ac", "c": "+ab"},  # barges in
        {"a": "b", "b": "+ac", "c": "+ab"},
        {"a": "b", "b": "a", "c": "+ab"},
        {"a": "b", "b": "a", "c": "-"},
    ],
    "warm transfer": [
        {"a": "b", "b": "a"},
        {"a": "x", "b": "c", "c": "b"},
        {"a": "+bc", "b": "+ac", "c": "+ab"},
        {"a": "c", "c": "a", "b": "-"},
    ],
    "relay and mixer": [{"a": "b", "b": "a"}, {"a": "+b", "b": "+a"}, {"a": "b", "b": "a"}] * 3,
}


def source_of(what: str) -> Source:
    if what in ("x", "-"):
        return MUSIC if what == "x" else Silence()
    return Mix(tuple(what[1:])) if what.startswith("+") else Peer(what)


def walk(line: Line | TwoWorkers, steps: list[dict[str, str]], rng: random.Random) -> None:
    """Go through these steps. After each, everybody hears those whom they should."""
    heard: dict[str, str] = {}
    for play, step in enumerate(steps, 1):
        heard.update(step)
        for leg, what in step.items():
            line.execute(m.Hear(leg, play, source_of(what)))
        line.pass_ms(400 + rng.randrange(40))
        for leg, what in heard.items():
            assert speakers_of(line, leg) == what.strip("+x-"), (play, leg)


@pytest.mark.parametrize("what", STEPS)
@pytest.mark.parametrize("codecs", LEGS, ids="-".join)
async def test_what_a_call_goes_through_clicks_nowhere(
    codecs: tuple[Codec, ...], what: str
) -> None:
    for seed in range(2):
        rng = random.Random(seed)
        line = line_of(rng, codecs)
        try:
            await load(line)
            walk(line, STEPS[what], rng)
            assert_clean(line)
            assert 0 < line.longest_ms <= LONGEST_MS
        finally:
            line.close()


@pytest.mark.parametrize("what", STEPS)
@pytest.mark.parametrize("codecs", [*LEGS[:3], LEGS[5], LEGS[7]], ids="-".join)
async def test_nor_where_the_parties_are_in_two_workers(
    codecs: tuple[Codec, ...], what: str
) -> None:
    for seed in range(2):
        rng = random.Random(seed)
        line = TwoWorkers(rng, dict(zip("abc", codecs, strict=True)), there="bc", peak=PEAK)
        try:
            await load(*line.desks)
            walk(line, STEPS[what], rng)
            assert_clean(line)
            assert 0 < line.longest_ms <= LONGEST_MS
        finally:
            line.close()


@pytest.mark.parametrize("there", ["", "b"])
async def test_between_relay_and_mixer_nothing_is_left_out_or_heard_twice(there: str) -> None:
    """What is said rises in pitch, so that each moment of it can be told from the others."""
    rng = random.Random(5)
    line = TwoWorkers(rng, {"a": "PCMU", "b": "PCMU", "c": "PCMU"}, there=there, peak=0)
    try:
        seconds = np.arange(8 * 8000) / 8000
        said = 4000 * np.sin(2 * np.pi * (200 * seconds + 30 * seconds**2))
        line.named["a"].sound = np.rint(said).astype(np.int16)
        steps = [{"b": "a"}, {"b": "+ac"}] * 6
        for play, step in enumerate(steps, 1):
            line.execute(m.Hear("b", play, source_of(step["b"])))
            line.pass_ms(300 + rng.randrange(20))
        phone = line.named["b"]
        heard = phone.sound_of(phone.heard).astype(np.float64)
        # How much later than said it is heard, in samples; not where one fades into the other.
        late = [
            at - moment
            for at in range(4000, 26000, 160)
            if (moment := moment_of(heard[at : at + 400], said)) is not None
        ]
        assert len(late) > 100
        assert max(late) - min(late) <= 8 * 25, late
    finally:
        line.close()


def moment_of(piece: NDArray[np.float64], said: NDArray[np.float64]) -> int | None:
    """The sample of what is said that this is, by its pitch and its phase."""
    products = np.correlate(said[: 36000 + len(piece) - 1], piece, "valid")
    at = int(np.argmax(products))
    own, other = (float(np.sum(one**2)) for one in (piece, said[at : at + len(piece)]))
    return at if products[at] > 0.99 * np.sqrt(own * other) else None
