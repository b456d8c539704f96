"""The formats of audio that are offered and accepted: codecs, key presses and comfort noise.

Each codec has one name here: its encoding name, for L16 with the clock, as `L16/16000`. Payload
types are static where RFC 3551 has one.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from .description import MediaDescription, RtpMap

TELEPHONE_EVENT: Final = "TELEPHONE-EVENT"
COMFORT_NOISE: Final = "CN"
COMFORT_NOISE_NUMBER: Final = 13
PTIME_MS: Final = 20
SHORTEST_MS: Final = 10
LONGEST_MS: Final = 60
NARROW_HZ: Final = 8000

_FORMATS: Final[dict[str, tuple[int, RtpMap]]] = {
    "PCMU": (0, RtpMap("PCMU", 8000)),
    "PCMA": (8, RtpMap("PCMA", 8000)),
    "G722": (9, RtpMap("G722", 8000)),  # by its clock: RFC 3551 section 4.5.2
    "opus": (111, RtpMap("opus", 48000, 2)),  # RFC 7587 section 7
    "L16/16000": (112, RtpMap("L16", 16000)),
    "L16/8000": (113, RtpMap("L16", 8000)),
}
_STATIC: Final = {number: rtpmap for number, rtpmap in _FORMATS.values() if number < 96} | {
    COMFORT_NOISE_NUMBER: RtpMap(COMFORT_NOISE, 8000)
}
_NAMES: Final = {
    (rtpmap.encoding.upper(), rtpmap.clock_hz): name for name, (_, rtpmap) in _FORMATS.items()
}
# The number of our telephone-events by their clock, which is that of the sound (RFC 4733 2.1).
_EVENT_NUMBERS: Final = {8000: 101, 16000: 109, 48000: 110}
_ANY_PACKET_MS: Final = (10, 20, 30, 40, 50, 60)
_PACKETS_MS: Final = {"opus": (10, 20, 40, 60), "L16/16000": (10, 20, 30, 40)}  # below the MTU
_KEYS: Final = "0-15"
_OPUS_PARAMETERS: Final = "useinbandfec=1"


class OpusWish(msgspec.Struct, frozen=True):
    """What the peer wants of our Opus encoder (RFC 7587 section 6.1).

    `bits_a_second` is the most on average, 0 for any; with `has_copy` packets carry a copy of the
    one before.
    """

    bits_a_second: int = 0
    has_copy: bool = False


_NO_WISH: Final = OpusWish()


class Choice(msgspec.Struct, frozen=True):
    """The codec and payload types selected from a media description of the peer."""

    codec: str
    payload_type: int
    telephone_event_payload_type: int | None
    telephone_event_clock_hz: int = NARROW_HZ
    comfort_noise_payload_type: int | None = None
    opus: OpusWish = _NO_WISH


def offered_maps(codecs: Iterable[str]) -> dict[int, RtpMap]:
    """The payload types of an offer, in the order of preference; unknown codecs are left out."""
    known = [_FORMATS[codec] for codec in codecs if codec in _FORMATS]
    return dict(known)


def map_of(codec: str) -> RtpMap:
    """The encoding, clock and channels of a codec."""
    return _FORMATS[codec][1]


def event_clocks(maps: Iterable[RtpMap]) -> list[int]:
    """The clocks of key presses beside these formats, each once."""
    return list(dict.fromkeys(rtpmap.clock_hz for rtpmap in maps))


def event_number(clock_hz: int) -> int:
    """The number of our telephone-events with this clock."""
    return _EVENT_NUMBERS[clock_hz]


def encoded(rtpmap: RtpMap) -> str:
    """A format as an a=rtpmap line has it."""
    channels = f"/{rtpmap.channels}" if rtpmap.channels > 1 else ""
    return f"{rtpmap.encoding}/{rtpmap.clock_hz}{channels}"


def parameters(rtpmap: RtpMap) -> str:
    """What an a=fmtp line says of a format: the keys that we take, or what we want of an encoder.

    Empty for nothing.
    """
    if rtpmap.encoding.upper() == TELEPHONE_EVENT:
        return _KEYS
    return _OPUS_PARAMETERS if rtpmap.encoding == "opus" else ""


def choose(
    media: MediaDescription,
    ranks: Iterable[tuple[str, ...]],
    offered: dict[int, RtpMap],
    *,
    telephone_event: bool,
    comfort_noise: bool,
) -> Choice | None:
    """Select a format of the peer, its telephone-event and comfort noise.

    Of each of `ranks` in turn, the first format of the peer that is in it; None where none is.
    `offered` has the maps of our own offer, which an answer need not repeat.
    """
    maps = {**_STATIC, **offered, **media.rtpmaps()}
    codecs: dict[str, int] = {}
    events: dict[int, int] = {}  # by clock
    noise: int | None = None
    for text in media.formats:
        if not text.isascii() or not text.isdigit() or len(text) > 3:
            continue
        number = int(text)
        rtpmap = maps.get(number)
        if rtpmap is None:
            continue
        encoding = rtpmap.encoding.upper()
        name = _NAMES.get((encoding, rtpmap.clock_hz))
        if encoding == TELEPHONE_EVENT:
            events.setdefault(rtpmap.clock_hz, number)
        elif encoding == COMFORT_NOISE and rtpmap.clock_hz == NARROW_HZ:
            noise = number
        elif name is not None and (name == "opus" or rtpmap.channels == 1):
            codecs.setdefault(name, number)
    for rank in ranks:
        for name, number in codecs.items():
            if name in rank:
                clock_hz = map_of(name).clock_hz
                event_hz = clock_hz if clock_hz in events else NARROW_HZ
                return Choice(
                    name,
                    number,
                    events.get(event_hz) if telephone_event else None,
                    event_hz,
                    noise if comfort_noise and clock_hz == NARROW_HZ else None,
                    _opus_wish(media, number) if name == "opus" else _NO_WISH,
                )
    return None


def packet_ms(media: MediaDescription, codec: str, own_ms: int) -> tuple[int, bool]:
    """How long our packets have to be, and whether the peer has asked for that.

    That is its a=ptime, else what we like, and never more than its a=maxptime; of what the codec
    can have, 10 to 60 ms. An a=maxptime below 10 gives 0: no packet is as short.
    """
    asked, most_asked = media.ptime_ms, media.maxptime_ms
    wanted = asked or own_ms
    most = LONGEST_MS if most_asked is None else most_asked
    longest = min(max(wanted, SHORTEST_MS), most)
    fitting = [ms for ms in _PACKETS_MS.get(codec, _ANY_PACKET_MS) if ms <= longest]
    return max(fitting, default=0), asked is not None or most < own_ms


def asked_ms(formats: Iterable[RtpMap], own_ms: int) -> int:
    """The a=ptime of our description: what we like, as far as each of its codecs can have that.

    A phone that is asked for packets of 30 ms of Opus may send none at all.
    """
    names = {_NAMES.get((one.encoding.upper(), one.clock_hz), "") for one in formats}
    fitting = set(_ANY_PACKET_MS).intersection(*(_PACKETS_MS.get(n, _ANY_PACKET_MS) for n in names))
    return max((ms for ms in fitting if ms <= own_ms), default=own_ms)


def _opus_wish(media: MediaDescription, number: int) -> OpusWish:
    wanted: dict[str, str] = {}
    for name, value in media.attributes:
        head, _, rest = (value or "").partition(" ")
        if name == "fmtp" and head == str(number):
            for part in rest.split(";"):
                key, _, setting = part.strip().partition("=")
                wanted[key.lower()] = setting.strip()
    bits = wanted.get("maxaveragebitrate", "")
    is_number = bits.isascii() and bits.isdigit() and len(bits) <= 7
    return OpusWish(
        min(max(int(bits), 6000), 510_000) if is_number else 0,
        wanted.get("useinbandfec") == "1",
    )
