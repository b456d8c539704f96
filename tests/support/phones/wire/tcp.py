"""A wire phone on TCP."""

import asyncio
import time

from tests.support.arrivals import Arrivals
from tests.support.phones.errors import PATIENCE_S

from .message import WireMessage, encode, parse, response_lines
from .rtp import WireRtp


class TcpPhone:
    """A phone on TCP, answering by hand; it may be rung again on another connection."""

    def __init__(self) -> None:
        self.received: Arrivals[WireMessage] = Arrivals()
        self.rtp = WireRtp()
        self.writers: list[asyncio.StreamWriter] = []

    async def listen(self) -> None:
        """Be there."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.uri = f"sip:tcp@127.0.0.1:{self.port};transport=tcp"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head == b"\r\n\r\n":
                    continue
                size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                data = head.lstrip(b"\r\n") + await reader.readexactly(size)
                self.received.add(parse(data, time.time(), ("", len(self.writers))))
        except asyncio.IncompleteReadError:
            writer.close()

    async def get(self, what: str, nth: int = 1) -> WireMessage:
        """The nth message of this method or status."""
        return await self.received.wait_for(lambda m: m.what == what, timeout_s=PATIENCE_S, nth=nth)

    def response(self, request: WireMessage, status: int, body: str = "") -> bytes:
        """A response, for the test to send in as many pieces as it likes."""
        return encode(response_lines(request, status, contact=self.uri, tag="tcp"), body)

    async def close(self) -> None:
        """Be gone."""
        self._server.close()
        for writer in self.writers:
            writer.close()
        self.rtp.close()
