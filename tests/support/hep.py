"""A collector that reads HEP v3: the packets that it got, taken apart."""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import until


@dataclass
class HepPacket:
    """One packet by its chunks; a chunk that comes twice, or is of another vendor, is an error."""

    chunks: dict[int, bytes]

    @classmethod
    def parse(cls, data: bytes) -> "HepPacket":
        """Take one apart: every length has to be right."""
        assert data[:4] == b"HEP3"
        assert struct.unpack("!H", data[4:6])[0] == len(data)
        chunks: dict[int, bytes] = {}
        at = 6
        while at < len(data):
            vendor, kind, size = struct.unpack_from("!HHH", data, at)
            assert vendor == 0 and kind not in chunks and size >= 6
            chunks[kind] = data[at + 6 : at + size]
            at += size
        assert at == len(data)
        return cls(chunks)

    def number(self, kind: int) -> int:
        """A chunk that is a number."""
        return int.from_bytes(self.chunks[kind])

    @property
    def source(self) -> tuple[str, int]:
        """Where the payload came from."""
        return self._address(3, 7)

    @property
    def target(self) -> tuple[str, int]:
        """Where it went."""
        return self._address(4, 8)

    def _address(self, host: int, port: int) -> tuple[str, int]:
        is_ipv6 = self.number(1) == 10
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        packed = self.chunks[host + 2 if is_ipv6 else host]
        return socket.inet_ntop(family, packed), self.number(port)

    @property
    def at(self) -> float:
        """When it was, in Unix seconds."""
        return self.number(9) + self.number(10) / 1e6

    @property
    def kind(self) -> int:
        """The protocol of the payload: 1 SIP, 5 RTCP as JSON, 100 text."""
        return self.number(11)

    @property
    def payload(self) -> bytes:
        """What it carries."""
        return self.chunks[15]

    @property
    def json(self) -> Any:
        """The same, where that is JSON."""
        return json.loads(self.payload)

    @property
    def correlation_id(self) -> str:
        """The Call-ID of the dialog."""
        return self.chunks[17].decode()


class HepCollector:
    """Listens on a free port of loopback: `address` for the configuration, `packets` so far."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self._socket.bind(("127.0.0.1", 0))
        self.packets: list[HepPacket] = []

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def read(self) -> list[HepPacket]:
        """All that has come."""
        while True:
            try:
                self.packets.append(HepPacket.parse(self._socket.recv(65_535)))
            except BlockingIOError:
                return self.packets

    def of_kind(self, kind: int) -> list[HepPacket]:
        """All of one kind that has come."""
        return [packet for packet in self.read() if packet.kind == kind]

    async def until(self, kind: int, count: int = 1) -> list[HepPacket]:
        """The packets of one kind, once there are so many."""
        await asyncio.sleep(0)
        await until(lambda: len(self.of_kind(kind)) >= count)
        return self.of_kind(kind)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
