"""RTP packets (RFC 3550 section 5.1): the fixed header, and where the payload lies."""

import struct
from typing import Final

VERSION_BITS: Final = 0x8000  # in the first 16 bits: version 2, no padding, extension or CSRC
MARKER_BIT: Final = 0x0080
HEADER_BYTES: Final = 12
FRAME_SAMPLES: Final = 160  # 20 ms at 8000 Hz
CLOCK_HZ: Final = 8000
PACKET_BYTES: Final = HEADER_BYTES + FRAME_SAMPLES  # 20 ms of G.711

# First 16 bits, sequence number, timestamp, SSRC.
HEADER: Final = struct.Struct("!HHII")

PCMU_PAYLOAD_TYPE: Final = 0
PCMA_PAYLOAD_TYPE: Final = 8
STATIC_PAYLOAD_TYPES: Final = {"PCMU": PCMU_PAYLOAD_TYPE, "PCMA": PCMA_PAYLOAD_TYPE}


def payload_bounds(packet: bytes | bytearray | memoryview, size: int) -> tuple[int, int] | None:
    """Start and end of the payload in the `size` bytes of a packet, or None when it is not RTP.

    Steps over CSRCs and the header extension (section 5.3.1), and leaves the padding out.
    """
    if size < HEADER_BYTES:
        return None
    first = packet[0]
    if first == 0x80:
        return HEADER_BYTES, size
    if first >> 6 != 2:
        return None
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if size < start + 4:
            return None
        start += 4 + 4 * ((packet[start + 2] << 8) | packet[start + 3])
    end = size
    if first & 0x20:
        padding = packet[size - 1]
        if padding == 0:
            return None
        end -= padding
    return (start, end) if start <= end else None


def build(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
) -> bytes:
    """A whole packet. Sequence and timestamp are taken modulo 2^16 and 2^32."""
    first = VERSION_BITS | payload_type | (MARKER_BIT if marker else 0)
    return HEADER.pack(first, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload
