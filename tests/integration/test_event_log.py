"""The event log of a daemon: cut by retention, it says what is gone, and what there is instead."""

import asyncio
from typing import Any

from ringback_client import Client, EventStream
from tests.support.engines.process import StartEngine

KEPT = 1_000
BLOCKED = "+4479000000{:02}"


async def test_a_late_subscriber_gets_the_gap_and_a_snapshot(
    own_engine: StartEngine,
) -> None:
    engine = await own_engine(
        agents=[{"name": "anna", "uri": "sip:anna@127.0.0.1:9"}],
        queues=[{"name": "sales"}],
        trunks=[{"name": "pbx", "uri": "sip:127.0.0.1:9"}],
        routes=[{"prefix": "+", "trunks": ["pbx"]}],
    )
    async with await Client.connect(engine.process.socket) as client:
        first = (await client.call("engine.status"))["events"]["seq"]
        await client.callback(to="+442079460123", queue="sales", id="waits")
        for _ in range(12):
            blocking = (client.call("number.block", number=BLOCKED.format(n)) for n in range(100))
            await asyncio.gather(*blocking)
        async with client.events(since=first) as events:
            assert (await anext(events))["seq"] == first + 1  # nothing is missing yet
        newest = (await client.call("engine.status"))["events"]["seq"]
        engine.process.rewrite_config(store={"keep_events": KEPT})
        await client.call("engine.reload")
        newest += 1  # the event of the reload itself

        gap, kept, views = await _cut(client, first)
        assert (gap["from"], gap["to"], gap["reason"]) == (first + 1, kept[0] - 1, "evicted")
        assert newest - KEPT - 1 <= gap["to"] <= newest - KEPT
        assert kept == list(range(gap["to"] + 1, kept[-1] + 1))
        assert kept[-1] in (newest - 1, newest)  # the reload's may come after the snapshot
        assert [view["id"] for view in views["snapshot.job"]] == ["waits"]
        assert [view["queue"] for view in views["snapshot.queue"]] == ["sales"]
        assert [view["agent"] for view in views["snapshot.agent"]] == ["anna"]
        assert {view["number"] for view in views["snapshot.number"]} == {
            BLOCKED.format(n) for n in range(100)
        }
        assert [view["name"] for view in views["snapshot.trunk"]] == ["pbx"]

    engine.process.kill()
    engine.process.start()
    async with await Client.connect(engine.process.socket) as client:
        async with client.events(since=newest) as events:  # the rest is there after a restart
            assert (await anext(events))["seq"] == newest + 1
        again, _kept, _views = await _cut(client, first)
        assert again["from"] == first + 1 and again["to"] >= gap["to"]
        await client.call("callback.cancel", id="waits")


async def _cut(
    client: Client, since: int
) -> tuple[dict[str, Any], list[int], dict[str, list[dict[str, Any]]]]:
    """What a subscriber gets once the log is cut: the gap, the events kept, the snapshot."""
    async with asyncio.timeout(20.0):
        while True:
            async with client.events(since=since) as events:
                seen = await anext(events)
                if seen["type"] == "client.gap":
                    return seen, *await _rest(events)
            await asyncio.sleep(0.05)


async def _rest(events: EventStream) -> tuple[list[int], dict[str, list[dict[str, Any]]]]:
    kept: list[int] = []
    views: dict[str, list[dict[str, Any]]] = {}
    async for event in events:
        if event["type"] == "snapshot.end":
            assert event["counts"] == {
                name: len(views.get(f"snapshot.{name}", [])) for name in event["counts"]
            }
            return kept, views
        if event["type"].startswith("snapshot."):
            views.setdefault(event["type"], []).append(event["view"])
        else:
            kept.append(event["seq"])
    raise AssertionError("the events ended")
