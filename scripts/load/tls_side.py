"""SIP over TLS for the load peer: connections that the engine opens, and messages cut out of them.

Nothing here waits: whoever asks gets what has come. An address is the connection's own.
"""

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass, field

READ_BYTES = 1 << 16
BACKLOG = 64
_length = re.compile(rb"\r\n(?:Content-Length|l) *: *([0-9]+)", re.IGNORECASE)

Address = tuple[str, int]


@dataclass(slots=True)
class _Connection:
    """One connection; its handshake goes on with each look."""

    sock: ssl.SSLSocket
    received: bytes = b""
    unsent: bytes = b""
    is_up: bool = False


@dataclass(slots=True)
class TlsSide:
    """Listens at a port of its own. Raises OSError where it cannot."""

    host: str
    cert: str
    key: str
    port: int = 0
    _listener: socket.socket = field(init=False)
    _context: ssl.SSLContext = field(init=False)
    _connections: dict[Address, _Connection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.cert, self.key)
        self._listener = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]

    def take(self) -> list[tuple[bytes, Address]]:
        """The messages that have come, each with the connection it came by."""
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, address = self._listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wrapped = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
                self._connections[address] = _Connection(wrapped)
        found: list[tuple[bytes, Address]] = []
        for address, connection in list(self._connections.items()):
            if not self._read(connection):
                connection.sock.close()
                del self._connections[address]
            found += [(one, address) for one in _messages(connection)]
        return found

    def send(self, data: bytes, address: Address) -> None:
        """Send by a connection; nothing is sent by one that is lost."""
        connection = self._connections.get(address)
        if connection is not None:
            connection.unsent += data
            self._write(connection)

    def close(self) -> None:
        """Close all sockets."""
        self._listener.close()
        for connection in self._connections.values():
            connection.sock.close()

    def _read(self, connection: _Connection) -> bool:
        """Take what has come. False: the connection is over."""
        try:
            if not connection.is_up:
                connection.sock.do_handshake()
                connection.is_up = True
            self._write(connection)
            while data := connection.sock.recv(READ_BYTES):
                connection.received += data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False
        return False

    @staticmethod
    def _write(connection: _Connection) -> None:
        with contextlib.suppress(OSError):  # what is full is written at the next look
            while connection.unsent:
                sent = connection.sock.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]


def _messages(connection: _Connection) -> list[bytes]:
    """Cut whole messages off what was received."""
    found: list[bytes] = []
    while True:
        data = connection.received.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n")
        if end < 0:
            connection.received = data
            return found
        length = _length.search(data, 0, end + 2)
        whole = end + 4 + (int(length[1]) if length is not None else 0)
        if len(data) < whole:
            connection.received = data
            return found
        found.append(data[:whole])
        connection.received = data[whole:]
