"""The audio stream of a description: how ours is written, and what is read of the peer's."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from ..errors import NegotiationFailed
from .audio import LocalAudio
from .audio_formats import (
    COMFORT_NOISE,
    COMFORT_NOISE_NUMBER,
    NARROW_HZ,
    Choice,
    asked_ms,
    encoded,
    event_clocks,
    event_number,
    map_of,
    parameters,
)
from .description import Direction, MediaDescription, RtpMap
from .sdes import CryptoAttribute

RTCP_MUX: Final = ("rtcp-mux", None)
# A domain name of RFC 4566 section 9 that cannot be taken for an address.
_is_name = re.compile(
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z][A-Za-z0-9-]{0,61}\.?\Z"
).match
# The same few phones and trunks say where they are again and again.
_address = lru_cache(maxsize=1024)(ip_address)


def check_address(host: str, local: LocalAudio) -> None:
    """Check that the host is an address of our family, or a name. Our owner looks names up."""
    version = 6 if ":" in local.host else 4
    try:
        address = _address(host)
    except ValueError:
        if _is_name(host):
            return
        address = None
    if address is None or address.version != version or "%" in host:
        reason = f"the audio address {host} is not an IPv{version} address"
        raise NegotiationFailed(reason, 301)


def offered_beside(codecs: Iterable[RtpMap], local: LocalAudio) -> dict[int, RtpMap]:
    """What is offered beside codecs: key presses in their clocks, comfort noise."""
    clocks = event_clocks(codecs)
    maps: dict[int, RtpMap] = {}
    if local.comfort_noise and NARROW_HZ in clocks:
        maps[COMFORT_NOISE_NUMBER] = RtpMap(COMFORT_NOISE, NARROW_HZ)
    if local.telephone_event:
        for clock_hz in clocks:
            maps[event_number(clock_hz)] = RtpMap("telephone-event", clock_hz)
    return maps


def answered_maps(choice: Choice) -> dict[int, RtpMap]:
    """The payload types of an answer: those of the offer."""
    maps = {choice.payload_type: map_of(choice.codec)}
    if choice.comfort_noise_payload_type is not None:
        maps[choice.comfort_noise_payload_type] = RtpMap(COMFORT_NOISE, NARROW_HZ)
    if choice.telephone_event_payload_type is not None:
        event = RtpMap("telephone-event", choice.telephone_event_clock_hz)
        maps[choice.telephone_event_payload_type] = event
    return maps


def describe(
    local: LocalAudio,
    protocol: str,
    maps: dict[int, RtpMap],
    direction: Direction,
    crypto: Sequence[CryptoAttribute],
    *,
    rtcp_mux: bool,
) -> MediaDescription:
    """Our audio stream with these payload types."""
    media = audio(protocol)
    media.port = local.port
    for number, rtpmap in maps.items():
        media.formats.append(str(number))
        media.attributes.append(("rtpmap", f"{number} {encoded(rtpmap)}"))
        wanted = parameters(rtpmap)
        if wanted:
            media.attributes.append(("fmtp", f"{number} {wanted}"))
    for attribute in crypto:
        media.attributes.append(("crypto", attribute.encode()))
    if rtcp_mux:
        media.attributes.append(RTCP_MUX)
    media.attributes.append(("ptime", str(asked_ms(maps.values(), local.ptime_ms))))
    media.attributes.append((direction, None))
    return media


def wants_rtcp_mux(media: MediaDescription) -> bool:
    """Whether RTP and RTCP are to share a port (RFC 5761)."""
    return RTCP_MUX in media.attributes


def rtcp_port(media: MediaDescription) -> int:
    """Where RTCP for the peer goes (RFC 3605): to its RTP port where both share it."""
    if wants_rtcp_mux(media):
        return media.port
    named = media.rtcp_port
    return min(media.port + 1, 65535) if named in (None, media.port) else named


def number_of(maps: dict[int, RtpMap], encoding: str, clock_hz: int) -> int | None:
    """The payload type that a description gives a format."""
    for number, rtpmap in maps.items():
        if rtpmap.encoding.upper() == encoding.upper() and rtpmap.clock_hz == clock_hz:
            return number
    return None


def audio(protocol: str) -> MediaDescription:
    """An audio stream without formats, on port 0."""
    return MediaDescription(media="audio", protocol=protocol)


def rejected(media: MediaDescription) -> MediaDescription:
    """Return the stream with port 0 (RFC 3264 section 6). It must still name a format."""
    return MediaDescription(
        media=media.media, port=0, protocol=media.protocol, formats=media.formats[:1] or ["0"]
    )
