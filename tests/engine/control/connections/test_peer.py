"""Who may use the Unix socket."""

import os
import socket

from engine.control.connections.peer import unix_peer, user_name


def test_credentials_of_a_connected_socket() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        peer = unix_peer(left)
    assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), os.getpid())
    assert set(os.getgroups()) <= set(peer.groups)
    assert user_name(os.getuid()) in str(peer)


def test_user_without_a_name_is_a_number() -> None:
    assert user_name(3_999_999_999) == "3999999999"
