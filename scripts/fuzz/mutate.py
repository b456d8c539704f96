"""Inputs made of the corpus by damage, for machines without a coverage-guided fuzzer."""

import random
from collections.abc import Iterator, Sequence

# What parsers trip over.
PIECES = (
    b"\r\n", b"\n", b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b'"', b"<", b">", b";", b"=",
    b":", b"@", b"%00", b"%", b"[", b"]", b"(", b"\\", b"{", b"}", b",", b"-1", b"0",
    b"4294967296", b"99999999999999999999", b"1e308", b" ", b"\t", b"sip:", b"SIP/2.0 ",
    b"Content-Length: ",
)  # fmt: skip
MOST_BYTES = 70_000


def inputs(corpus: Sequence[bytes], rng: random.Random) -> Iterator[bytes]:
    """Inputs without end: the corpus itself first, then damaged copies and mixtures of it."""
    yield from corpus
    seeds = list(corpus) or [b""]
    while True:
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            _damage(data, seeds, rng)
        yield bytes(data[:MOST_BYTES])


def _damage(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    end = min(len(data), at + rng.choice((1, 2, 4, 16, 64)))
    match rng.randrange(7):
        case 0 if data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        case 1:
            del data[at:end]
        case 2:
            data[at:at] = rng.choice(PIECES)
        case 3:
            data[at:end] = rng.choice(PIECES)
        case 4:
            data[at:at] = data[at:end] * rng.choice((1, 2, 50))
        case 5:
            other = rng.choice(seeds)
            begin = rng.randint(0, len(other))
            data[at:end] = other[begin : begin + rng.choice((4, 40, 400))]
        case _:
            del data[at:]
