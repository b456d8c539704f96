"""Tables of UDP datagrams for sendmmsg(2) and recvmmsg(2): many packets in one system call.

Every row of a table has its own address. The socket is bound to all addresses of the machine;
IP_PKTINFO (ip(7)) gives each packet the source address of the phone that sends it, and says for
which phone a received one was meant. So one socket serves any number of phones, each with an
address of its own in 127.0.0.0/8, and the packets are filled and judged as numpy columns.
"""

import ctypes
import errno
import os
import socket
from typing import Any

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[Any]

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module does not name it
IP_PKTINFO = 8  # linux/in.h

MSGHDR = np.dtype(
    {
        "names": ["name", "name_bytes", "iov", "iovs", "control", "control_bytes", "flags", "len"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
IOVEC = np.dtype([("base", "u8"), ("bytes", "u8")])
SOCKADDR_IN = np.dtype([("family", "u2"), ("port", ">u2"), ("host", ">u4"), ("zero", "u8")])
PKTINFO = np.dtype(
    {
        "names": ["bytes", "level", "type", "interface", "local", "header"],
        "formats": ["u8", "i4", "i4", "i4", ">u4", ">u4"],
        "offsets": [0, 8, 12, 16, 20, 24],
        "itemsize": 32,
    }
)
# What recvmsg(2) writes when both SO_TIMESTAMPNS and IP_PKTINFO are set, in the kernel's order.
ANCILLARY = np.dtype(
    [("bytes", "u8"), ("level", "i4"), ("type", "i4"), ("s", "i8"), ("ns", "i8"), ("info", PKTINFO)]
)
PKTINFO_BYTES = 28
BUFFER_BYTES = 256

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_libc.recvmmsg.argtypes = [*_libc.sendmmsg.argtypes, ctypes.c_void_p]


def host_number(host: str) -> int:
    """A dotted IPv4 address as a number."""
    return int.from_bytes(socket.inet_aton(host), "big")


def host_text(number: int) -> str:
    """A number as a dotted IPv4 address."""
    return socket.inet_ntoa(number.to_bytes(4, "big"))


def _headers(rows: int, names: Table, packets: Table, control: Table) -> tuple[Table, Table]:
    vectors = np.zeros(rows, IOVEC)
    vectors["base"] = packets.ctypes.data + np.arange(rows, dtype="u8") * packets.itemsize
    vectors["bytes"] = packets.itemsize
    headers = np.zeros(rows, MSGHDR)
    for column, table in (("name", names), ("iov", vectors), ("control", control)):
        headers[column] = table.ctypes.data + np.arange(rows, dtype="u8") * table.itemsize
    headers["name_bytes"] = SOCKADDR_IN.itemsize
    headers["iovs"] = 1
    headers["control_bytes"] = control.itemsize
    return headers, vectors


class SendTable:
    """Datagrams of one size, each with a source and a destination of its own."""

    def __init__(self, rows: int, packet: np.dtype[Any]) -> None:
        self.packets: Table = np.zeros(rows, packet)
        self.destinations: Table = np.zeros(rows, SOCKADDR_IN)
        self.destinations["family"] = socket.AF_INET
        self.sources: Table = np.zeros(rows, PKTINFO)
        self.sources["bytes"] = PKTINFO_BYTES
        self.sources["level"] = socket.IPPROTO_IP
        self.sources["type"] = IP_PKTINFO
        self._headers, self._vectors = _headers(rows, self.destinations, self.packets, self.sources)
        self._address = self._headers.ctypes.data

    def move(self, row: int, to: int) -> None:
        """Copy a row over another."""
        for table in (self.packets, self.destinations, self.sources):
            table[to] = table[row]

    def send(self, fd: int, first: int, count: int) -> int:
        """Send `count` rows from `first`; return how many the kernel took.

        Raises OSError when it took none, for another reason than a full buffer.
        """
        sent = 0
        while sent < count:
            address = self._address + (first + sent) * MSGHDR.itemsize
            taken = _libc.sendmmsg(fd, address, count - sent, 0)
            if taken <= 0:
                error = ctypes.get_errno()
                if error in (errno.EAGAIN, errno.ENOBUFS, errno.EINTR):
                    break
                raise OSError(error, os.strerror(error))
            sent += int(taken)
        return sent


class ReceiveTable:
    """Room for a batch of datagrams, with who sent each, to whom, and when it came."""

    def __init__(self, rows: int, packet: np.dtype[Any]) -> None:
        if packet.itemsize != BUFFER_BYTES:
            raise ValueError(f"a row must have {BUFFER_BYTES} bytes")
        self.rows = rows
        self.packets: Table = np.zeros(rows, packet)
        self.sources: Table = np.zeros(rows, SOCKADDR_IN)
        self.ancillary: Table = np.zeros(rows, ANCILLARY)
        self._headers, self._vectors = _headers(rows, self.sources, self.packets, self.ancillary)
        self._address = self._headers.ctypes.data
        self.lengths: Table = self._headers["len"]
        self._s, self._ns = self.ancillary["s"], self.ancillary["ns"]

    @staticmethod
    def prepare(sock: socket.socket) -> None:
        """Ask for arrival times and destination addresses on this socket."""
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)

    def receive(self, fd: int) -> int:
        """Take what is there without waiting; return how many datagrams that was."""
        self._headers["control_bytes"] = ANCILLARY.itemsize
        count = int(_libc.recvmmsg(fd, self._address, self.rows, socket.MSG_DONTWAIT, None))
        if count >= 0:
            return count
        error = ctypes.get_errno()
        if error in (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED):
            return 0
        raise OSError(error, os.strerror(error))

    def arrival_ns(self, count: int) -> npt.NDArray[np.int64]:
        """When the kernel got each of the first `count` datagrams, on the real-time clock."""
        arrival: npt.NDArray[np.int64] = self._s[:count] * 1_000_000_000 + self._ns[:count]
        return arrival
