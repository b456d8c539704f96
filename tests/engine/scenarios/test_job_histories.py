"""Random histories of jobs, agents and phones: nobody lost, nobody called or ended twice."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from config.queues import Overflow, Queue
from config.retry import RetryCause
from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.errors import EngineError
from engine.job import Job, Request, RetryRule
from tests.support.examples import at_most
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff

AGENTS = ("alice", "bert", "cleo")
QUEUES = (
    Queue(name="sales", agents=["alice", "bert"], ring_s=15.0, again_s=5.0),
    Queue(name="support", agents=["bert", "cleo"], strategy="ring_several", ring_at_once=2),
    Queue(
        name="busy",
        agents=["cleo"],
        max_length=2,
        max_wait_s=120.0,
        overflow=[Overflow(after_s=60.0, number="sip:partner@127.0.0.1:5099")],
    ),
)
RETRIES: tuple[dict[RetryCause, RetryRule], ...] = (
    {},
    {"busy": RetryRule(attempts=2, spacing_s=(40.0,))},
)
ENDS = {"callback.completed", "callback.failed", "callback.cancelled", "callback.expired"}


class Day:
    """Everything random of one history, from one seed."""

    def __init__(
        self, stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry, seed: int
    ) -> None:
        self.stage, self.dispatcher, self.agents = stage, dispatcher, agents
        self.random = random.Random(seed)
        self.jobs: list[Job] = []
        self.up: dict[str, list[ScriptedPhone]] = {}
        self.people: set[asyncio.Task[None]] = set()

    async def answer_phones(self) -> None:
        """Everybody who is called does something or other."""
        while True:
            phone = await self.stage.sip.phones.get()
            self.people.add(asyncio.ensure_future(self.person(phone)))

    async def person(self, phone: ScriptedPhone) -> None:
        name = phone.invitation.target.partition(":")[2].partition("@")[0]
        calls = self.up.setdefault(name, [])
        if name in AGENTS:
            assert all(other.is_hung_up for other in calls), f"{name} has two calls"
        calls.append(phone)
        await asyncio.sleep(self.random.choice((0.0, 0.5, 5.0)))
        if not phone.is_hung_up:
            match self.random.randrange(5):
                case 0:
                    phone.refuses(self.random.choice((486, 480, 404, 603, 503)))
                case 1:
                    phone.rings()
                    await phone.hung_up.wait()
                case _:
                    phone.answers()
                    await self.talk(phone)
        calls.remove(phone)

    async def talk(self, phone: ScriptedPhone) -> None:
        try:
            async with asyncio.timeout(self.random.choice((0.0, 1.0, 20.0, 90.0))):
                await phone.hung_up.wait()
        except TimeoutError:
            if not phone.is_hung_up:
                phone.hangs_up()

    def request(self) -> Job:
        pick = self.random
        now = asyncio.get_running_loop().time()
        who: dict[str, Any] = pick.choice(
            [{"queue": queue.name} for queue in QUEUES]
            + [{"agent": name} for name in AGENTS]
            + [{"agent": "sip:desk@127.0.0.1:5088"}]
        )
        job = Job(
            id=f"job-{len(self.jobs)}",
            request=Request(
                to=f"sip:customer{len(self.jobs)}@127.0.0.1",
                order=pick.choice(("agent_first", "agent_first", "customer_first")),
                priority=pick.choice((0, 0, 5)),
                not_before=pick.choice((None, None, now + 30)),
                deadline=pick.choice((None, None, now + 100)),
                max_attempts=pick.choice((1, 3)),
                ring_s=20.0,
                retry=pick.choice(RETRIES),
                numbers=pick.choice(([], ["sip:other@127.0.0.1"])),
                **who,
            ),
            created=now,
        )
        self.jobs.append(job)
        self.dispatcher.submit(job)
        return job

    async def interfere(self) -> None:
        """Somebody cancels, changes or pauses something."""
        pick = self.random
        name = pick.choice(AGENTS)
        job = pick.choice(self.jobs)
        match pick.randrange(7):
            case 0:
                self.agents.pause(name, "lunch")
            case 1 | 2:
                self.agents.ready(name)
            case 3 if not job.is_terminal:
                try:
                    await self.dispatcher.cancel(job)
                except EngineError as error:
                    assert error.kind == "state"
            case 4 | 5 if not job.is_terminal:
                changes: dict[str, float] = {"priority": pick.randrange(10)}
                if job.state == "queued" and not self.dispatcher.is_running(job):
                    changes["not_before"] = asyncio.get_running_loop().time() + pick.choice((0, 20))
                asked = {name: getattr(job.request, name) for name in Request.__struct_fields__}
                job.request = Request(**asked | changes)
                self.dispatcher.changed(job)

    async def live(self, steps: int) -> None:
        phones = asyncio.ensure_future(self.answer_phones())
        try:
            for _ in range(steps):
                self.request()
                if self.random.random() < 0.6:
                    await self.interfere()
                await asyncio.sleep(self.random.choice((0.0, 0.1, 3.0, 25.0)))
            for name in AGENTS:
                self.agents.ready(name)
            for job in self.jobs:
                await self.stage.ended(job, within_s=20_000.0)
            await asyncio.sleep(200)
        finally:
            phones.cancel()
        for person in self.people:
            assert person.done()
            person.result()

    def judge(self) -> None:
        ends: Counter[str] = Counter()
        for event in self.stage.services.events.after(0):
            if event.type in ENDS:
                ends[event.line.split(b'"job":"')[1].split(b'"')[0].decode()] += 1
        states = {job.id: job.state for job in self.jobs if not job.is_terminal}
        assert states == {}, "not ended"
        assert ends == Counter({job.id: 1 for job in self.jobs}), "ended once, each"
        assert not self.dispatcher.jobs
        assert self.dispatcher.active == 0
        for job in self.jobs:
            called = [
                one for one in job.attempts if any(leg.role == "customer" for leg in one.legs)
            ]
            assert len(called) <= job.request.max_attempts, "called more often than asked for"
            assert all(attempt.result is not None for attempt in job.attempts)


@pytest.mark.parametrize("max_calls", [2, 100])
@given(seed=st.integers(0, 2**32))
@example(seed=2246898)
@at_most(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_each_job_ends_once_and_nobody_has_two_calls(
    tmp_path: Path, max_calls: int, seed: int
) -> None:
    async def script(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        day = Day(stage, dispatcher, agents, seed)
        await day.live(15)
        day.judge()

    run_with_staff(
        tmp_path,
        script,
        *AGENTS,
        queues=QUEUES,
        staffing={"defaults": {"wrap_up_s": 4.0}},
        max_calls=max_calls,
        max_wait_s=2000.0,
        retry_s=3.0,
    )
