"""Connections as they are taken from a listening socket."""

import asyncio
import errno
import socket
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from engine.control.connections.listener import A_TURN, PAUSE_S, Listener
from tests.support.virtual_loop import run


class Listening:
    """A listening socket with some clients, or none, or a reason why there can be none."""

    def __init__(self, clients: int) -> None:
        self.clients = clients
        self.error: OSError | None = None
        self.ours, self.theirs = socket.socketpair()

    def fileno(self) -> int:
        return self.ours.fileno()

    def accept(self) -> tuple[Any, str]:
        if self.error is not None:
            raise self.error
        if not self.clients:
            self.ours.setblocking(False)
            self.ours.recv(1)  # readable no more
            raise BlockingIOError
        self.clients -= 1
        return Client(), ""

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


class Client:
    def setblocking(self, flag: bool) -> None:
        assert not flag


def listener(listening: Listening, taken: list[Any]) -> Listener:
    return Listener(cast(socket.socket, listening), taken.append)


def test_some_are_taken_in_each_turn_of_the_loop() -> None:
    async def story() -> None:
        listening, taken = Listening(3 * A_TURN), list[Any]()
        one = listener(listening, taken)
        one._accept_some()
        assert len(taken) == A_TURN
        one._accept_some()
        one._accept_some()
        one._accept_some()
        assert len(taken) == 3 * A_TURN
        listening.close()

    run(story())


def test_a_client_that_is_gone_already_is_passed_over() -> None:
    async def story() -> None:
        listening = Listening(0)
        listening.error = ConnectionAbortedError()
        one = listener(listening, [])
        with capture_logs() as logged:
            one._accept_some()
        assert logged == []
        listening.close()

    run(story())


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_without_descriptors_it_waits_and_says_so_once(number: int) -> None:
    async def story() -> None:
        listening, taken = Listening(1), list[Any]()
        listening.error = OSError(number, "too many")
        listening.theirs.send(b"x")  # it is readable, for as long as clients wait
        one = listener(listening, taken)
        with capture_logs() as logged:
            one.start()
            await asyncio.sleep(10 * PAUSE_S)
            listening.error = None
            await asyncio.sleep(2 * PAUSE_S)
        assert len(taken) == 1
        assert [line["event"] for line in logged] == ["control_cannot_accept"]
        one.stop()
        listening.error = OSError(number, "too many")
        one.start()
        await asyncio.sleep(0)
        one.stop()  # also while it waits
        listening.close()

    run(story())
