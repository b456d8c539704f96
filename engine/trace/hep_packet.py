"""HEP version 3: what a capture agent tells a Homer collector, one UDP packet each.

See "HEP/EEP: The Network Encapsulation Protocol", revision 3 (sipcapture.org). A packet is a row of
chunks: vendor 0, a type, the length with these six bytes, and the value.
"""

import socket
import struct
from typing import Final, Literal

Kind = Literal["sip", "rtcp", "log"]

# The protocol of the payload: SIP as it is on the wire, RTCP as JSON, and text of any kind.
_KINDS: Final[dict[Kind, int]] = {"sip": 1, "rtcp": 5, "log": 100}

_FAMILY, _PROTOCOL = 0x0001, 0x0002
_SOURCE_IPV4, _TARGET_IPV4, _SOURCE_IPV6, _TARGET_IPV6 = 0x0003, 0x0004, 0x0005, 0x0006
_SOURCE_PORT, _TARGET_PORT = 0x0007, 0x0008
_SECONDS, _MICROSECONDS = 0x0009, 0x000A
_KIND, _CAPTURE_ID, _KEY, _PAYLOAD, _CORRELATION_ID = 0x000B, 0x000C, 0x000E, 0x000F, 0x0011
_HEAD: Final = struct.Struct("!HHH")

UDP, TCP = 17, 6
MOST_PAYLOAD_BYTES: Final = 63_000
"""A longer one would not fit into a UDP packet with its chunks."""

Address = tuple[str, int]


class HepEncoder:
    """Makes the packets of one capture agent: `capture_id`, and the `key` that is asked of it."""

    def __init__(self, capture_id: int, key: str = "") -> None:
        self._always = _chunk(_CAPTURE_ID, struct.pack("!I", capture_id))
        if key:
            self._always += _chunk(_KEY, key.encode())

    def packet(
        self,
        kind: Kind,
        payload: bytes,
        *,
        at: float,
        source: Address,
        target: Address,
        protocol: int = UDP,
        correlation_id: bytes = b"",
    ) -> bytes:
        """One packet. `at` is in Unix seconds. A payload that is too long is cut off.

        Raises OSError for a host that is no address.
        """
        micros = round(at * 1_000_000)
        seconds, micros = divmod(micros, 1_000_000)
        is_ipv6 = ":" in source[0] or ":" in target[0]
        hosts = (_SOURCE_IPV6, _TARGET_IPV6) if is_ipv6 else (_SOURCE_IPV4, _TARGET_IPV4)
        chunks = [
            _chunk(_FAMILY, bytes([10 if is_ipv6 else 2])),
            _chunk(_PROTOCOL, bytes([protocol])),
            _chunk(hosts[0], _packed(source[0], is_ipv6)),
            _chunk(hosts[1], _packed(target[0], is_ipv6)),
            _chunk(_SOURCE_PORT, struct.pack("!H", source[1])),
            _chunk(_TARGET_PORT, struct.pack("!H", target[1])),
            _chunk(_SECONDS, struct.pack("!I", seconds & 0xFFFFFFFF)),
            _chunk(_MICROSECONDS, struct.pack("!I", micros)),
            _chunk(_KIND, bytes([_KINDS[kind]])),
            self._always,
        ]
        if correlation_id:
            chunks.append(_chunk(_CORRELATION_ID, correlation_id[:256]))
        chunks.append(_chunk(_PAYLOAD, payload[:MOST_PAYLOAD_BYTES]))
        body = b"".join(chunks)
        return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _packed(host: str, is_ipv6: bool) -> bytes:
    if not is_ipv6:
        return socket.inet_pton(socket.AF_INET, host)
    bare = host.partition("%")[0]  # the scope of a link-local address
    return socket.inet_pton(socket.AF_INET6, bare if ":" in bare else f"::ffff:{bare}")


def _chunk(kind: int, value: bytes) -> bytes:
    return _HEAD.pack(0, kind, 6 + len(value)) + value
