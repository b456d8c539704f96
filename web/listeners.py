"""The sockets at which the gateway listens, with and without TLS."""

import contextlib
import socket


def listen(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Sockets that listen at each address of a host; "": at each of this machine. Port 0 is a free
    one, the same at each address.

    Raises OSError.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    with contextlib.ExitStack() as opened:
        for family, (address, _port, *scope) in dict.fromkeys((one[0], one[4]) for one in found):
            listener = opened.enter_context(
                socket.create_server((address, port, *scope), family=family, backlog=backlog)
            )
            listener.setblocking(False)
            port = listener.getsockname()[1]
            listeners.append(listener)
        opened.pop_all()
    return listeners
