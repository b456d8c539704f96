"""A reader of the log: replay then live, no gap, no duplicate, cut off when it is slow."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.control.subscription import CATCH_UP_EVENTS, EventFilter, Subscription
from engine.store.event_log import EventLog
from engine.store.kept_events import Event
from tests.support import virtual_loop


class Reader:
    """Takes `room` lines, then pauses until `read` makes room again."""

    def __init__(
        self,
        log: EventLog,
        *,
        after: int = 0,
        types: tuple[str, ...] = (),
        limit_bytes: int = 1 << 20,
        room: int | None = None,
        sees: Callable[[Event], bool] | None = None,
    ) -> None:
        self.seen: list[int] = []
        self.last: dict[str, Any] | None = None
        self.room = room
        self.subscription = Subscription(
            log,
            wanted=EventFilter(types, sees),
            after=after,
            limit_bytes=limit_bytes,
            write=self.write,
            on_slow=self.on_slow,
        )
        self.subscription.start(paused=room == 0)

    def write(self, line: bytes) -> None:
        self.seen.append(json.loads(line)["params"]["seq"])
        if self.room is not None:
            self.room -= 1
            if self.room == 0:
                self.subscription.pause()

    def on_slow(self, line: bytes) -> None:
        assert self.last is None
        self.last = json.loads(line)["params"]

    def read(self, room: int) -> None:
        self.room = room
        self.subscription.resume()


def publish(log: EventLog, count: int, type: str = "test.event", **fields: Any) -> None:
    for _ in range(count):
        log.publish(type, **fields)


def run(story: Coroutine[Any, Any, None]) -> None:
    virtual_loop.run(story)


def test_a_reader_gets_only_the_events_they_may_see() -> None:
    log = EventLog()
    publish(log, 4)
    reader = Reader(log, after=1, sees=lambda event: event.seq % 2 == 0)
    publish(log, 4)
    assert reader.seen == [2, 4, 6, 8]


def test_replay_then_live_without_gap_or_duplicate() -> None:
    log = EventLog()
    publish(log, 5)
    reader = Reader(log, after=2)
    publish(log, 3)
    assert reader.seen == [3, 4, 5, 6, 7, 8]


def test_types_are_prefixes() -> None:
    log = EventLog()
    publish(log, 1, "leg.dtmf")
    publish(log, 1, "callback.queued")
    reader = Reader(log, types=("leg.", "bridge.joined"))
    for type in ("leg.ended", "legend.x", "bridge.joined", "bridge.left"):
        publish(log, 1, type)
    assert reader.seen == [1, 3, 5]


def test_paused_reader_goes_on_where_it_was() -> None:
    log = EventLog()
    reader = Reader(log, room=2)
    publish(log, 6)
    assert reader.seen == [1, 2]
    reader.read(3)
    assert reader.seen == [1, 2, 3, 4, 5]
    reader.read(10)
    publish(log, 2)
    assert reader.seen == list(range(1, 9))
    assert reader.last is None


def test_reader_that_lets_too_much_wait_is_cut_off() -> None:
    log = EventLog(epoch="e")
    reader = Reader(log, room=2, limit_bytes=1000)
    publish(log, 50, text="x" * 100)
    assert reader.seen == [1, 2]
    assert reader.last is not None
    assert (reader.last["type"], reader.last["resume"], reader.last["seq"]) == (
        "engine.slow_reader",
        2,
        2,
    )
    assert log.listeners == 0


def test_what_does_not_match_does_not_count_as_waiting() -> None:
    log = EventLog()
    reader = Reader(log, types=("leg.",), room=0, limit_bytes=1000)
    publish(log, 1000, "callback.queued")
    publish(log, 1, "leg.ringing")
    assert reader.last is None
    reader.read(10)
    assert reader.seen == [1001]


def test_reader_whose_next_event_is_gone_is_cut_off() -> None:
    log = EventLog(capacity=10)
    reader = Reader(log, room=3)
    publish(log, 13)
    assert reader.last is None
    publish(log, 1)
    assert reader.last is not None
    assert reader.last["resume"] == 3


def test_reader_that_gets_on_with_a_long_replay_is_not_cut_off() -> None:
    log = EventLog()
    publish(log, 100, text="x" * 100)
    reader = Reader(log, room=1, limit_bytes=1000)
    for _ in range(99):
        publish(log, 1, text="x" * 100)
        reader.read(1)
    assert reader.last is None
    assert reader.seen == list(range(1, 101))


def test_long_replay_leaves_turns_to_others() -> None:
    async def story() -> None:
        log = EventLog()
        publish(log, 2 * CATCH_UP_EVENTS + 1)
        reader = Reader(log)
        assert len(reader.seen) == CATCH_UP_EVENTS
        publish(log, 1)
        for _ in range(3):
            await asyncio.sleep(0)
        assert reader.seen == list(range(1, 2 * CATCH_UP_EVENTS + 3))

    run(story())


def test_stopped_reader_hears_nothing() -> None:
    log = EventLog()
    reader = Reader(log)
    reader.subscription.stop()
    publish(log, 3)
    assert reader.seen == []
    assert log.listeners == 0


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["publish", "read"]), st.integers(1, 30)), max_size=40
    ),
    before=st.integers(0, 20),
    since=st.integers(0, 20),
    capacity=st.integers(5, 200),
)
def test_any_reader_sees_each_event_once_or_learns_where_to_resume(
    steps: list[tuple[str, int]], before: int, since: int, capacity: int
) -> None:
    log = EventLog(capacity=capacity)
    publish(log, before)
    since = max(min(since, log.seq), log.oldest - 1)
    reader = Reader(log, after=since, room=0, limit_bytes=4000)
    for action, count in steps:
        if action == "publish":
            publish(log, count)
        elif reader.last is None:
            reader.read(count)
    assert reader.seen == list(range(since + 1, since + 1 + len(reader.seen)))
    if reader.last is not None:
        assert reader.last["resume"] == since + len(reader.seen)
    else:
        reader.read(10_000)
        assert reader.seen == list(range(since + 1, log.seq + 1))
