"""How many SIP messages are read and written a second on one core, beside plain string methods.

The message is an INVITE with 12 header fields and a description. No two are alike: user, tags,
branch, Call-ID and ports differ, so that nothing but hosts and names of fields is remembered.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sip.message.message import Request
from sip.message.parser import parse
from sip.message.uri import SipUri
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import LocalAudio, OfferAnswer

from .options import Options
from .report import Report, figure

T = TypeVar("T")

PART = "messages"
TARGET_PER_S = 20_000
HEADERS = 12
HOST = "192.0.2.10"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"


def built(number: int, rng: random.Random) -> bytes:
    """An INVITE as it goes out: the description, the fields, and the bytes."""
    local = LocalAudio(HOST, 10_000 + 2 * (number % 20_000))
    description = OfferAnswer(rng.getrandbits(62)).make_offer(local)
    user = f"+44207946{number % 10_000:04}"
    fields = [
        ("Via", f"SIP/2.0/UDP {HOST}:5060;rport;branch=z9hG4bK{rng.getrandbits(80):020x}"),
        ("Max-Forwards", "70"),
        ("From", f'"Shop" <sip:shop{number}@{HOST}>;tag={rng.getrandbits(64):016x}'),
        ("To", f"<sip:{user}@192.0.2.1>"),
        ("Call-ID", f"{rng.getrandbits(128):032x}"),
        ("CSeq", f"{1 + number % 50} INVITE"),
        ("Contact", f"<sip:ringback@{HOST}:5060>"),
        ("Allow", ALLOW),
        ("Supported", "100rel, 199, norefersub, replaces, timer"),
        ("User-Agent", "Ringback"),
        ("Content-Type", "application/sdp"),
    ]
    request = Request("INVITE", SipUri("sip", "192.0.2.1", user, port=5060), fields, description)
    return request.encode()


def read(data: bytes) -> None:
    """What a call needs of an INVITE: the message, and its description."""
    message = parse(data)
    assert parse_sdp(message.sdp).media


def split(data: bytes) -> None:
    """The least that Python can do with the lines of a message."""
    head, _, body = data.partition(b"\r\n\r\n")
    _ = [line.partition(b":") for line in head.split(b"\r\n")]
    _ = [line.partition(b"=") for line in body.split(b"\r\n")]


async def run(report: Report, options: Options) -> None:
    """Each run takes turns, so that what the machine does besides falls on all alike."""
    rng = random.Random(7)
    count = options.messages
    messages = [built(number, rng) for number in range(count)]
    assert messages[0].partition(b"\r\n\r\n")[0].count(b"\r\n") == HEADERS
    per_s: dict[str, list[float]] = {"parsed": [], "read": [], "built": [], "split": []}
    for _ in range(options.messages_runs):
        per_s["parsed"].append(_rate(parse, messages))
        per_s["read"].append(_rate(read, messages))
        per_s["built"].append(_rate(lambda number: built(number, rng), range(count)))
        per_s["split"].append(_rate(split, messages))
        await asyncio.sleep(0)
    for name, label in (("parsed", "parsed"), ("read", "parsed, with the description")):
        report.figures.append(
            figure(PART, f"{label}, a second", "", per_s[name], at_least=TARGET_PER_S)
        )
    report.figures.append(
        figure(PART, "built, a second", "", per_s["built"], at_least=TARGET_PER_S)
    )
    report.figures.append(
        figure(PART, "lines only split, a second", "", per_s["split"], note="no parser at all")
    )
    for name in ("parsed", "built"):
        ratios = [split / one for split, one in zip(per_s["split"], per_s[name], strict=True)]
        report.figures.append(figure(PART, f"{name}, by split", "x", ratios))


def _rate(work: Callable[[T], object], inputs: Sequence[T]) -> float:
    """How many of them are done in a second of this thread's processor time."""
    begin = time.thread_time()
    for one in inputs:
        work(one)
    return len(inputs) / (time.thread_time() - begin)
