"""A busy day: callbacks by the hundred, while the engine is killed again and again.

Operators and customers are SIPp; each customer has a number of his own, so that what his phone saw
tells of one job. What the engine says of the day is then held against what the phones saw.
"""

import asyncio
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .control_line import ControlLine
from .engine_process import EngineProcess
from .sipp import Sipp, TracedMessage

QUEUE = "sales"
TERMINAL = {"completed", "failed", "cancelled", "expired"}
# Longer than a phone of the day keeps a call whose engine is dead.
CRASH_PAUSE_S = 4.0
_CALL_ID = re.compile(r"^Call-ID: *(\S+)", re.MULTILINE | re.IGNORECASE)
_USER = re.compile(r"^INVITE sip:([^@]+)@")


@dataclass(frozen=True, slots=True)
class Plan:
    """How busy the day is."""

    callbacks: int
    kills: int
    operators: int = 12
    per_s: float = 20.0
    seed: int = 1


@dataclass(slots=True)
class PhoneCall:
    """One call as a phone saw it, from the INVITE to its last message. Times are Unix seconds."""

    user: str
    began: float
    ended: float
    answered: bool = False
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
    operators: dict[str, list[PhoneCall]]
    events: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    kills: list[float]
    reports: dict[str, Any] = field(default_factory=dict)


async def live_through(directory: Path, plan: Plan) -> Day:
    """Run the day to its end. Raises AssertionError when it does not end."""
    calls = 100 * plan.callbacks
    operators = await Sipp.start("busy_operator", directory, calls=calls, timeout_s=3600)
    customers = await Sipp.start("busy_customer", directory, calls=calls, timeout_s=3600)
    engine = EngineProcess(
        directory,
        dial={"on_crash": "retry", "crash_pause_s": CRASH_PAUSE_S, "retry_s": 0.2, "ring_s": 10.0},
        queues=[{"name": QUEUE}],
        agents=[
            {"name": f"a{number}", "uri": f"sip:a{number}@127.0.0.1:{operators.port}",
             "queues": [QUEUE], "missed_limit": 0}
            for number in range(plan.operators)
        ],
    )  # fmt: skip
    listener = Listener(engine.socket)
    try:
        await asyncio.to_thread(engine.start)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listener.run())
            killing = group.create_task(_kill(engine, plan))
            requesting = group.create_task(_request(engine.socket, plan, customers.port))
            await asyncio.wait([killing, requesting])
            jobs = await _all_ended(engine.socket, requesting.result())
            reports = await _reports(engine.socket)
            await asyncio.sleep(0.5)
            listening.cancel()
        engine.stop()
    finally:
        engine.clear_away()
        await operators.stop()
        await customers.stop()
    return Day(
        jobs=jobs,
        customers=_calls(customers.messages()),
        operators=_calls(operators.messages()),
        events=listener.events,
        gaps=listener.gaps,
        kills=killing.result(),
        reports=reports,
    )


async def _kill(engine: EngineProcess, plan: Plan) -> list[float]:
    chance = random.Random(plan.seed)
    killed: list[float] = []
    for _ in range(plan.kills):
        await asyncio.sleep(chance.uniform(0.02, 1.5))
        killed.append(time.time())
        engine.kill()
        await asyncio.to_thread(engine.start)
    return killed


async def _request(socket: Path, plan: Plan, port: int) -> list[str]:
    ids: list[str] = []
    for number in range(plan.callbacks):
        job = f"c{number}"
        await _ask(
            socket, "callback.request",
            id=job, to=f"sip:{job}@127.0.0.1:{port}", queue=QUEUE, max_attempts=100,
            context={"site": f"site-{number % 3}"},
        )  # fmt: skip
        ids.append(job)
        await asyncio.sleep(1 / plan.per_s)
    return ids


async def _all_ended(socket: Path, ids: Iterable[str], patience_s: float = 120.0) -> dict[str, Any]:
    jobs: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + patience_s
    open_ids = list(ids)
    while open_ids:
        for job_id in open_ids:
            jobs[job_id] = await _ask(socket, "callback.get", id=job_id)
        open_ids = [job_id for job_id in open_ids if jobs[job_id]["state"] not in TERMINAL]
        left = {job_id: (jobs[job_id]["state"], jobs[job_id]["cause"]) for job_id in open_ids[:5]}
        assert time.monotonic() < deadline, f"{len(open_ids)} jobs do not end, such as {left}"
        await asyncio.sleep(0.5)
    return jobs


async def _reports(socket: Path) -> dict[str, Any]:
    return {"queue": await _ask(socket, "report.queue"), "site": await _ask(socket, "report.site")}


async def _ask(socket: Path, method: str, patience_s: float = 60.0, **params: Any) -> Any:
    """Ask until it is answered, as a client does whose engine may die before it has."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            line = await ControlLine.open(socket)
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
            since = {} if last is None else {"since": last["seq"], "epoch": last["epoch"]}
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
        call.ended = message.time
        first_line = message.text.split("\n", 1)[0]
        if not message.received and first_line.startswith("SIP/2.0 200"):
            call.answered = True
        call.acknowledged |= message.received and message.what == "ACK"
        call.hung_up |= message.what == "BYE"
    of_user: dict[str, list[PhoneCall]] = defaultdict(list)
    for call in calls.values():
        of_user[call.user].append(call)
    return of_user
