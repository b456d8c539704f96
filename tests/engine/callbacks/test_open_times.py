"""A time at which nobody may be called is refused with `opens_at`, or moved to the real one."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.calendars import Calendar
from config.inbound import Inbound, Room
from config.policy import Hours
from config.queues import Queue
from config.retry import RetryRule
from config.sections import Route, Trunk
from engine.callbacks.open_times import OpenTime
from engine.errors import EngineError
from tests.support.engines.virtual import MIDDAY, Script, VirtualEngine, run_engine
from tests.support.phones.virtual import Step

CUSTOMER = "+442079460123"
HOUR, DAY = 3600.0, 86400.0
# The virtual day begins at 14:13 UTC, which is 15:13 in London, on a Monday.
MIDNIGHT = MIDDAY - MIDDAY % DAY
BUSY = (Step(0.5, "is_busy"),)
ANSWERS = (Step(0.5, "answers"),)


def at(hour: float, day: int = 0) -> float:
    """A time (UTC) of the virtual day, or of one after it."""
    return MIDNIGHT + day * DAY + hour * HOUR


def run_office(tmp_path: Path, script: Script, **sections: Any) -> None:
    """An office from 9 to 17 UTC, with queues that schedule and refuse when it is closed."""
    configured: dict[str, Any] = {
        "trunks": [Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        "routes": [Route(prefix="+", trunks=["pbx"])],
        "calendars": [Calendar(name="office", zone="UTC", hours=["mon-sun 09:00-17:00"])],
        "queues": [
            Queue(name="later", calendar="office", when_closed="schedule"),
            Queue(name="never", calendar="office", when_closed="refuse"),
        ],
        "agents": [
            Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["later", "never"])
        ],
        "inbound": [Inbound(name=f"to-{one}", number=number, queue=one)
                    for one, number in (("later", "+442079460001"), ("never", "+442079460002"))],
    }  # fmt: skip
    run_engine(
        tmp_path, script, conducts={"alice": [ANSWERS], CUSTOMER: [BUSY]}, **(configured | sections)
    )


def set_clock(engine: VirtualEngine, to: float) -> None:
    """Go on at another time."""
    engine.world.clock.shift(to - time.time())
    engine.daemon.clock.check()


async def refusal(engine: VirtualEngine, method: str = "callback.request", **params: Any) -> Any:
    asked = {"to": CUSTOMER} | params if method == "callback.request" else params
    with pytest.raises(EngineError) as caught:
        await engine.ask(method, **asked)
    return caught.value


def shown(job: Mapping[str, Any]) -> tuple[str, float | None, str | None]:
    return job["state"], job["not_before"], job["scheduled"]


def test_a_request_for_a_closed_time_is_given_the_real_one(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        for number, (wanted, real) in enumerate(
            [
                (at(20), at(9, 1)),
                (at(3, 1), at(9, 1)),
                (at(17, 1), at(9, 2)),
            ]
        ):
            job = await engine.ask("callback.request", to=f"sip:{number}@127.0.0.1", queue="later",
                                   not_before=wanted)  # fmt: skip
            assert shown(job) == ("queued", real, "queue later is closed")
            assert job["next_attempt_at"] == real
        job = await engine.ask("callback.request", to="sip:x@127.0.0.1", queue="later",
                               not_before=at(16), deadline=at(18))  # fmt: skip
        assert shown(job) == ("queued", at(16), None)

    run_office(tmp_path, script)


@pytest.mark.parametrize(
    "params",
    [
        {"queue": "later", "not_before": at(20), "deadline": at(8, 1)},
        {"queue": "later", "not_before": at(20), "deadline": at(9, 1)},
        {"queue": "never", "not_before": at(20)},
        {"queue": "never", "not_before": at(3, 1), "deadline": at(10, 1)},
    ],
)
def test_one_that_cannot_be_kept_is_refused_with_the_opening(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    async def script(engine: VirtualEngine) -> None:
        error = await refusal(engine, **params)
        assert error.data["opens_at"] == at(9, 1)
        assert error.kind == ("unavailable" if params["queue"] == "never" else "refused")
        assert error.field == ("queue" if params["queue"] == "never" else "deadline")
        assert (await engine.ask("callback.list"))["jobs"] == []
        found = await engine.ask("route.explain", to=CUSTOMER, **params)
        assert [one["opens_at"] for one in found["objections"]] == [at(9, 1)]
        assert found["verdict"] == error.kind
        assert error.message in [one["reason"] for one in found["objections"]]

    run_office(tmp_path, script)


def test_while_it_is_closed(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        set_clock(engine, at(20))
        job = await engine.ask("callback.request", id="a", to="sip:a@127.0.0.1", queue="later")
        assert shown(job) == ("queued", at(9, 1), "queue later is closed")
        error = await refusal(engine, queue="later", deadline=at(22))
        assert (error.kind, error.data["opens_at"]) == ("refused", at(9, 1))
        error = await refusal(engine, queue="never")
        assert (error.kind, error.data["reason"], error.data["opens_at"]) == (
            "unavailable", "closed", at(9, 1)
        )  # fmt: skip
        job = await engine.ask("callback.request", id="b", to="sip:b@127.0.0.1", queue="never",
                               not_before=at(10, 1))  # fmt: skip
        assert shown(job) == ("queued", at(10, 1), None)
        found = await engine.ask("route.explain", to=CUSTOMER, queue="later")
        assert (found["verdict"], found["not_before"]) == ("scheduled", at(9, 1))

    run_office(tmp_path, script)


def test_the_hours_of_the_number_and_of_the_queue_hold_together(tmp_path: Path) -> None:
    """Calls from 12 to 20 in London (11 to 19 UTC), not on Tuesday."""

    async def script(engine: VirtualEngine) -> None:
        job = await engine.ask(
            "callback.request", to=CUSTOMER, queue="later", not_before=at(18), join=False
        )
        assert job["not_before"] == at(11, 2)
        assert job["scheduled"] == "queue later is closed"
        job = await engine.ask(
            "callback.request", to=CUSTOMER, queue="later", not_before=at(9.5, 2), join=False
        )
        assert job["not_before"] == at(11, 2)
        assert job["scheduled"].startswith("out of calling hours")
        error = await refusal(
            engine, queue="later", not_before=at(18), deadline=at(10, 2), join=False
        )
        assert error.data["opens_at"] == at(11, 2)

    hours = Hours(
        enforce=True,
        hours=["mon-sun 12:00-20:00"],
        closed=[f"{datetime.fromtimestamp(at(12, 1)):%m-%d}"],
    )
    run_office(tmp_path, script, hours=hours)


def test_a_reschedule_is_held_to_the_same(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        for queue in ("later", "never"):
            await engine.ask("callback.request", id=queue, to=f"sip:{queue}@127.0.0.1",
                             queue=queue, not_before=at(10, 1))  # fmt: skip
        job = await engine.ask("callback.reschedule", id="later", not_before=at(20))
        assert shown(job) == ("queued", at(9, 1), "queue later is closed")
        job = await engine.ask("callback.reschedule", id="later", not_before=at(16))
        assert shown(job) == ("queued", at(16), None)
        for params in ({"not_before": at(20), "deadline": at(8, 1)},):
            error = await refusal(engine, "callback.reschedule", id="later", **params)
            assert (error.kind, error.data["opens_at"]) == ("refused", at(9, 1))
        error = await refusal(engine, "callback.reschedule", id="never", not_before=at(20))
        assert (error.kind, error.data["opens_at"]) == ("unavailable", at(9, 1))
        assert (await engine.ask("callback.get", id="never"))["not_before"] == at(10, 1)
        await engine.ask("callback.reschedule", id="never", deadline=at(18, 1))
        await engine.ask("callback.reschedule", id="never", numbers=["+442079460124"])

    run_office(tmp_path, script)


RETRY = [RetryRule(cause="busy", attempts=3, spacing_s=[3 * HOUR])]


def test_a_retry_in_closed_time_has_the_real_time_at_once(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMER, queue="later")
        await asyncio.sleep(10)
        job = await engine.ask("callback.get", id="j")
        assert (job["state"], job["next_attempt_at"]) == ("queued", at(9, 1))
        assert job["scheduled"] == "queue later is closed"
        assert len(job["attempts"]) == 1
        set_clock(engine, at(9, 1) - 5.0)
        await asyncio.sleep(10)
        job = await engine.ask("callback.get", id="j")
        began = [attempt["legs"][0]["started"] for attempt in job["attempts"]]
        assert began[1:] == pytest.approx([at(9, 1)], abs=1)
        assert job["next_attempt_at"] == pytest.approx(at(12, 1), abs=20)

    run_office(tmp_path, script, retry=RETRY)


@pytest.mark.parametrize("params", [{"queue": "never"}, {"queue": "later", "deadline": at(23)}])
def test_a_retry_that_cannot_be_made_ends_the_callback_at_once(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    async def script(engine: VirtualEngine) -> None:
        await engine.ask("callback.request", id="j", to=CUSTOMER, **params)
        await asyncio.sleep(10)
        job = await engine.ask("callback.get", id="j")
        assert (job["state"], job["result"]) == ("failed", "busy")
        assert "not tried again" in job["cause"] and "is closed" in job["cause"]

    run_office(tmp_path, script, retry=RETRY)


@pytest.mark.parametrize("text", ["", "We are closed."])
def test_a_call_to_a_closed_queue_becomes_what_is_explained(tmp_path: Path, text: str) -> None:
    """A caller is on the line: nothing is scheduled for them, whatever `when_closed` says."""

    async def script(engine: VirtualEngine) -> None:
        set_clock(engine, at(20))
        for number in ("+442079460001", "+442079460002"):
            found = await engine.ask("route.explain", to=CUSTOMER, from_trunk="pbx", dialled=number)
            assert found["verdict"] == "unavailable"
            (objection,) = found["objections"]
            assert (objection["step"], objection["opens_at"]) == ("queue", at(9, 1))
            engine.sip.call(CUSTOMER, number, ())
            await asyncio.sleep(10)
            record = (await engine.ask("record.list"))["records"][-1]
            assert (record["result"], record["cause"]) == ("closed", objection["reason"])

    room = Room.model_validate({"name": "default", "texts": {"closed": text}})
    run_office(tmp_path, script, rooms=[room])


def test_an_agent_who_is_named_has_hours(tmp_path: Path) -> None:
    """Carol works from 9 to 17, bert has no calendar."""

    async def script(engine: VirtualEngine) -> None:
        set_clock(engine, at(20))
        job = await engine.ask("callback.request", to="sip:a@127.0.0.1", agent="carol")
        assert shown(job) == ("queued", at(9, 1), "agent carol is out of hours")
        job = await engine.ask(
            "callback.request", to="sip:b@127.0.0.1", agent="carol", not_before=at(10, 1)
        )
        assert shown(job) == ("queued", at(10, 1), None)
        error = await refusal(engine, agent="carol", deadline=at(22))
        assert (error.kind, error.data["opens_at"]) == ("refused", at(9, 1))
        found = await engine.ask("route.explain", to=CUSTOMER, agent="carol")
        assert (found["verdict"], found["not_before"]) == ("scheduled", at(9, 1))
        moved = await engine.ask("callback.reschedule", id=job["id"], not_before=at(18, 1))
        assert shown(moved) == ("queued", at(9, 2), "agent carol is out of hours")
        job = await engine.ask("callback.request", to="sip:c@127.0.0.1", agent="bert")
        assert job["scheduled"] is None

    agents = [
        Agent(name="carol", uri="sip:carol@127.0.0.1:5080", calendar="office"),
        Agent(name="bert", uri="sip:bert@127.0.0.1:5080"),
    ]
    run_office(tmp_path, script, agents=agents, queues=[], inbound=[])


def test_a_callback_for_a_slot_out_of_hours_is_not_moved_to_another(tmp_path: Path) -> None:
    async def script(engine: VirtualEngine) -> None:
        begins = at(20)
        slot = {"start": begins, "end": begins + HOUR}
        error = await refusal(engine, queue="later", not_before=begins, slot=slot)
        assert (error.kind, error.field) == ("refused", "slot")
        assert error.data == {"policy": "hours", "opens_at": at(9, 1)}
        assert "queue later is closed" in error.message

    run_office(tmp_path, script)


def test_a_refusal_says_which_policy_and_when_it_opens() -> None:
    assert OpenTime(5.0).refusal("to").data == {"opens_at": 5.0, "policy": "hours"}
    assert OpenTime(5.0).refusal("to").message == "nobody may be called"
    closed = OpenTime(None, "queue sales is closed", "queue sales is closed", is_refused=True)
    refusal = closed.refusal("queue")
    assert (refusal.kind, refusal.field) == ("unavailable", "queue")
    assert refusal.data == {"opens_at": None, "reason": "closed", "schedule": False}
