"""A trunk that writes down who it is asked to call, and calls nobody: every INVITE is answered 486.

It shares no code with the engine, so that it does not read as the engine reads.
"""

import asyncio
from typing import Self, cast


class RecordingTrunk(asyncio.DatagramProtocol):
    """`asked` has the request URI of each INVITE, in order, each call once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._calls: set[str] = set()
        self.port = 0

    @classmethod
    async def open(cls) -> Self:
        """One at a free port of loopback."""
        loop = asyncio.get_running_loop()
        transport, trunk = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        trunk.port = transport.get_extra_info("sockname")[1]
        return trunk

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See DatagramProtocol."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a request."""
        lines = data.decode("utf-8", "replace").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        if method in ("ACK", "SIP/2.0"):
            return
        fields = [line for line in lines if line.lower().startswith(_COPIED)]
        if method == "INVITE":
            call = next(line for line in fields if line.lower().startswith("call-id"))
            if call not in self._calls:
                self._calls.add(call)
                self.asked.append(rest.rpartition(" ")[0])
        status = "486 Busy Here" if method == "INVITE" else "200 OK"
        fields = [
            f"{line};tag=trunk" if line.lower().startswith("to:") and ";tag=" not in line else line
            for line in fields
        ]
        answer = "\r\n".join([f"SIP/2.0 {status}", *fields, "Content-Length: 0", "", ""])
        self._transport.sendto(answer.encode(), addr)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()


_COPIED = ("via:", "from:", "to:", "call-id:", "cseq:")
