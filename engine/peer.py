"""Who is at the other end of a control connection, and whether it may be there."""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Literal

_UCRED = struct.Struct("3i")  # struct ucred of socket(7): pid, uid, gid


@dataclass(frozen=True, slots=True)
class Peer:
    """A client: a local user on the Unix socket, or an address on TCP."""

    transport: Literal["unix", "tcp"]
    address: str = ""
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None

    def __str__(self) -> str:
        if self.uid is None:
            return f"{self.transport} {self.address}"
        return f"user {user_name(self.uid)} (process {self.pid})"


def user_name(uid: int) -> str:
    """The name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def unix_peer(connected: socket.socket) -> Peer:
    """The process that connected a Unix socket, as the kernel tells (SO_PEERCRED, unix(7))."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(raw)
    return Peer("unix", uid=uid, gid=gid, pid=pid)


def may_connect(peer: Peer, allowed_uids: frozenset[int]) -> bool:
    """Whether a local user may use the socket.

    The engine's own user and root always may. Others must be allowed; where nobody is named, the
    file mode of the socket has decided already.
    """
    return not allowed_uids or peer.uid in (0, os.geteuid()) or peer.uid in allowed_uids
