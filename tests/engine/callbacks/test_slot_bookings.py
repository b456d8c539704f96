"""A slot takes as many callbacks as asked for, whoever asks, and also after a restart."""

import asyncio
from typing import Any

import pytest

from config.settings import Settings
from engine.daemon import Daemon
from engine.errors import BadParams, EngineError
from engine.request import CallbackRequest, SlotSpec
from ringback_client import Client
from tests.support.engines.in_process import running

START = 4e9 - 4e9 % 1800
SLOT: dict[str, Any] = {"start": START, "end": START + 1800, "most": 2}


def asked(number: int, **more: Any) -> dict[str, Any]:
    given = {"to": f"+4420794601{number:02}", "queue": "sales", "not_before": START, "slot": SLOT}
    return given | more


async def refused(client: Client, number: int, **more: Any) -> EngineError:
    with pytest.raises(Exception, match="the slot is full") as caught:
        await client.call("callback.request", **asked(number, **more))
    return caught.value  # type: ignore[return-value]


async def offered(client: Client, **more: Any) -> list[dict[str, Any]]:
    found = await client.call("queue.availability", queue="sales", days=1, slot_min=30, **more)
    return found["slots"]  # type: ignore[no-any-return]


@pytest.fixture
def office(settings: Settings) -> Settings:
    from config.queues import Queue

    return settings.model_copy(update={"queues": [Queue(name="sales")]})


async def test_a_slot_fills_up_and_stays_full_after_a_restart(office: Settings) -> None:
    async with running(office) as (_daemon, client):
        first = await client.call("callback.request", **asked(1))
        # Another time in the same slot, and without a slot of its own.
        await client.call("callback.request", **asked(2, not_before=START + 900, slot=None))
        error = await refused(client, 3)
        assert (error.kind, error.data) == ("unavailable", {"reason": "slot_full"})
        await client.call("callback.request", **asked(4, queue=None, agent="alice"))
        await refused(client, 1)  # a number that is in it already is told the same
    async with running(office) as (_daemon, client):
        await refused(client, 3)
        await client.call("callback.cancel", id=first["id"])
        await client.call("callback.request", **asked(3))
        await refused(client, 5)
        three = {"start": START, "end": START + 1800, "most": 3}
        await refused(client, 5, slot=three | {"taken": 1})  # of which the engine does not know
        await client.call("callback.request", **asked(5, slot=three))


async def test_a_slot_of_an_agent_takes_one_unless_asked_otherwise(office: Settings) -> None:
    one = {"start": START, "end": START + 1800}
    with_alice = {"queue": None, "agent": "alice", "slot": one}

    async def starts(client: Client, **more: Any) -> set[float]:
        found = await client.call("agent.availability", agent="alice", days=1, slot_min=30, **more)
        return {slot["start"] for slot in found["slots"]}

    async with running(office) as (_daemon, client):
        booked = next(iter(sorted(await starts(client))[1:]))
        there = {"start": booked, "end": booked + 1800}
        await client.call(
            "callback.request", **asked(7, **with_alice | {"slot": there, "not_before": booked})
        )
        assert booked not in await starts(client)
        assert booked in await starts(client, slot_callbacks=2)
        await client.call("callback.request", **asked(1))  # of a queue: nothing of hers
        await client.call("callback.request", **asked(2, **with_alice))
        error = await refused(client, 3, **with_alice)
        assert error.data == {"reason": "slot_full"}
    async with running(office) as (_daemon, client):
        await refused(client, 3, **with_alice)
        await client.call(
            "callback.request", **asked(3, **with_alice | {"slot": {**one, "most": 2}})
        )
        for number in (4, 5):  # a phone has no slots, and so none that are full
            await client.call(
                "callback.request", **asked(number, queue=None, agent="sip:a@127.0.0.1")
            )


async def test_two_requests_at_once_do_not_both_get_the_last_room(office: Settings) -> None:
    async with running(office) as (_daemon, client):
        results = await asyncio.gather(
            *(client.call("callback.request", **asked(one)) for one in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, dict) for one in results) == 2


async def test_slots_that_are_full_are_not_offered(office: Settings) -> None:
    async with running(office) as (daemon, client):
        slots = await offered(client, slot_callbacks=1)
        assert all(one["left"] == 1 for one in slots)
        taken = slots[1]
        await client.call(
            "callback.request", **asked(1, not_before=taken["start"], slot={**taken_slot(taken)})
        )
        assert taken not in await offered(client, slot_callbacks=1)
        assert taken["start"] in {one["start"] for one in await offered(client, slot_callbacks=2)}
        assert_room_for_as_many_as_there_are_agents(daemon)


def taken_slot(slot: dict[str, Any]) -> dict[str, Any]:
    return {"start": slot["start"], "end": slot["end"]}


def assert_room_for_as_many_as_there_are_agents(daemon: Daemon) -> None:
    assert daemon.queues.count_agents("sales") == 0  # and one, where there is none
    slot = SlotSpec(start=START, end=START + 60)
    params = CallbackRequest(to="+442079460109", queue="sales", not_before=START, slot=slot)
    daemon.intake.bookings.check(params)


def test_a_slot_has_the_time_in_it() -> None:
    for not_before in (None, START - 1, START + 1800):
        with pytest.raises(BadParams, match="not_before"):
            CallbackRequest(to="x", queue="q", not_before=not_before, slot=SlotSpec(**SLOT))
    with pytest.raises(BadParams, match="later than"):
        SlotSpec(start=5.0, end=5.0)
