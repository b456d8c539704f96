"""A random day of a call centre in virtual time, and what must hold at each moment of it.

A `DayPlan` is drawn by hypothesis (`day_plans`); `live_through` runs it with the whole engine.
Times are in whole seconds, so that much happens at once: answers cross with cancels, hang-ups with
answers, the end of a wrap-up with an offer. After the last of the plan comes the calm: every phone
answers and every agent is ready, so that whatever waits must come to its end.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from config.agents import Agent as AgentSettings
from config.queues import Overflow, Queue
from config.sections import Dial, Log, Media, Store, Whisper
from config.settings import Settings

from .invariants import Invariants
from .story import story
from .virtual_engine import Engine, World, world
from .virtual_phones import SILENT, Conduct, Network, Step

QUEUES = ("sales", "support")
CALM_LIMIT_S = 3000
# What is left after the last call: reports of legs, wrap-ups.
AFTER_S = 60
CALM: Conduct = (Step(1, "rings"), Step(1, "answers"), Step(5, "hangs_up"))
DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True)
class CallbackPlan:
    """A request at `at_s`; its customer's phone does as `conducts` say, call by call."""

    at_s: int
    asked: dict[str, Any]
    conducts: tuple[Conduct, ...] = ()
    not_before_s: int | None = None
    deadline_s: int | None = None


@dataclass(frozen=True)
class CommandPlan:
    """A command at `at_s`; `number` says whom of all there are it is about."""

    at_s: int
    what: str
    number: int


@dataclass(frozen=True)
class AgentPlan:
    """An agent, and what his phone does, call by call."""

    queues: tuple[str, ...]
    wrap_up_s: int
    missed_limit: int
    conducts: tuple[Conduct, ...]


@dataclass(frozen=True)
class DayPlan:
    """A whole day."""

    agents: tuple[AgentPlan, ...]
    strategy: str
    overflow_s: int | None
    capacity: int
    callbacks: tuple[CallbackPlan, ...]
    commands: tuple[CommandPlan, ...]

    def settings(self, directory: Path) -> Settings:
        """The configuration of the day."""
        overflow = (
            [] if self.overflow_s is None
            else [Overflow(after_s=float(self.overflow_s), queue="support")]
        )  # fmt: skip
        return Settings(
            store=Store(path=directory / "ringback.db"),
            media=Media(recordings=directory / "recordings"),
            whisper=Whisper(cache_dir=directory / "speech"),
            log=Log(level="error"),
            dial=Dial(retry_s=5.0, max_hold_s=120.0),
            agents=[
                AgentSettings(
                    name=f"a{number}",
                    uri=f"sip:a{number}@127.0.0.1:5080",
                    queues=list(agent.queues),
                    wrap_up_s=float(agent.wrap_up_s),
                    missed_limit=agent.missed_limit,
                )
                for number, agent in enumerate(self.agents)
            ],
            queues=[
                Queue.model_validate(
                    {"name": "sales", "strategy": self.strategy, "ring_at_once": 2,
                     "ring_s": 8.0, "again_s": 4.0, "capacity": self.capacity,
                     "overflow": overflow}
                ),
                Queue(name="support", ring_s=8.0, again_s=2.0),
            ],
        )  # fmt: skip

    def conducts(self) -> dict[str, Sequence[Conduct]]:
        """What each phone does."""
        return {
            **{f"a{number}": agent.conducts for number, agent in enumerate(self.agents)},
            **{f"c{number}": one.conducts for number, one in enumerate(self.callbacks)},
        }


# -- drawing one --------------------------------------------------------------------------------

_soon = st.integers(0, 12)
_answers = st.builds(
    lambda rings, answers, talks: (
        Step(rings, "rings"), Step(answers, "answers"), Step(talks, "hangs_up"),
    ),
    _soon, _soon, st.integers(0, 15),
)  # fmt: skip
_holds = st.builds(
    lambda answers, holds: (
        Step(answers, "answers"), Step(holds, "holds"), Step(2, "resumes"), Step(3, "hangs_up"),
    ),
    _soon, _soon,
)  # fmt: skip
_stays = st.builds(lambda rings: (Step(rings, "rings"), Step(1, "answers")), _soon)
_refuses = st.builds(
    lambda rings, after, act: (Step(rings, "rings"), Step(after, act)),
    _soon, _soon, st.sampled_from(["is_busy", "declines", "is_unreachable"]),
)  # fmt: skip
_rings_out = st.builds(lambda rings: (Step(rings, "rings"),), _soon)
conducts = st.one_of(_answers, _answers, _stays, _holds, _refuses, _rings_out, st.just(SILENT))

