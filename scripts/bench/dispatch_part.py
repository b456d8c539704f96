"""How long it takes to decide who is offered to whom, with everybody waiting and everybody at work.

Jobs wait in eight queues for agents of many skills, most of whom serve several; tiers and overflow
widen who may take them. Every call is a real one: agents answer, talk, wrap up, are free for the
next, and for each that is taken another comes. The engine says itself how long its decisions took.
"""

import asyncio
import random
from collections.abc import Iterator

from ringback_client import Client
from scripts.load.driver import LoadPeerProcess

from .callbacks import spread
from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure
from .yardstick import Yardstick

PART = "dispatch"
DECISION_P99_TARGET_MS = 1.0
QUEUES = ("sales", "orders", "returns", "service", "billing", "german", "french", "gold")
LANGUAGES = ("english", "german", "french", "spanish", "italian", "polish")
WRAP_UP_S = 6.0
CLIENTS = 8
IN_FLIGHT = 16
JOINS_PER_S = 60
SEED = 7

QUEUE = """
[[queues]]
name = "{name}"
strategy = "{strategy}"
weight = {weight}
tiers = [
  {{ after_s = 5.0, lower_skills = 2 }},
  {{ after_s = 20.0, lower_skills = 4, queues = ["{helper}"] }},
]
overflow = [{{ after_s = 30.0, raise_priority = 1 }}]
"""
AGENT = """
[[agents]]
name = "agent{number}"
uri = "sip:a{number}.answer-20.mute@{peer}"
queues = {queues}
skills = {{ {skills} }}
"""
STRATEGIES = ("longest_idle", "best_skill", "fewest_calls", "least_talk_time")


def configuration(agents: int, peer: str, rng: random.Random) -> str:
    """Queues, and agents who serve one to four of them in one to three languages."""

    def parts() -> Iterator[str]:
        yield f"\n[agent_defaults]\nwrap_up_s = {WRAP_UP_S}\nmissed_limit = 0\n"
        for number, name in enumerate(QUEUES):
            yield QUEUE.format(
                name=name,
                strategy=STRATEGIES[number % len(STRATEGIES)],
                weight=1 + number % 3,
                helper=QUEUES[(number + 1) % len(QUEUES)],
            )
        for number in range(agents):
            spoken = {"english", *rng.sample(LANGUAGES, rng.randint(0, 2))}
            yield AGENT.format(
                number=number,
                peer=peer,
                queues=str(rng.sample(QUEUES, rng.randint(1, 4))).replace("'", '"'),
                skills=", ".join(f"{one} = {rng.randint(3, 10)}" for one in sorted(spoken)),
            )

    return "".join(parts())


async def run(report: Report, options: Options) -> None:
    """Fill the queues while they are paused, let them go, and read what the engine has measured."""
    rng = random.Random(SEED)
    with LoadPeerProcess() as peer:
        more = configuration(options.dispatch_agents, peer.sip, rng)
        async with EngineProcess(more) as engine:
            clients = [await Client.connect(str(engine.socket)) for _ in range(CLIENTS)]
            try:
                await _measure(report, options, Jobs(clients, peer.sip, rng))
            finally:
                for client in clients:
                    await client.close()


async def _measure(report: Report, options: Options, jobs: "Jobs") -> None:
    client = jobs.clients[0]
    for queue in QUEUES:
        await client.call("queue.pause", queue=queue)
    await jobs.many(options.dispatch_jobs)
    for queue in QUEUES:
        await client.call("queue.resume", queue=queue)
    yardstick = Yardstick()
    count = int(JOINS_PER_S * options.dispatch_s)
    await spread(count, JOINS_PER_S, lambda _index: jobs.one())
    factor = yardstick.factor()
    found = (await client.call("engine.status"))["queues"]
    add = report.figures.append
    note = f"{found['decisions']} offers; {options.dispatch_agents} agents, {len(QUEUES)} queues"
    add(figure(PART, "jobs waiting at the end", "", [found["waiting"]], note=note))
    woken = f"woken work cost {factor:.1f} times its best"
    for name, key in (("p50", "p50_ms"), ("p99", "p99_ms"), ("longest", "most_ms")):
        target = DECISION_P99_TARGET_MS if name == "p99" else None
        add(figure(PART, f"decision, {name}", "ms", [found[key]], target=target, note=woken))
    for name in ("p50", "p99"):
        add(figure(PART, f"processor for a decision, {name}", "ms", [found[f"cpu_{name}_ms"]]))


class Jobs:
    """Asks for callbacks of all queues, in languages as customers speak them."""

    def __init__(self, clients: list[Client], peer: str, rng: random.Random) -> None:
        self.clients = clients
        self._peer = peer
        self._rng = rng
        self._number = 0

    async def many(self, count: int) -> None:
        """So many, as fast as they are answered."""
        places = asyncio.Semaphore(len(self.clients) * IN_FLIGHT)

        async def placed() -> None:
            async with places:
                await self.one()

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(placed())

    async def one(self) -> None:
        """One more. Raises EngineError where it is refused."""
        self._number += 1
        number, rng = self._number, self._rng
        language = rng.choices(LANGUAGES, (60, 12, 10, 8, 6, 4))[0]
        await self.clients[number % len(self.clients)].call(
            "callback.request",
            id=f"dispatch-{number}",
            queue=rng.choice(QUEUES),
            to=f"sip:b{number}.answer-20.bye-50.mute@{self._peer}",
            skills={language: rng.randint(1, 9)},
            priority=rng.choices((0, 1, 5), (90, 8, 2))[0],
        )
