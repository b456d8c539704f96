"""RTCP extended reports (RFC 3611): the VoIP metrics block, written and read."""

import struct
from dataclasses import dataclass
from typing import Final

from .rtcp import EXTENDED_REPORT

VOIP_METRICS: Final = 7
_HEADER: Final = struct.Struct("!BBHI")
# Block type, reserved, length; SSRC; loss, discard, burst and gap density; burst and gap duration,
# round trip and end system delay; signal, noise, echo, Gmin; R, external R, MOS-LQ, MOS-CQ;
# receiver configuration, reserved; nominal, maximum and absolute maximum of the playout buffer.
_BLOCK: Final = struct.Struct("!BBHIBBBBHHHHBBBBBBBBBBHHH")
_WORDS: Final = _BLOCK.size // 4 - 1
_UNKNOWN: Final = 127
_GAP_MIN: Final = 16
# No concealment and no playout buffer is known of: we relay.
_CONFIGURATION: Final = 0


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """What a receiver says of one stream. Shares are 0 to 1; None: it is not known."""

    ssrc: int
    loss: float
    discarded: float = 0.0
    burst_density: float = 0.0
    gap_density: float = 0.0
    burst_ms: int = 0
    gap_ms: int = 0
    round_trip_ms: int = 0
    end_system_ms: int = 0
    r_factor: int | None = None
    mos_lq: float | None = None
    mos_cq: float | None = None


def build(sender_ssrc: int, metrics: VoipMetrics) -> bytes:
    """An XR packet with one VoIP metrics block (sections 2 and 4.7)."""
    block = _BLOCK.pack(
        VOIP_METRICS,
        0,
        _WORDS,
        metrics.ssrc,
        _share(metrics.loss),
        _share(metrics.discarded),
        _share(metrics.burst_density),
        _share(metrics.gap_density),
        _ms(metrics.burst_ms),
        _ms(metrics.gap_ms),
        _ms(metrics.round_trip_ms),
        _ms(metrics.end_system_ms),
        _UNKNOWN,
        _UNKNOWN,
        _UNKNOWN,
        _GAP_MIN,
        _UNKNOWN if metrics.r_factor is None else metrics.r_factor,
        _UNKNOWN,
        _mos(metrics.mos_lq),
        _mos(metrics.mos_cq),
        _CONFIGURATION,
        0,
        0,
        0,
        0,
    )
    words = (_HEADER.size + len(block)) // 4 - 1
    return _HEADER.pack(0x80, EXTENDED_REPORT, words, sender_ssrc) + block


def parse(packet: bytes) -> tuple[VoipMetrics, ...]:
    """The VoIP metrics blocks of one XR packet; what cannot be read, and other blocks, left out."""
    found = []
    at = _HEADER.size
    while at + 4 <= len(packet):
        kind, _specific, words = struct.unpack_from("!BBH", packet, at)
        end = at + 4 + 4 * words
        if end > len(packet):
            break
        if kind == VOIP_METRICS and words == _WORDS:
            found.append(_read(packet, at))
        at = end
    return tuple(found)


def _read(packet: bytes, at: int) -> VoipMetrics:
    fields = _BLOCK.unpack_from(packet, at)
    (_type, _reserved, _words, ssrc, loss, discarded, burst, gap, burst_ms, gap_ms, trip_ms, end_ms,
     _signal, _noise, _echo, _gap_min, r, _external, mos_lq, mos_cq, *_rest) = fields  # fmt: skip
    return VoipMetrics(
        ssrc,
        loss / 256,
        discarded / 256,
        burst / 256,
        gap / 256,
        burst_ms,
        gap_ms,
        trip_ms,
        end_ms,
        r if r <= 100 else None,
        mos_lq / 10 if 10 <= mos_lq <= 50 else None,
        mos_cq / 10 if 10 <= mos_cq <= 50 else None,
    )


def _share(value: float) -> int:
    return min(255, max(0, int(value * 256)))


def _ms(value: int) -> int:
    return min(0xFFFF, max(0, value))


def _mos(value: float | None) -> int:
    return _UNKNOWN if value is None else round(10 * value)