_asked = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["agent_first", "customer_first"]),
        "ring_s": st.sampled_from([6.0, 15.0]),
        "max_attempts": st.integers(1, 3),
        "max_duration_s": st.just(20.0),
    },
    optional={"priority": st.integers(-1, 1)},
)
_party = st.one_of(
    st.sampled_from([{"queue": queue} for queue in QUEUES]),
    st.integers(0, 2).map(lambda number: {"agent": number}),
)
_callbacks = st.builds(
    lambda at_s, asked, party, phone, not_before_s, deadline_s: CallbackPlan(
        at_s, asked | party, tuple(phone), not_before_s, deadline_s
    ),
    at_s=st.integers(0, 60),
    asked=_asked,
    party=_party,
    phone=st.lists(conducts, max_size=3),
    not_before_s=st.one_of(st.none(), st.none(), st.integers(0, 20)),
    deadline_s=st.one_of(st.none(), st.none(), st.integers(21, 60)),
)
COMMANDS = (
    "cancel", "hang_up", "hang_up_leg", "move", "withdraw", "reschedule", "prioritise",
    "pause", "ready", "log_out", "log_in", "pause_queue", "resume_queue", "media_dies",
)  # fmt: skip
_commands = st.builds(
    CommandPlan, at_s=st.integers(0, 90), what=st.sampled_from(COMMANDS), number=st.integers(0, 7)
)
_agents = st.builds(
    AgentPlan,
    queues=st.sampled_from([QUEUES, QUEUES, ("sales",), ("support",)]),
    wrap_up_s=st.sampled_from([0, 0, 3]),
    missed_limit=st.sampled_from([0, 2]),
    conducts=st.lists(conducts, max_size=4).map(tuple),
)
day_plans = st.builds(
    DayPlan,
    # The first serves every queue, so that nobody waits in vain.
    agents=st.lists(_agents, min_size=1, max_size=3).map(
        lambda agents: (replace(agents[0], queues=QUEUES), *agents[1:])
    ),
    strategy=st.sampled_from(["longest_idle", "ring_several", "ring_several", "round_robin"]),
    overflow_s=st.one_of(st.none(), st.integers(1, 15)),
    capacity=st.sampled_from([0, 0, 1]),
    callbacks=st.lists(_callbacks, min_size=1, max_size=6).map(tuple),
    commands=st.lists(_commands, max_size=8).map(tuple),
)


# -- living through it --------------------------------------------------------------------------


@dataclass
class DayEnd:
    """What was found in the evening."""

    jobs: dict[str, dict[str, Any]]
    network: Network
    invariants: Invariants
    reports: dict[str, Any] = field(default_factory=dict)


def live_through(plan: DayPlan) -> DayEnd:
    """Live through a day, and look at every moment of it. Raises AssertionError."""
    with tempfile.TemporaryDirectory(dir=DISK) as name, world(Path(name)) as around:
        around.network.conducts = dict(plan.conducts())
        day = _Day(plan, around)
        try:
            return around.run(day.run())
        except BaseException as error:
            error.add_note(day.story())
            raise


