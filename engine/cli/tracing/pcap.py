"""SIP messages as a capture file that Wireshark and tshark read.

The frames are made, not captured: IP with UDP or TCP headers that are right in every length and
checksum, from the addresses and times of the trace. A TCP stream begins in its middle. What went
by TLS is in clear, in TCP segments of its own port. Masked keys of SDES are written as base64: with
`*` in them Wireshark reads nothing of the message's body.
"""

import base64
import re
import socket
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

_FILE_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)  # raw IP
_FRAME: Final = struct.Struct("<IIII")
_UDP, _TCP = 17, 6
_MOST_SEGMENT_BYTES: Final = 60_000
_PSH_ACK: Final = 0x18
_FIRST_SEQUENCE: Final = 1_000
_masked_key = re.compile(rb"(?<=inline:)\*+", re.IGNORECASE)

Address = tuple[str, int]


class PcapWriter:
    """Writes frames to `file`, which is the caller's to close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._next_sequence: dict[tuple[Address, Address], int] = {}
        self._number = 0
        file.write(_FILE_HEADER)

    def write(self, message: Mapping[str, Any]) -> None:
        """Write one message, as trace.get shows it."""
        local, remote = _address(message["local"]), _address(message["remote"])
        sent = message["direction"] == "sent"
        source, target = (local, remote) if sent else (remote, local)
        data = _masked_key.sub(lambda found: b"A" * len(found[0]), _bytes_of(message))
        if message["transport"] == "udp":
            self._frame(message["time"], source[0], target[0], _UDP, _udp(source, target, data))
            return
        for start in range(0, len(data), _MOST_SEGMENT_BYTES):
            part = data[start : start + _MOST_SEGMENT_BYTES]
            segment = self._segment(source, target, part)
            self._frame(message["time"], source[0], target[0], _TCP, segment)

    def _segment(self, source: Address, target: Address, data: bytes) -> bytes:
        there, back = (source, target), (target, source)
        sequence = self._next_sequence.get(there, _FIRST_SEQUENCE)
        self._next_sequence[there] = (sequence + len(data)) & 0xFFFFFFFF
        acknowledged = self._next_sequence.get(back, _FIRST_SEQUENCE)
        head = struct.pack(
            "!HHIIBBHHH",
            source[1],
            target[1],
            sequence,
            acknowledged,
            5 << 4,
            _PSH_ACK,
            65_535,
            0,
            0,
        )
        check = _transport_checksum(source[0], target[0], _TCP, head + data)
        return head[:16] + struct.pack("!H", check) + head[18:] + data

    def _frame(self, time: float, source: str, target: str, protocol: int, payload: bytes) -> None:
        self._number = (self._number + 1) & 0xFFFF
        packet = _ip(source, target, protocol, payload, self._number)
        micros = round(time * 1_000_000)
        whole, rest = divmod(micros, 1_000_000)
        self._file.write(_FRAME.pack(whole, rest, len(packet), len(packet)) + packet)


def _udp(source: Address, target: Address, data: bytes) -> bytes:
    head = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0)
    check = _transport_checksum(source[0], target[0], _UDP, head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", check) + data


def _ip(source: str, target: str, protocol: int, payload: bytes, number: int) -> bytes:
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return head + _packed(source) + _packed(target) + payload
    addresses = _packed(source) + _packed(target)
    size = 20 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, size, number, 0x4000, 64, protocol, 0)
    check = _checksum(head + addresses)
    return head[:10] + struct.pack("!H", check) + addresses + payload


def _transport_checksum(source: str, target: str, protocol: int, segment: bytes) -> int:
    """RFC 768, RFC 793; RFC 8200 section 8.1 for IPv6."""
    addresses = _packed(source) + _packed(target)
    if ":" in source:
        pseudo = addresses + struct.pack("!II", len(segment), protocol)
    else:
        pseudo = addresses + struct.pack("!BBH", 0, protocol, len(segment))
    return _checksum(pseudo + segment)


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(host: str) -> bytes:
    bare = host.partition("%")[0]  # the scope of a link-local address
    return socket.inet_pton(socket.AF_INET6 if ":" in bare else socket.AF_INET, bare)


def _address(text: str) -> Address:
    """`192.0.2.1:5060`, `[2001:db8::1]:5060`."""
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _bytes_of(message: Mapping[str, Any]) -> bytes:
    encoded = message.get("base64")
    return base64.b64decode(encoded) if encoded else str(message["text"]).encode()
