"""The wall clock is set forward or back: nothing ends early or late, and nobody is forgotten."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.calendars import Calendar
from config.inbound import Inbound as Route
from config.inbound import Room
from config.policy import Limit, Limits, Rate
from config.queues import Overflow, Queue, Tier
from config.retry import RetryRule
from config.sections import Route as TrunkRoute
from config.sections import Trunk
from engine.clock import WATCH_S
from engine.errors import EngineError
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.invariants import Seen
from tests.support.phones.virtual import KEY, SILENT, Step

STEPS = pytest.mark.parametrize("step_s", [-86400.0, -60.0, 60.0, 86400.0])
TALKS = (Step(0.1, "rings"), Step(0.1, "answers"))
BUSY = (Step(0.1, "is_busy"),)
CALLER = "+442079461111"
CUSTOMER = "+442079460222"
SHOP = "+44207946000"


class Stage:
    """An engine whose wall clock is set at will. `since` is the loop's time of the step."""

    def __init__(self, engine: VirtualEngine) -> None:
        self.engine, self.world, self.ask = engine, engine.world, engine.ask
        self.network = engine.world.network
        self._log = Seen()
        self.heard = self._log.of
        engine.daemon.events.listen(self._log.listen)

    def call(self, queue: int, user: str = CALLER) -> Any:
        return self.engine.sip.call(user, f"{SHOP}{queue}", SILENT)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def set_clock(self, by_s: float) -> float:
        self.world.clock.shift(by_s)
        asyncio.get_running_loop().call_later(WATCH_S, self.engine.daemon.clock.check)
        return self.now()

    async def until(self, kind: str, within_s: float = 60.0, **members: Any) -> float:
        """Wait for an event. Returns when it came, by the clock that nobody sets."""
        await self._log.event(kind, within_s=within_s, **members)
        return self.now()

    async def state(self, agent: str) -> str:
        view = await self.ask("agent.get", agent=agent)
        return str(view["state"])


Script = Callable[[Stage], Awaitable[None]]


def run_stage(
    tmp_path: Path,
    script: Script,
    *,
    then: Script | None = None,
    set_back_s: float = 0.0,
    **sections: Any,
) -> None:
    """Run `script` in an engine with the queues of this page, and `then` in the next one.

    The clock is set back by `set_back_s` between the two.
    """
    queues = [
        Queue(name="q0", wrap_up_s=5.0),
        Queue(name="q1", max_wait_s=6.0),
        Queue(name="q2", again_s=5.0, ring_s=2.0),
        Queue(name="q3", tiers=[Tier(after_s=6.0, agents=["helper"])]),
        Queue(name="q4", overflow=[Overflow(after_s=6.0, number="+441134960999")]),
        Queue(name="q5", release_per_min=12.0),
    ]
    configured = {
        "trunks": [Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        "routes": [TrunkRoute(prefix="+", trunks=["pbx"])],
        "queues": queues,
        "inbound": [
            Route(name=queue.name, number=f"{SHOP}{number}", queue=queue.name)
            for number, queue in enumerate(queues)
        ],
        "agents": [
            Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["q0"]),
            Agent(name="carl", uri="sip:carl@127.0.0.1:5080", queues=["q2"], missed_limit=0),
            Agent(name="dora", uri="sip:dora@127.0.0.1:5080", queues=["q5"]),
            Agent(name="helper", uri="sip:helper@127.0.0.1:5080"),
        ],
    }
    run_engine(
        tmp_path,
        *(partial(_on_stage, one) for one in (script, then) if one is not None),
        down_s=-set_back_s,
        conducts={"+441134960999": [TALKS]},
        **(configured | sections),
    )


async def _on_stage(script: Script, engine: VirtualEngine) -> None:
    await script(Stage(engine))


