"""Paths, users and groups of this machine."""

import grp
import pwd
from pathlib import Path

from ..errors import reject
from .texts import check_printable

SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path holds 108 with its closing zero


def check_socket_path(path: Path) -> Path:
    """The path of a Unix socket, short enough for one."""
    check_printable(str(path))
    size = len(str(path).encode())
    if not path.name:
        raise reject("must be the path of a socket")
    if size > SOCKET_PATH_BYTES:
        raise reject(f"is {size} bytes long; a Unix socket path has at most {SOCKET_PATH_BYTES}")
    return path


def check_file_path(path: Path) -> Path:
    """The path of a file, which need not be there."""
    check_printable(str(path))
    if not path.name:
        raise reject("must be the path of a file")
    return path


def check_user(user: str | int) -> int:
    """The number of a user who is given by name or number."""
    if isinstance(user, int):
        if user < 0:
            raise reject(f"{user} is not a user number")
        return user
    if user.isascii() and user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise reject(f"there is no user {user!r} on this machine") from None


def check_group(group: str) -> str:
    """A group of this machine; empty: none."""
    if group:
        try:
            grp.getgrnam(group)
        except KeyError:
            raise reject(f"there is no group {group!r} on this machine") from None
    return group
