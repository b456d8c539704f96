"""Streams of phones whose RTP is protected (RFC 3711), each packet by itself: there are few."""

import contextlib
import socket
import struct

from media.rtp.srtp import SrtpSender

from .mmsg import IP_PKTINFO
from .talk import Talk

_PKTINFO = struct.Struct("=i4s4s")


class SecureTalk(Talk):
    """As Talk, with SRTP of `suite`. All phones have one `key`; their SSRCs differ."""

    def __init__(self, sock: socket.socket, capacity: int, *, suite: str, key: bytes) -> None:
        super().__init__(sock.fileno(), capacity)
        self._sock = sock
        self._sender = SrtpSender(suite, key)

    def _send_rows(self, first: int, count: int) -> int:
        table, sent = self._table, 0
        for row in range(first, first + count):
            to = table.destinations[row]
            source = int(table.sources["local"][row]).to_bytes(4, "big")
            info = (socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, source, bytes(4)))
            data = self._sender.protect(table.packets[row].tobytes())
            host = socket.inet_ntoa(int(to["host"]).to_bytes(4, "big"))
            with contextlib.suppress(BlockingIOError):  # a full buffer: this one is not sent
                self._sock.sendmsg([data], [info], 0, (host, int(to["port"])))
                sent += 1
        return sent
