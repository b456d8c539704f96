"""The named Unix socket of a media worker: where an engine reaches it, also a second one.

Its path may be longer than the 107 bytes that the address of such a socket holds: it is reached by
its directory.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_OWNER_ALONE = 0o177  # taken from the mode of the file


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen_at(path: Path) -> socket.socket:
    """A listening socket at `path`, for processes of the same user alone.

    Raises OSError, also where something is there already.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    mask = os.umask(_OWNER_ALONE)
    try:
        with _address(path) as address:
            listening.bind(address)
        listening.listen()
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(mask)
    return listening


def connect_to(path: Path) -> socket.socket:
    """A socket that is connected to the worker that listens at `path`. Raises OSError."""
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            connected.connect(address)
        connected.setblocking(False)
    except BaseException:
        connected.close()
        raise
    return connected
