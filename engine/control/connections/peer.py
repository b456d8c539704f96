"""Who is at the other end of a control connection."""

import pwd
import socket
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_UCRED = struct.Struct("3i")  # struct ucred of socket(7): pid, uid, gid
_SO_PEERGROUPS = 59  # socket(7); Python has no name for it
_GROUPS_BYTES = 1024  # the most that Python asks for: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """A client: a local user on the Unix socket, or an address on TCP."""

    transport: Literal["unix", "tcp"]
    address: str = ""
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    groups: tuple[int, ...] = ()
    who: str = ""
    """The name that the engine knows the client by, see rights.py."""

    @property
    def host(self) -> str:
        """The address without its port; empty for a local user."""
        return self.address.rpartition(":")[0]

    @property
    def owner(self) -> str:
        """Who has the connection, as far as that is known without a token: a user, an address."""
        return self.host if self.uid is None else str(self.uid)

    def __str__(self) -> str:
        if self.uid is None:
            return f"{self.transport} {self.address}"
        return _process_of(self.uid, self.pid)


@lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """The name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=256)
def _process_of(uid: int, pid: int | None) -> str:
    # Kept: looking up a user reads a file, and a client is named with each of its requests.
    return f"user {user_name(uid)} (process {pid})"


def unix_peer(connected: socket.socket) -> Peer:
    """The process that connected a Unix socket, as the kernel says (SO_PEERCRED, unix(7))."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(raw)
    return Peer("unix", uid=uid, gid=gid, pid=pid, groups=(gid, *_other_groups(connected)))


def tcp_peer(connected: socket.socket) -> Peer:
    """The address that has connected over TCP. Raises OSError where it is gone."""
    host, port = connected.getpeername()[:2]
    return Peer("tcp", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _other_groups(connected: socket.socket) -> tuple[int, ...]:
    try:
        raw = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:  # more than these, or a kernel that does not say
        return ()
    return struct.unpack(f"{len(raw) // 4}I", raw)