class _Day:
    def __init__(self, plan: DayPlan, around: World) -> None:
        self._plan = plan
        self._world = around
        self._engine = Engine(around, plan.settings(around.directory))
        self._asked: list[str] = []
        self._invariants: Invariants | None = None

    async def run(self) -> DayEnd:
        engine = self._engine
        await engine.start()
        invariants = self._invariants = Invariants(engine)
        self._world.checks.append(invariants.check_moment)
        idle_tasks = len(asyncio.all_tasks())
        begins = asyncio.get_running_loop().time()
        doing: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (one.at_s, partial(self._request, number, one))
            for number, one in enumerate(self._plan.callbacks)
        ]
        doing += [(one.at_s, partial(self._command, one)) for one in self._plan.commands]
        async with asyncio.TaskGroup() as group:
            for at_s, do in sorted(doing, key=lambda one: one[0]):
                await asyncio.sleep(begins + at_s - asyncio.get_running_loop().time())
                group.create_task(do())
            await asyncio.sleep(0)
            await self._calm()
        jobs = {job: await engine.ask("callback.get", id=job) for job in self._asked}
        invariants.check_evening(jobs)
        assert len(asyncio.all_tasks()) == idle_tasks, "a task is left behind"
        end = DayEnd(jobs, self._world.network, invariants)
        for report in ("job", "queue", "agent", "site"):
            end.reports[report] = await engine.ask(f"report.{report}")
        invariants.check_reports(jobs, end.reports)
        self._world.checks.clear()
        await engine.stop()
        return end

    def story(self) -> str:
        """What has happened so far."""
        events = self._invariants.events if self._invariants is not None else []
        return story(events, self._world.network.calls)

    async def _calm(self) -> None:
        """From now on everybody does what is hoped for."""
        network, engine = self._world.network, self._engine
        network.conducts = {}
        network.default = CALM
        for queue in QUEUES:
            await engine.try_to("queue.resume", queue=queue)
        for _ in range(CALM_LIMIT_S // 5):
            for number in range(len(self._plan.agents)):
                await engine.try_to("agent.login", agent=f"a{number}")
                await engine.try_to("agent.ready", agent=f"a{number}")
            await asyncio.sleep(5)
            if not engine.daemon.dispatcher.jobs:
                break
        else:
            left = {job.id: job.state for job in engine.daemon.dispatcher.jobs.values()}
            raise AssertionError(f"these do not come to an end: {left}")
        await asyncio.sleep(AFTER_S)

    async def _request(self, number: int, one: CallbackPlan) -> None:
        asked = dict(one.asked)
        if "agent" in asked:
            asked["agent"] = f"a{asked['agent'] % len(self._plan.agents)}"
        now = time.time()
        if one.not_before_s is not None:
            asked["not_before"] = now + one.not_before_s
        if one.deadline_s is not None:
            asked["deadline"] = now + one.deadline_s
        job_id = f"c{number}"
        site = f"site-{number % 2}"
        answer = await self._engine.try_to(
            "callback.request", id=job_id, to=f"sip:{job_id}@127.0.0.1:5090",
            context={"site": site}, **asked,
        )  # fmt: skip
        if answer is not None:
            self._asked.append(job_id)

    async def _command(self, one: CommandPlan) -> None:
        engine = self._engine
        register = engine.daemon.register
        job = f"c{one.number % len(self._plan.callbacks)}"
        agent = f"a{one.number % len(self._plan.agents)}"
        queue = QUEUES[one.number % 2]
        match one.what:
            case "cancel":
                await engine.try_to("callback.cancel", id=job)
            case "hang_up" | "hang_up_leg":
                things = register.calls if one.what == "hang_up" else register.legs
                if things:
                    name = sorted(things)[one.number % len(things)]
                    kind = "call" if one.what == "hang_up" else "leg"
                    await engine.try_to("call.hangup", **{kind: name})
            case "move":
                await engine.try_to("queue.move", id=job, queue=queue)
            case "withdraw":
                await engine.try_to("queue.remove", id=job)
            case "reschedule":
                await engine.try_to("callback.reschedule", id=job, not_before=time.time() + 10)
            case "prioritise":
                await engine.try_to("callback.reprioritise", id=job, priority=one.number)
            case "pause":
                await engine.try_to("agent.pause", agent=agent, reason="tea")
            case "ready":
                await engine.try_to("agent.ready", agent=agent)
            case "log_out":
                await engine.try_to("agent.logout", agent=agent)
            case "log_in":
                await engine.try_to("agent.login", agent=agent)
            case "pause_queue" | "resume_queue":
                await engine.try_to(f"queue.{one.what.removesuffix('_queue')}", queue=queue)
            case "media_dies":
                engine.media.die()


def outcomes(end: DayEnd) -> Counter[str]:
    """How the callbacks of a day ended."""
    return Counter(job["state"] for job in end.jobs.values())
