"""Who may use the Unix socket."""

import os
import socket

import pytest

from engine.peer import Peer, may_connect, unix_peer, user_name


def test_credentials_of_a_connected_socket() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        peer = unix_peer(left)
    assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), os.getpid())
    assert user_name(os.getuid()) in str(peer)


@pytest.mark.parametrize(
    ("uid", "allowed", "may"),
    [
        (0, {12}, True),
        (os.geteuid(), {12}, True),
        (12, {12}, True),
        (4321, {12}, False),
        (4321, set(), True),
    ],
)
def test_own_user_root_and_the_allowed_may_connect(uid: int, allowed: set[int], may: bool) -> None:
    assert may_connect(Peer("unix", uid=uid, gid=uid, pid=1), frozenset(allowed)) is may


def test_user_without_a_name_is_a_number() -> None:
    assert user_name(3_999_999_999) == "3999999999"