@STEPS
def test_a_step_is_published_once(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        await asyncio.sleep(5)
        began = stage.set_clock(step_s)
        assert await stage.until("engine.clock_stepped") - began < 1.0
        await asyncio.sleep(5)
        assert [event["by_s"] for event in stage.heard("engine.clock_stepped")] == [step_s]
        assert stage.engine.daemon.clock.steps == 1
        assert stage.engine.daemon.engine_view.uptime_s == pytest.approx(10.5, abs=0.6)
        (event,) = stage.heard("engine.clock_stepped")
        assert event["time"] == pytest.approx(time.time(), abs=6)

    run_stage(tmp_path, script)


@STEPS
def test_a_wrap_up_is_as_long_as_ever(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["alice"] = [TALKS]
        caller = stage.call(0)
        await stage.until("call.bridged")
        caller.act("hangs_up")
        began = stage.now()
        await asyncio.sleep(1)
        stage.set_clock(step_s)
        await asyncio.sleep(1)
        view = await stage.ask("agent.get", agent="alice")
        assert view["state"] == "wrap_up"
        assert view["since"] == pytest.approx(time.time() - (stage.now() - began), abs=0.1)
        assert view["wrap_up_until"] == pytest.approx(view["since"] + 5.0)
        ended = await stage.until("agent.available", previous="wrap_up")
        assert ended - began == pytest.approx(5.0, abs=0.1)

    run_stage(tmp_path, script)


@STEPS
def test_waits_in_queues_end_in_time(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["helper"] = [TALKS]
        stage.network.conducts["dora"] = [TALKS]
        for queue in range(1, 6):
            stage.call(queue, f"+44207946111{queue}")
        stage.call(5, "+442079461116")
        carl = await stage.network.call_of("carl")
        carl.act("rings")
        began = stage.now()
        await asyncio.sleep(1)
        stage.set_clock(step_s)
        seen = await asyncio.gather(
            stage.until("queue.left", queue="q1", reason="timeout"),
            stage.until("queue.unanswered", queue="q2"),
            stage.until("queue.answered", queue="q3", agent="helper"),
            stage.until("queue.overflowed", queue="q4"),
        )
        assert [at - began for at in seen] == pytest.approx([6.0, 2.0, 6.2, 6.0], abs=0.2)
        assert all(event["waited_s"] < 10 for event in stage.heard("queue.left"))
        await asyncio.sleep(began + 7.4 - stage.now())
        offers = [event for event in stage.heard("queue.offered") if event["queue"] == "q2"]
        assert len(offers) == 2  # the second one 5 s after the first was missed
        entry = (await stage.ask("queue.entries", queue="q5"))["entries"][0]
        assert entry["waited_s"] == pytest.approx(stage.now() - began, abs=0.2)
        assert entry["joined_at"] == pytest.approx(time.time() - entry["waited_s"], abs=0.1)

    run_stage(tmp_path, script)


@STEPS
def test_the_pace_of_a_queue_is_kept(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["dora"] = [(*TALKS, Step(1, "hangs_up"))]
        stage.call(5, "+442079461115")
        began = stage.now()
        stage.call(5, "+442079461116")
        await asyncio.sleep(1)
        stage.set_clock(step_s)
        await asyncio.sleep(3.8)
        assert len(stage.heard("queue.offered")) == 1
        await asyncio.sleep(0.4)
        assert len(stage.heard("queue.offered")) == 2
        assert stage.now() - began < 5.5

    run_stage(tmp_path, script)


@STEPS
def test_a_retry_is_made_in_time_and_does_not_fail_the_callback(
    tmp_path: Path, step_s: float
) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["helper"] = [TALKS]
        stage.network.conducts[CUSTOMER] = [BUSY, (*TALKS, Step(3, "hangs_up"))]
        await stage.ask("callback.request", id="j", to=CUSTOMER, agent="helper")
        began = await stage.until("callback.queued", cause="customer busy: 486 Busy Here, while "
                                  "dialing_customer")  # fmt: skip
        await asyncio.sleep(2)
        stage.set_clock(step_s)
        again = await stage.until("callback.dialing_agent", attempt=2)
        assert again - began == pytest.approx(5.0, abs=0.2)
        await stage.until("callback.completed")
        job = await stage.ask("callback.get", id="j")
        assert job["created"] == pytest.approx(time.time() - stage.now(), abs=5)

    run_stage(tmp_path, script, retry=[RetryRule(cause="busy", attempts=2, spacing_s=[5.0])])


@STEPS
def test_a_talk_is_as_long_and_costs_as_much_as_it_was(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["helper"] = stage.network.conducts[CUSTOMER] = [TALKS]
        stage.network.conducts["alice"] = [TALKS]
        await stage.ask("callback.request", id="j", to=CUSTOMER, agent="helper")
        await stage.until("callback.bridged")
        caller = stage.call(0)
        await stage.until("call.bridged")
        await asyncio.sleep(10)
        stage.set_clock(step_s)
        await asyncio.sleep(10)
        (await stage.network.call_of(CUSTOMER)).act("hangs_up")
        caller.act("hangs_up")
        await asyncio.sleep(1)
        call = stage.heard("call.ended")[-1]["call"]
        records = [await stage.ask("record.get", id=one) for one in ("j", call)]
        assert [record["talk_s"] for record in records] == pytest.approx([20.3, 20.0], abs=0.5)
        (stay,) = records[1]["stays"]
        assert stay["waited_s"] < 1.0
        assert float(records[0]["cost"]["amount"]) == pytest.approx(1.26, abs=0.1)
        agent = await stage.ask("agent.get", agent="helper")
        if abs(step_s) < 3600.0:  # another day has figures of its own
            assert agent["times"]["talking"] == pytest.approx(20.5, abs=1)

    run_stage(tmp_path, script, rates=[Rate(prefix="+", per_minute=Decimal("3.6"))])


def test_no_callback_fails_for_a_day_that_was_not(tmp_path: Path) -> None:
    """Set forward by a day, and back again: a deadline is as far away as before."""

    async def script(stage: Stage) -> None:
        asked = time.time()
        for job, more in {"queued": {"queue": "q3"}, "named": {"agent": "carl"}}.items():
            await stage.ask("callback.request", id=job, to=f"sip:{job}@127.0.0.1:5090",
                            deadline=asked + 60.0, **more)  # fmt: skip
        await stage.ask("agent.pause", agent="carl")
        await stage.ask("agent.pause", agent="helper")
        began = stage.now()
        await asyncio.sleep(10)
        stage.set_clock(86400.0)
        await asyncio.sleep(10)
        job = await stage.ask("callback.get", id="queued")
        assert (job["state"], job["deadline"]) == ("queued", asked + 86460.0)
        moved = [e for e in stage.heard("callback.rescheduled") if e["job"] == "queued"]
        assert [event["deadline"] for event in moved] == [asked + 86460.0]
        stage.set_clock(-86400.0)
        await asyncio.sleep(10)
        job = await stage.ask("callback.get", id="queued")
        assert (job["state"], job["deadline"]) == ("queued", pytest.approx(asked + 60.0))
        expired = await stage.until("callback.expired", job="queued")
        assert expired - began == pytest.approx(60.0, abs=0.6)

    run_stage(tmp_path, script)


def test_a_booked_time_is_a_date_and_one_that_was_reached_stays_reached(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.network.conducts["dora"] = [TALKS]
        await stage.ask("agent.pause", agent="helper")
        now = time.time()
        await stage.ask("callback.request", id="at five", to="sip:a@127.0.0.1:5090",
                        agent="dora", not_before=now + 3600.0)  # fmt: skip
        await stage.ask("callback.request", id="now", to="sip:b@127.0.0.1:5090", queue="q3",
                        not_before=now)  # fmt: skip
        await asyncio.sleep(2)
        stage.set_clock(-1800.0)
        await asyncio.sleep(10)
        entry = (await stage.ask("queue.entries", queue="q3"))["entries"][0]
        assert (entry["id"], entry["waited_s"]) == ("now", pytest.approx(12.0, abs=0.2))
        stage.set_clock(5400.0)  # it is five by now
        assert await stage.until("callback.dialing_agent", job="at five") < 20

    run_stage(tmp_path, script)


@STEPS
def test_limits_count_the_last_hour_and_no_other(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        async def ask(job: str) -> str:
            try:
                await stage.ask("callback.request", id=job, to=CUSTOMER, queue="q3", join=False)
            except EngineError as error:
                return str(error.data["policy"])
            return "accepted"

        assert await ask("first") == "accepted"
        await asyncio.sleep(1800)
        stage.set_clock(step_s)
        await asyncio.sleep(60)
        assert await ask("second") == "velocity"
        await asyncio.sleep(1800)
        assert await ask("third") == "accepted"

    run_stage(tmp_path, script, limits=Limits(number=Limit(per_hour=1)))


@STEPS
def test_a_caller_who_calls_again_has_their_position(tmp_path: Path, step_s: float) -> None:
    async def script(stage: Stage) -> None:
        first = stage.call(3)
        await asyncio.sleep(10)
        first.act("hangs_up")
        await asyncio.sleep(10)
        stage.set_clock(step_s)
        await asyncio.sleep(10)
        stage.call(3)
        await asyncio.sleep(1)
        (entry,) = (await stage.ask("queue.entries", queue="q3"))["entries"]
        assert entry["waited_s"] == pytest.approx(31.0, abs=0.5)

    run_stage(tmp_path, script, rooms=[Room(name="default", regain_s=30.0, callback_digit=KEY)])


def test_a_queue_closes_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.ask("callback.request", id="j", to=CUSTOMER, queue="day")
        await asyncio.sleep(10)
        assert (await stage.ask("queue.get", queue="day"))["open"]
        stage.set_clock(12 * 3600.0)
        await asyncio.sleep(2)
        assert not (await stage.ask("queue.get", queue="day"))["open"]
        job = await stage.ask("callback.get", id="j")
        assert (job["state"], job["scheduled"]) == ("queued", "queue day is closed")
        opens_at = job["next_attempt_at"]
        stage.set_clock(-2 * 3600.0)  # the opening is a date: it stays where it was
        await asyncio.sleep(2)
        assert (await stage.ask("callback.get", id="j"))["next_attempt_at"] == opens_at
        stage.set_clock(-10 * 3600.0)
        await asyncio.sleep(2)
        assert (await stage.ask("queue.get", queue="day"))["open"]

    calendar = Calendar(name="day", zone="UTC", hours=["mon-sun 08:00-20:00"])
    day = Queue(name="day", calendar="day", when_closed="schedule", at_closing="send_away")
    run_stage(tmp_path, script, calendars=[calendar], queues=[day], inbound=[], agents=[])


def test_a_clock_that_is_set_back_while_the_engine_is_down(tmp_path: Path) -> None:
    """What the store has was written by a clock that was ahead."""

    async def before(stage: Stage) -> None:
        stage.network.conducts["alice"] = [TALKS]
        await stage.ask("callback.request", id="j", to=CUSTOMER, queue="q3")
        caller = stage.call(0)
        await stage.until("call.bridged")
        caller.act("hangs_up")
        await asyncio.sleep(1)
        assert await stage.state("alice") == "wrap_up"

    async def after(stage: Stage) -> None:
        assert await stage.state("alice") == "wrap_up"
        await stage.until("agent.available", within_s=6.0, previous="wrap_up")
        (entry,) = (await stage.ask("queue.entries", queue="q3"))["entries"]
        assert entry["waited_s"] < 30.0
        assert entry["joined_at"] <= time.time()
        assert (await stage.ask("callback.get", id="j"))["created"] <= time.time()
        (event,) = stage.heard("engine.clock_stepped")
        assert event["by_s"] == pytest.approx(-7200.0, abs=1.0)

    run_stage(tmp_path, before, then=after, set_back_s=7200.0)
