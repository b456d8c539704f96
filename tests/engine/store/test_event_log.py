"""The event log: numbers, what is kept, what a reader has missed, who hears."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.store.event_log import EventLog, Gap
from engine.store.kept_events import Event


def decoded(event: Event) -> dict[str, Any]:
    assert event.line.endswith(b"\n")
    assert event.line.count(b"\n") == 1
    message: dict[str, Any] = json.loads(event.line)
    assert message["jsonrpc"] == "2.0"
    assert message["method"] == "event"
    params: dict[str, Any] = message["params"]
    return params


def test_event_carries_what_the_protocol_says() -> None:
    log = EventLog(epoch="e", clock=lambda: 12.5)
    seq = log.publish(
        "leg.ringing", job="j", call="c", leg="l", context={"site": "shop"}, sip_status=180, x=None
    )
    assert seq == 1
    (event,) = log.after(0)
    assert decoded(event) == {
        "seq": 1,
        "epoch": "e",
        "time": 12.5,
        "type": "leg.ringing",
        "job": "j",
        "call": "c",
        "leg": "l",
        "context": {"site": "shop"},
        "sip_status": 180,
    }


def test_what_is_not_given_is_left_out() -> None:
    log = EventLog()
    log.publish("engine.started")
    (event,) = log.after(0)
    assert set(decoded(event)) == {"seq", "epoch", "time", "type"}


def test_later_changes_do_not_reach_a_published_event() -> None:
    log = EventLog()
    context, legs = {"k": "old"}, ["a"]
    log.publish("callback.queued", context=context, legs=legs)
    context["k"] = "new"
    legs.append("b")
    (event,) = log.after(0)
    assert decoded(event)["context"] == {"k": "old"}
    assert decoded(event)["legs"] == ["a"]


def test_what_is_no_text_is_published_all_the_same() -> None:
    class Part(msgspec.Struct):
        uri: str

    log = EventLog()
    context = msgspec.Raw(b'{"site":"shop"}')
    damaged = Part("sip:a\udcff@b")
    log.publish("leg.ringing", call="c\udc80", legs=[damaged], context=context)
    log.publish("engine.started")
    first, second = log.after(0)
    said = decoded(first)
    assert said["call"].startswith("c\ufffd") and "\ufffd" in said["legs"][0]["uri"]
    assert said["context"] == {"site": "shop"} and decoded(second)["seq"] == 2


def test_context_may_be_encoded_already() -> None:
    log = EventLog()
    log.publish("callback.queued", context=msgspec.Raw(b'{"k":1}'))
    (event,) = log.after(0)
    assert decoded(event)["context"] == {"k": 1}


def test_structures_are_encoded_as_objects() -> None:
    log = EventLog()
    log.publish("test.gap", gap=Gap(1, None, "epoch"))
    (event,) = log.after(0)
    assert decoded(event)["gap"] == {"from": 1, "to": None, "reason": "epoch"}


def test_oldest_events_go_when_there_are_too_many() -> None:
    log = EventLog(capacity=3)
    for _ in range(10):
        log.publish("test.event")
    assert [event.seq for event in log.after(0)] == [8, 9, 10]
    assert log.oldest == 8


def test_oldest_events_go_when_they_are_too_large() -> None:
    log = EventLog(capacity_bytes=2000)
    for _ in range(100):
        log.publish("test.event", text="x" * 300)
    assert log.kept_bytes <= 2000
    assert log.kept_bytes == sum(len(event.line) for event in log.after(0))
    assert log.oldest > 90


def test_event_larger_than_the_log_is_kept_alone() -> None:
    log = EventLog(capacity_bytes=100)
    log.publish("test.event", text="x" * 300)
    log.publish("test.event", text="x" * 300)
    assert [event.seq for event in log.after(0)] == [2]


def test_after_gives_what_comes_later() -> None:
    log = EventLog(capacity=5)
    assert list(log.after(0)) == []
    for _ in range(8):
        log.publish("test.event")
    assert [event.seq for event in log.after(6)] == [7, 8]
    assert [event.seq for event in log.after(8)] == []
    assert [event.seq for event in log.after(99)] == []


def test_gap_is_exact() -> None:
    log = EventLog(epoch="now", capacity=5)
    assert log.gap(0, None) is None
    for _ in range(8):
        log.publish("test.event")
    assert log.oldest == 4
    assert log.gap(8, None) is None
    assert log.gap(3, "now") is None
    assert log.gap(2, "now") == Gap(3, 3, "evicted")
    assert log.gap(0, None) == Gap(1, 3, "evicted")
    assert log.gap(9, None) == Gap(10, None, "epoch")
    assert log.gap(5, "before") == Gap(6, None, "epoch")


def test_epochs_differ() -> None:
    assert EventLog().epoch != EventLog().epoch


def test_listeners_hear_in_order_until_they_leave() -> None:
    log = EventLog()
    seen: list[int] = []

    def once(event: Event) -> None:
        seen.append(event.seq)
        log.forget(once)

    every: list[int] = []
    log.listen(once)
    log.listen(lambda event: every.append(event.seq))
    log.publish("test.event")
    log.publish("test.event")
    log.forget(once)
    assert seen == [1]
    assert every == [1, 2]
    assert log.listeners == 1


def test_watchers_hear_before_listeners_and_in_order() -> None:
    log = EventLog()
    seen: list[tuple[str, int]] = []

    def answering(event: Mapping[str, Any]) -> None:
        if event["type"] == "test.question":
            log.publish("test.answer")

    log.watch(answering)
    log.watch(lambda event: seen.append(("watched", event["seq"])))
    log.listen(lambda event: seen.append(("heard", event.seq)))
    assert log.publish("test.question") == 1
    assert seen == [("watched", 1), ("watched", 2), ("heard", 1), ("heard", 2)]


def test_watchers_hear_of_the_types_that_they_want() -> None:
    log = EventLog()
    seen: list[tuple[str, str]] = []
    log.watch(lambda event: seen.append(("answers", event["type"])), {"test.answer"})
    log.publish("test.answer")
    log.watch(lambda event: seen.append(("all", event["type"])))
    log.publish("test.answer")
    log.publish("test.question")
    assert seen == [
        ("answers", "test.answer"),
        ("answers", "test.answer"),
        ("all", "test.answer"),
        ("all", "test.question"),
    ]


def test_watcher_that_raises_keeps_nobody_from_anything() -> None:
    log = EventLog()
    seen: list[str] = []

    def broken(_event: Mapping[str, Any]) -> None:
        raise RuntimeError("broken")

    log.watch(broken)
    log.watch(lambda event: seen.append(event["type"]))
    log.publish("test.event")
    assert seen == ["test.event"]
    assert log.delivered == 1


def test_watcher_sees_what_the_event_was_made_of() -> None:
    log = EventLog(epoch="e", clock=lambda: 2.5)
    seen: list[Mapping[str, Any]] = []
    log.watch(seen.append)
    log.publish("agent.paused", agent="alice", queue="sales", work=None, reason="lunch")
    assert seen == [
        {
            "seq": 1,
            "epoch": "e",
            "time": 2.5,
            "type": "agent.paused",
            "agent": "alice",
            "queue": "sales",
            "reason": "lunch",
        }
    ]


async def test_without_a_store_everything_is_settled() -> None:
    log = EventLog()
    log.publish("test.event")
    await log.settled()
