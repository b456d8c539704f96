"""A busy day: callbacks by the hundred, while the engine is killed again and again.

Agents and customers are SIPp; each customer has a number of their own, so that what the phone saw
is about one job. What the engine says of the day is then held against what the phones saw.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.engines.process import EngineProcess
from tests.support.phones.real.sipp import Sipp, TracedMessage

from .control_line import ControlLine
from .timeline import timeline

QUEUE = "sales"
TERMINAL = {"completed", "failed", "cancelled", "expired"}
# Longer than a phone of the day keeps a call whose engine is dead.
CRASH_PAUSE_S = 4.0
_CALL_ID = re.compile(r"^Call-ID: *(\S+)", re.MULTILINE | re.IGNORECASE)
_USER = re.compile(r"^INVITE sip:([^@]+)@")


@dataclass(frozen=True, slots=True)
class Plan:
    """How busy the day is. Requests come in bursts, spread over all kills.

    Of `kills`, the share `starting` hits an engine that is still starting; after the share
    `worker` of the others the media worker is killed first.
    """

    callbacks: int
    kills: int
    agent_sides: int = 12
    starting: float = 0.25
    worker: float = 0.1
    seed: int = 1


TIMER_H_S = 32.0
"""How long a phone waits for the ACK of its answer (RFC 3261 section 17.2.1)."""


@dataclass(slots=True)
class PhoneCall:
    """One call as a phone saw it, from the INVITE to its BYE, or its last message if it saw none.

    A phone whose engine is dead repeats its BYE; its user has hung up at the first one. One whose
    answer nobody acknowledges ends the call by itself (RFC 3261 section 13.3.1.4); SIPp does not.
    Times are Unix seconds.
    """

    user: str
    began: float
    ended: float
    answered: float | None = None
    acknowledged: bool = False
    hung_up: bool = False

    @property
    def whole(self) -> bool:
        """Whether it was answered, and ended by a BYE that was answered."""
        return self.acknowledged and self.hung_up


@dataclass(slots=True)
class Day:
    """What came of it."""

    jobs: dict[str, dict[str, Any]]
    customers: dict[str, list[PhoneCall]]
    agent_sides: dict[str, list[PhoneCall]]
    events: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    kills: list[float]
    starts_s: list[float] = field(default_factory=list)
    reports: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0

    def story(self, user: str) -> str:
        """All that happened to one job, or to one agent, as a person can follow it."""
        calls = [*self.customers.get(user, []), *self.agent_sides.get(user, [])]
        if user in self.agent_sides:
            own = {call.user for call in calls}
            events = [event for event in self.events if event.get("agent") in own]
            return timeline(events, calls, others=self._kills_between(calls))
        return timeline(self.events, calls, about=user, others=self._kills_between(calls))

    def _kills_between(self, calls: list[PhoneCall]) -> list[tuple[float, str]]:
        first = min((call.began for call in calls), default=0.0)
        last = max((call.ended for call in calls), default=0.0)
        return [(at, "kill -9") for at in self.kills if first - 1 <= at <= last + 10]


async def live_through(directory: Path, plan: Plan) -> Day:
    """Run the day to its end. Raises AssertionError when it does not end."""
    began = time.monotonic()
    calls = 100 * plan.callbacks
    agent_sides = await Sipp.start("busy_operator", directory, calls=calls, timeout_s=3600)
    customers = await Sipp.start("busy_customer", directory, calls=calls, timeout_s=3600)
    engine = EngineProcess(
        directory,
        dial={"on_crash": "retry", "crash_pause_s": CRASH_PAUSE_S, "retry_s": 0.2, "ring_s": 10.0},
        queues=[{"name": QUEUE}],
        agents=[
            {"name": f"a{number}", "uri": f"sip:a{number}@127.0.0.1:{agent_sides.port}",
             "queues": [QUEUE], "missed_limit": 0}
            for number in range(plan.agent_sides)
        ],
    )  # fmt: skip
    listener = Listener(engine.socket)
    killer = Killer(engine, plan)
    client = Client(engine.socket, plan, customers.port, killer)
    try:
        await asyncio.to_thread(engine.start)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listener.run())
            working = [group.create_task(killer.run()), group.create_task(client.run())]
            await asyncio.gather(*working)
            jobs = await client.all_ended()
            reports = await client.reports()
            await asyncio.sleep(0.5)
            listening.cancel()
        await asyncio.to_thread(engine.stop)
    finally:
        engine.clear_away()
        await agent_sides.stop()
        await customers.stop()
    return Day(
        jobs=jobs,
        customers=_calls(customers.messages()),
        agent_sides=_calls(agent_sides.messages()),
        events=listener.events,
        gaps=listener.gaps,
        kills=killer.kills,
        starts_s=killer.starts_s,
        reports=reports,
        took_s=time.monotonic() - began,
    )


class Killer:
    """kill -9 at random moments, of an engine that runs or is just starting."""

    def __init__(self, engine: EngineProcess, plan: Plan) -> None:
        self._engine = engine
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self.kills: list[float] = []
        self.starts_s: list[float] = []
        self._moved = asyncio.Condition()

    @property
    def progress(self) -> float:
        """How much of the day is over, from 0 to 1."""
        return len(self.kills) / self._plan.kills if self._plan.kills else 1.0

    async def has_come_to(self, progress: float) -> None:
        """Wait until this share of the day is over."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.progress >= progress)

    async def run(self) -> None:
        """Kill as often as planned; the last engine lives on."""
        chance, plan = self._chance, self._plan
        while len(self.kills) < plan.kills:
            await asyncio.sleep(chance.uniform(0.02, 1.5))
            if chance.random() < plan.worker:
                for pid in await asyncio.to_thread(self._engine.worker_pids):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(chance.uniform(0.0, 0.5))
            await self._kill()
            while len(self.kills) < plan.kills and chance.random() < plan.starting:
                self._engine.launch()
                await asyncio.sleep(chance.uniform(0.0, 1.2 * self._start_s))
                await self._kill()
            started = time.monotonic()
            await asyncio.to_thread(self._engine.start)
            self.starts_s.append(time.monotonic() - started)

    @property
    def _start_s(self) -> float:
        return self.starts_s[-1] if self.starts_s else 1.0

    async def _kill(self) -> None:
        self.kills.append(time.time())
        self._engine.kill()
        async with self._moved:
            self._moved.notify_all()


