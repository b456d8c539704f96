"""Messages over a socket pair."""

import asyncio
import socket

from media.protocol.channel import Connection
from media.protocol.messages import (
    Answer,
    Bridge,
    Command,
    Done,
    Event,
    MediaResumed,
    command_decoder,
    report_decoder,
)
from tests.support.waiting import until

Engine = Connection[Command, Answer | Event]
Worker = Connection[Answer | Event, Command]


class Pair:
    """Both ends, and what they got."""

    def __init__(self) -> None:
        self.batches: list[list[Command]] = []
        self.reports: list[Answer | Event] = []
        self.lost: list[tuple[str, str]] = []
        self.engine: Engine = Connection(
            report_decoder, self.reports.extend, lambda reason: self.lost.append(("engine", reason))
        )
        self.worker: Worker = Connection(
            command_decoder,
            self.batches.append,
            lambda reason: self.lost.append(("worker", reason)),
        )

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.ours, theirs = socket.socketpair()
        await loop.create_connection(lambda: self.engine, sock=self.ours)
        await loop.create_connection(lambda: self.worker, sock=theirs)


async def test_messages_of_one_turn_travel_together_and_in_order() -> None:
    pair = Pair()
    await pair.open()
    said: list[Command] = [Bridge(str(n), "x") for n in range(100)]
    for command in said:
        pair.engine.send(command)
    await until(lambda: pair.batches)
    assert pair.batches == [said]
    pair.worker.send(Done(1))
    pair.worker.send(MediaResumed("a"))
    await until(lambda: len(pair.reports) == 2)
    assert pair.reports == [Done(1), MediaResumed("a")]
    pair.engine.close()
    await until(lambda: len(pair.lost) == 2)


async def test_close_sends_what_was_written_and_both_ends_hear_of_it() -> None:
    pair = Pair()
    await pair.open()
    pair.engine.send(Bridge("a", "b"))
    pair.engine.close()
    await until(lambda: len(pair.lost) == 2)
    assert pair.batches == [[Bridge("a", "b")]]
    assert sorted(end for end, _ in pair.lost) == ["engine", "worker"]
    assert not pair.engine.is_open
    pair.engine.send(Bridge("a", "b"))  # dropped


async def test_what_is_not_understood_ends_the_connection() -> None:
    pair = Pair()
    await pair.open()
    pair.ours.send(b"\0\0\0\2no")
    await until(lambda: len(pair.lost) == 2)
    assert any("not understood" in reason for _, reason in pair.lost)


async def test_a_message_may_wait_for_the_next_one() -> None:
    pair = Pair()
    await pair.open()
    pair.engine.send_along(Bridge("first", "x"))
    for _ in range(5):
        await asyncio.sleep(0.002)
    assert pair.batches == []
    pair.engine.send(Bridge("second", "x"))
    await until(lambda: bool(pair.batches))
    assert pair.batches == [[Bridge("first", "x"), Bridge("second", "x")]]
