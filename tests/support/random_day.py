"""A random day of a call centre, lived through in virtual time with the whole engine.

After the last of the plan comes the calm: every phone answers and every agent is ready, so that
whatever waits must come to its end. A day with kills is lived through by several engines, one after
another, on one disk and among the same phones.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.support.engines.virtual import MIDDAY, VirtualEngine, World, world
from tests.support.phones.virtual import Conduct, Network, Step

from .invariants import Invariants, Seen, check_customers
from .random_plans import (
    DIALLED,
    KEEP_S,
    QUEUES,
    VARIANTS,
    CallbackPlan,
    CallerPlan,
    CommandPlan,
    DayPlan,
    KillPlan,
    number_of,
)
from .timeline import timeline

CALM_LIMIT_S = 3000
# What is left after the last call: reports of legs, wrap-ups.
AFTER_S = 60
CALM: Conduct = (Step(1, "rings"), Step(1, "answers"), Step(5, "hangs_up"))
DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None

Deed = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class DayEnd:
    """What was found in the evening."""

    jobs: dict[str, dict[str, Any]]
    network: Network
    seen: Seen
    moments: int
    reports: dict[str, Any] = field(default_factory=dict)


def live_through(plan: DayPlan) -> DayEnd:
    """Live through a day, and look at every moment of it. Raises AssertionError."""
    with tempfile.TemporaryDirectory(dir=DISK) as name, world(Path(name)) as around:
        around.network.conducts = dict(plan.conducts())
        day = _Day(plan, around)
        try:
            return day.live()
        except BaseException as error:
            error.add_note(day.story())
            raise


class _Day:
    def __init__(self, plan: DayPlan, around: World) -> None:
        self._plan = plan
        self._world = around
        self._settings = plan.settings(around.directory)
        self._engine: VirtualEngine
        self._accepted: dict[str, None] = {}
        self._seen = Seen()
        self._moments = 0
        self._up = asyncio.Event()
        self._kills: list[tuple[float, str]] = []
        todo: list[tuple[float, Deed]] = [
            (one.at_s, partial(self._request, number, one))
            for number, one in enumerate(plan.callbacks)
        ]
        todo += [(one.at_s, partial(self._command, one)) for one in plan.commands]
        todo += [
            (one.calls[0].after_s, partial(self._calls, number, one))
            for number, one in enumerate(plan.callers)
        ]
        self._todo = sorted(todo, key=lambda one: one[0])

    def live(self) -> DayEnd:
        """The whole day: one life after another, the last of them to the evening."""
        for kill in self._plan.kills:
            self._world.run(self._killed(kill))
            self._world.clock.shift(kill.down_ms / 1000)
        return self._world.run(self._last())

    def story(self) -> str:
        """What has happened so far."""
        return timeline(self._seen.events, self._world.network.calls, others=self._kills)

    @property
    def _now_s(self) -> float:
        return time.time() - MIDDAY

    # -- lives ------------------------------------------------------------------------------

    async def _killed(self, kill: KillPlan) -> None:
        """A life that ends in the midst of it, maybe while it begins."""
        self._engine = engine = VirtualEngine(self._world, self._settings)
        self._up = asyncio.Event()
        living = asyncio.create_task(self._live())
        await asyncio.wait([living], timeout=kill.after_ms / 1000)
        if living.done():  # nothing may end it but a failure
            living.result()
        if kill.in_order:
            await self._stopped(engine, living)
            return
        self._kills.append((time.time(), "kill -9"))
        self._world.checks.clear()
        await engine.kill(KEEP_S)

    async def _stopped(self, engine: VirtualEngine, living: "asyncio.Task[None]") -> None:
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait([living, up], return_when=asyncio.FIRST_COMPLETED)
        for task in (living, up):
            task.cancel()
        await asyncio.wait([living, up])
        self._kills.append((time.time(), "SIGTERM"))
        self._world.checks.clear()
        await engine.stop()
        assert not self._world.network.up, "a phone is left in a call"
        assert not engine.media.open_legs, "a port is not given back"

    async def _live(self) -> None:
        await self._start()
        await self._do_all()
        await asyncio.sleep(10_000)

    async def _last(self) -> DayEnd:
        self._engine = engine = VirtualEngine(self._world, self._settings)
        invariants = await self._start()
        idle_tasks = len(asyncio.all_tasks())
        await self._do_all()
        await self._calm()
        self._accepted |= dict.fromkeys(self._seen.asked_by_key())
        jobs = {job: await engine.ask("callback.get", id=job) for job in self._accepted}
        invariants.check_evening(jobs)
        assert len(asyncio.all_tasks()) <= idle_tasks, "a task is left behind"
        self._seen.check(jobs, self._asked_orders())
        self._seen.check_calls(jobs)
        check_customers(jobs, self._world.network)
        end = DayEnd(jobs, self._world.network, self._seen, self._moments + invariants.moments)
        for report in ("job", "queue", "agent", "site"):
            end.reports[report] = await engine.ask(f"report.{report}")
        self._seen.check_reports(jobs, end.reports, self._world.network, kills=len(self._kills))
        self._world.checks.clear()
        await engine.stop()
        return end

    def _asked_orders(self) -> dict[str, str]:
        return {f"c{number}": one.asked["order"] for number, one in enumerate(self._plan.callbacks)}

    async def _start(self) -> Invariants:
        invariants = Invariants(self._engine)
        self._engine.daemon.events.listen(self._seen.listen)
        await self._engine.start()
        self._up.set()
        self._world.checks.append(invariants.check_moment)
        return invariants

    async def _do_all(self) -> None:
        """Everything of the plan that is not done yet."""
        async with asyncio.TaskGroup() as group:
            while self._todo:
                at_s, do = self._todo[0]
                if at_s > self._now_s:
                    await asyncio.sleep(at_s - self._now_s)
                del self._todo[0]
                group.create_task(do())

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
            for job in tuple(engine.daemon.dispatcher.jobs.values()):
                if job.decision is not None or job.state == "poisoned":
                    await engine.try_to("callback.decide", id=job.id, decision="retry")
            await asyncio.sleep(5)
            if not engine.daemon.dispatcher.jobs and not engine.daemon.inbound.active:
                break
        else:
            left = [f"{job.id} {job.state}" for job in engine.daemon.dispatcher.jobs.values()]
            left += [flow.call.id for flow in engine.daemon.inbound._calls]
            raise AssertionError(f"these do not come to an end: {left}")
        await asyncio.sleep(AFTER_S)

    # -- what is done -----------------------------------------------------------------------

    async def _request(self, number: int, one: CallbackPlan) -> None:
        asked = dict(one.asked)
        if "agent" in asked:
            asked["agent"] = f"a{asked['agent'] % len(self._plan.agents)}"
        due_at = MIDDAY + one.at_s
        if one.not_before_s is not None:
            asked["not_before"] = due_at + one.not_before_s
        if one.deadline_s is not None:
            asked["deadline"] = due_at + one.deadline_s
        job_id = f"c{number}"
        try:
            answer = await self._engine.try_to(
                "callback.request", id=job_id, to=f"sip:{job_id}@127.0.0.1:5090",
                context={"site": f"site-{number % 2}"}, **asked,
            )  # fmt: skip
        except asyncio.CancelledError:  # killed before it answered: the client asks again
            self._todo.insert(0, (one.at_s, partial(self._request, number, one)))
            raise
        if answer is not None:
            self._accepted[job_id] = None

    async def _calls(self, number: int, one: CallerPlan, first: int = 0) -> None:
        """Somebody calls, and calls again, unless the phone is just in use."""
        network, user = self._world.network, number_of(number)
        for nth, plan in enumerate(one.calls[first:], first):
            try:
                if nth > first:
                    await asyncio.sleep(plan.after_s)
                if not network.is_up(user):
                    phone = self._engine.sip.call(
                        user, DIALLED[plan.queue], plan.steps, withheld=one.withheld
                    )
                    await phone.over.wait()
            except asyncio.CancelledError:  # the engine was killed: they may call the next one
                if nth + 1 < len(one.calls):
                    again_s = self._now_s + KEEP_S + one.calls[nth + 1].after_s
                    self._todo.append((again_s, partial(self._calls, number, one, nth + 1)))
                    self._todo.sort(key=lambda deed: deed[0])
                raise

    async def _reload(self, variant: int) -> None:
        """The configuration has changed, for this engine and those after it."""
        self._settings = self._plan.settings(self._world.directory, variant)
        reload = self._engine.daemon.reload
        with patch.object(reload, "_load", lambda: self._settings):
            await reload.run(by="a plan")

    async def _command(self, one: CommandPlan) -> None:
        engine = self._engine
        register = engine.daemon.registry
        job = f"c{one.number % len(self._plan.callbacks)}"
        agent = f"a{one.number % len(self._plan.agents)}"
        queue = QUEUES[one.number % 2]
        calls = sorted(flow.call.id for flow in engine.daemon.inbound._calls)
        who = calls[one.number % len(calls)] if calls and one.number % 2 else job
        match one.what:
            case "reload":
                await self._reload(one.number % VARIANTS)
            case "cancel":
                await engine.try_to("callback.cancel", id=job)
            case "hang_up" | "hang_up_leg":
                things = register.calls if one.what == "hang_up" else register.legs
                if things:
                    name = sorted(things)[one.number % len(things)]
                    kind = "call" if one.what == "hang_up" else "leg"
                    await engine.try_to("call.hangup", **{kind: name})
            case "move":
                await engine.try_to("queue.move", id=who, queue=queue)
            case "withdraw":
                await engine.try_to("queue.remove", id=who)
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
            case "machine":
                await engine.try_to("callback.annotate", id=job, outcome="machine")
            case "decide":
                decision = ("retry", "fail")[one.number % 2]
                await engine.try_to("callback.decide", id=job, decision=decision)


def outcomes(end: DayEnd) -> Counter[str]:
    """How the callbacks of a day ended."""
    return Counter(job["state"] for job in end.jobs.values())
