"""RTCP packets (RFC 3550 section 6): sender and receiver reports, SDES CNAME, BYE."""

import struct
from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SDES: Final = 202
BYE: Final = 203
EXTENDED_REPORT: Final = 207
_CNAME: Final = 1

_HEADER: Final = struct.Struct("!BBH")
_SSRC: Final = struct.Struct("!I")
_SENDER_INFO: Final = struct.Struct("!IIIII")
_BLOCK: Final = struct.Struct("!IIIIII")

NTP_UNIX_OFFSET_S: Final = 2208988800  # from 1900 to 1970


class RtcpError(Exception):
    """A datagram on an RTCP port that is no compound RTCP packet."""


@dataclass(slots=True)
class ReportBlock:
    """What a receiver says of one stream (section 6.4.1). Jitter in timestamp units."""

    ssrc: int
    fraction_lost: int  # 256ths
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_report: int  # middle 32 bits of the NTP time of the last sender report, 0 if none
    delay: int  # since that report, in 65536ths of a second


@dataclass(slots=True)
class SenderInfo:
    """What a sender says of its own stream. NTP time in seconds since 1900, as 32.32 bits."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Compound:
    """What matters here of a compound packet."""

    ssrc: int
    sender: SenderInfo | None
    blocks: tuple[ReportBlock, ...]
    bye: bool
    extended: tuple[bytes, ...] = ()
    """Its extended reports (RFC 3611), see rtcp_xr.py."""


def is_rtcp(packet: bytes | bytearray, size: int) -> bool:
    """Whether a datagram that may be RTP or RTCP is RTCP (RFC 5761 section 4)."""
    return size >= 2 and 192 <= packet[1] <= 223


def ntp_time(unix_s: float) -> int:
    """NTP timestamp, 32 bits of seconds and 32 of fraction (section 4)."""
    return round((unix_s + NTP_UNIX_OFFSET_S) * 4294967296) & 0xFFFFFFFFFFFFFFFF


class Cname:
    """The CNAME of a host, and the SDES packets that say it (section 6.5.1)."""

    __slots__ = ("_head", "_tail")

    def __init__(self, cname: str) -> None:
        text = cname.encode()[:255]
        item = bytes((_CNAME, len(text))) + text
        self._tail = item + bytes(4 - len(item) % 4)
        self._head = _HEADER.pack(0x81, SDES, 1 + len(self._tail) // 4)

    def sdes(self, ssrc: int) -> bytes:
        """An SDES packet with one chunk, for the stream `ssrc`."""
        return self._head + _SSRC.pack(ssrc) + self._tail


def report(ssrc: int, sender: SenderInfo | None, block: ReportBlock | None) -> bytes:
    """A sender report, or a receiver report where nothing was sent."""
    body = _SSRC.pack(ssrc)
    kind = RECEIVER_REPORT
    if sender is not None:
        kind = SENDER_REPORT
        body += _SENDER_INFO.pack(
            sender.ntp >> 32,
            sender.ntp & 0xFFFFFFFF,
            sender.timestamp & 0xFFFFFFFF,
            sender.packets & 0xFFFFFFFF,
            sender.octets & 0xFFFFFFFF,
        )
    if block is not None:
        body += _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.cumulative_lost & 0xFFFFFF,
            block.highest_sequence & 0xFFFFFFFF,
            block.jitter,
            block.last_report,
            block.delay & 0xFFFFFFFF,
        )
    return _HEADER.pack(0x80 | (block is not None), kind, len(body) // 4) + body


def goodbye(ssrc: int) -> bytes:
    """A BYE packet (section 6.6)."""
    return _HEADER.pack(0x81, BYE, 1) + _SSRC.pack(ssrc)


def parse(data: bytes) -> Compound:
    """Read a compound packet after the checks of A.2; raises RtcpError."""
    position, size = 0, len(data)
    ssrc, sender, blocks, bye = 0, None, [], False
    extended = []
    while position < size:
        if size - position < 4:
            raise RtcpError("cut off header")
        first, kind, words = _HEADER.unpack_from(data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > size:
            raise RtcpError("wrong version or length")
        if position == 0 and (kind not in (SENDER_REPORT, RECEIVER_REPORT) or first & 0x20):
            raise RtcpError("does not begin with a report")
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            at = position + 8 + (20 if kind == SENDER_REPORT else 0)
            if at + 24 * (first & 0x1F) > end:
                raise RtcpError("report shorter than its count")
            (ssrc,) = _SSRC.unpack_from(data, position + 4)
            if kind == SENDER_REPORT:
                sender = _parse_sender(data, position + 8)
            for _ in range(first & 0x1F):
                blocks.append(_parse_block(data, at))
                at += 24
        if kind == EXTENDED_REPORT:
            extended.append(data[position:end])
        bye = bye or kind == BYE
        position = end
    if not size:
        raise RtcpError("empty")
    return Compound(ssrc, sender, tuple(blocks), bye, tuple(extended))


def _parse_sender(data: bytes, at: int) -> SenderInfo:
    seconds, fraction, timestamp, packets, octets = _SENDER_INFO.unpack_from(data, at)
    return SenderInfo(seconds << 32 | fraction, timestamp, packets, octets)


def _parse_block(data: bytes, at: int) -> ReportBlock:
    ssrc, lost, highest, jitter, last_report, delay = _BLOCK.unpack_from(data, at)
    cumulative = lost & 0xFFFFFF
    if cumulative & 0x800000:
        cumulative -= 0x1000000
    return ReportBlock(ssrc, lost >> 24, cumulative, highest, jitter, last_report, delay)
