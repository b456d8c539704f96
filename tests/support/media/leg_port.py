"""The port of a media worker, as the stream host sees it."""

import asyncio
import struct

from ..arrivals import Arrivals


class LegPort(asyncio.DatagramProtocol):
    """The port of a media worker: what comes from the stream, and what is sent to it."""

    def __init__(self) -> None:
        self.payloads: Arrivals[bytes] = Arrivals()
        self.markers: list[bool] = []
        self.timestamps: list[int] = []
        self._sequence = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self.markers.append(bool(data[1] & 0x80))
        self.timestamps.append(int.from_bytes(data[4:8], "big"))
        self.payloads.add(data[12:])

    def send(self, value: int, to: tuple[str, int]) -> None:
        header = struct.pack("!BBHII", 0x80, 0, self._sequence, 160 * self._sequence, 7)
        self._sequence += 1
        self._transport.sendto(header + bytes([value]) * 160, to)

    def close(self) -> None:
        self._transport.close()
