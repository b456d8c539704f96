"""Clients that are gone are told of while nothing is read from them."""

import asyncio
import socket
from typing import Any, cast

from engine.control.capacity.hangups import Hangups
from tests.support.waiting import until


class Transport:
    """What is asked of a transport."""

    def __init__(self, connected: socket.socket | None) -> None:
        self._connected = connected

    def get_extra_info(self, _name: str) -> socket.socket | None:
        return self._connected


def transport_of(connected: socket.socket | None) -> asyncio.BaseTransport:
    return cast(asyncio.BaseTransport, Transport(connected))


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        return listening.accept()[0], client


async def test_a_local_client_is_gone_when_it_reads_no_more_either() -> None:
    hangups, gone = Hangups(), []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        hangups.watch(transport_of(ours), lambda: gone.append("it"))
        theirs.sendall(b"something that is not read")
        theirs.shutdown(socket.SHUT_WR)  # it may still read what it is answered
        for _ in range(20):
            await asyncio.sleep(0)
        assert not gone
        theirs.close()
        await until(lambda: gone)
        assert gone == ["it"]
        hangups.close()


async def test_a_client_of_tcp_is_gone_when_it_sends_no_more() -> None:
    hangups, gone = Hangups(), []
    ours, theirs = tcp_pair()
    with ours, theirs:
        hangups.watch(transport_of(ours), lambda: gone.append("it"))
        theirs.sendall(b"something that is not read")
        theirs.close()
        await until(lambda: gone)
        hangups.close()


async def test_who_is_read_again_is_not_watched() -> None:
    hangups, gone = Hangups(), []
    ours, theirs = socket.socketpair()
    others: list[Any] = [socket.socketpair() for _ in range(3)]
    with ours, theirs:
        watched = transport_of(ours)
        hangups.forget(watched)  # it never was
        hangups.watch(watched, lambda: gone.append("first"))
        hangups.watch(watched, lambda: gone.append("twice"))
        hangups.forget(watched)
        for own, _ in others:
            hangups.watch(transport_of(own), lambda: gone.append("other"))
        theirs.close()
        for _, end in others:
            end.close()
        await until(lambda: len(gone) == 3)
        assert gone == ["other"] * 3
        hangups.watch(watched, lambda: gone.append("again"))
        await until(lambda: "again" in gone)
        hangups.close()
        hangups.close()
        for own, _ in others:
            own.close()


async def test_what_has_no_socket_or_a_closed_one_is_not_watched() -> None:
    hangups = Hangups()
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    for each in (None, ours):
        hangups.watch(transport_of(each), lambda: None)
    assert hangups._epoll is None