class Client:
    """A site's back end: asks for callbacks, and asks again whenever it is not answered.

    What was answered once is known for good: asked again, the engine says `replayed`.
    """

    def __init__(self, socket: Path, plan: Plan, port: int, killer: Killer) -> None:
        self._socket = socket
        self._plan = plan
        self._port = port
        self._killer = killer
        self._chance = random.Random(plan.seed + 1)
        self._accepted: list[str] = []

    async def run(self) -> None:
        """Ask for every callback of the day, and now and then for an old one again."""
        while len(self._accepted) < self._plan.callbacks:
            left = self._plan.callbacks - len(self._accepted)
            for _ in range(min(left, self._chance.randint(1, 8))):
                job = f"c{len(self._accepted)}"
                await self._request(job)
                self._accepted.append(job)
            again = self._chance.choice(self._accepted)
            answer = await self._request(again)
            assert answer["replayed"], f"{again} was accepted, and is forgotten"
            # Some of the day is left when the last has come: the engine dies among talks too.
            await self._killer.has_come_to(0.9 * len(self._accepted) / self._plan.callbacks)

    async def _request(self, job: str) -> dict[str, Any]:
        number = int(job.removeprefix("c"))
        answer: dict[str, Any] = await self._ask(
            "callback.request",
            id=job, to=f"sip:{job}@127.0.0.1:{self._port}", queue=QUEUE, max_attempts=100,
            order="customer_first" if number % 5 == 4 else "agent_first",
            context={"site": f"site-{number % 3}"},
        )  # fmt: skip
        return answer

    async def all_ended(self, patience_s: float = 120.0) -> dict[str, dict[str, Any]]:
        """Every job, once the last has ended. Raises AssertionError when one does not."""
        jobs: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + patience_s
        left = list(self._accepted)
        while left:
            for job in left:
                jobs[job] = await self._ask("callback.get", id=job)
            left = [job for job in left if jobs[job]["state"] not in TERMINAL]
            for job in left:
                if jobs[job]["state"] == "poisoned":  # the kills were not its doing
                    await self._ask("callback.decide", id=job, decision="retry")
            seen = {job: (jobs[job]["state"], jobs[job]["cause"]) for job in left[:5]}
            assert time.monotonic() < deadline, f"{len(left)} jobs do not end, such as {seen}"
            await asyncio.sleep(0.5)
        return jobs

    async def reports(self) -> dict[str, Any]:
        """What the engine says of the day."""
        names = ("queue", "site", "job", "agent")
        return {name: await self._ask(f"report.{name}") for name in names}

    async def _ask(self, method: str, patience_s: float = 60.0, **params: Any) -> Any:
        """Ask until it is answered, as a client does whose engine may die before it has."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                line = await ControlLine.open(self._socket)
                try:
                    return await line.call(method, **params)
                finally:
                    await line.close()
            except (OSError, EOFError, ConnectionError, TimeoutError):
                assert time.monotonic() < deadline, f"{method} is not answered"
                await asyncio.sleep(0.05)


class Listener:
    """Reads every event, and after each kill goes on where it was."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.events: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, EOFError, ConnectionError, TimeoutError):
                await asyncio.sleep(0.02)

    async def _listen(self) -> None:
        line = await ControlLine.open(self._socket)
        try:
            last = self.events[-1] if self.events else None
            since = {"since": 0} if last is None else {"since": last["seq"], "epoch": last["epoch"]}
            answer = await line.call("events.subscribe", **since)
            if "gap" in answer:
                self.gaps.append(answer["gap"])
            seen = 0
            while line.is_open:
                fresh = line.events.items[seen:]
                seen += len(fresh)
                self.events += fresh
                await asyncio.sleep(0.005)
            self.events += line.events.items[seen:]
        finally:
            await line.close()


def _calls(messages: list[TracedMessage]) -> dict[str, list[PhoneCall]]:
    """The calls of each user, in the order in which they began."""
    calls: dict[str, PhoneCall] = {}
    for message in messages:
        found = _CALL_ID.search(message.text)
        if found is None:
            continue
        call_id = found.group(1)
        call = calls.get(call_id)
        if call is None:
            invited = _USER.match(message.text)
            if message.received and invited is not None:
                calls[call_id] = PhoneCall(invited.group(1), message.time, message.time)
            continue
        if not call.hung_up:
            call.ended = message.time
        first_line = message.text.split("\n", 1)[0]
        if not message.received and first_line.startswith("SIP/2.0 200"):
            call.answered = call.answered or message.time
        call.acknowledged |= message.received and message.what == "ACK"
        call.hung_up |= message.what == "BYE"
    of_user: dict[str, list[PhoneCall]] = defaultdict(list)
    for call in calls.values():
        if call.answered is not None and not call.acknowledged:
            call.ended = min(call.ended, call.answered + TIMER_H_S)
        of_user[call.user].append(call)
    return of_user
