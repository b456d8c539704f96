"""The clock of the agents: wrap-ups end by themselves, and days begin."""

import asyncio
from datetime import timedelta, timezone, tzinfo
from typing import Any

from config.agents import AgentDefaults
from engine.acd.agent_timer import LONGEST_WAIT_S, AgentTimer
from engine.acd.agents import AgentRegistry
from tests.support.floor import agent
from tests.support.virtual_loop import run


class Events:
    """Where the register's events go."""

    def publish(self, type: str, **fields: Any) -> None:
        """Take one."""


async def begin(start: float = 0.0, zone: tzinfo | None = None) -> tuple[AgentRegistry, AgentTimer]:
    loop = asyncio.get_running_loop()

    def now() -> float:
        return start + loop.time()

    configured = [agent("alice", wrap_up_s=7), agent("bert", wrap_up_s=200)]
    agents = AgentRegistry(
        configured, defaults=AgentDefaults(), events=Events(), zone=zone, clock=now
    )
    agents.start()
    clock = AgentTimer(agents, clock=now)
    clock.start()
    return agents, clock


def talk(agents: AgentRegistry, name: str) -> None:
    agents.reserve(name, "job")
    agents.talking(name, "job")
    agents.finished(name, "job")


def test_each_wrap_up_ends_at_its_moment() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        agents, clock = await begin()
        ended: list[tuple[str, float]] = []
        agents.subscribe(on_free=lambda name: ended.append((name, loop.time())))
        talk(agents, "bert")
        await asyncio.sleep(3)
        talk(agents, "alice")
        await asyncio.sleep(300)
        assert ended == [("alice", 10.0), ("bert", 200.0)]
        clock.stop()

    run(main())


def test_a_stopped_clock_ends_nothing() -> None:
    async def main() -> None:
        agents, clock = await begin()
        talk(agents, "alice")
        clock.stop()
        await asyncio.sleep(100)
        assert agents.known("alice").state == "wrap_up"

    run(main())


def test_a_new_day_is_noticed_within_a_minute() -> None:
    async def main() -> None:
        agents, clock = await begin()
        talk(agents, "alice")
        assert agents.known("alice").calls
        await asyncio.sleep(86400 + LONGEST_WAIT_S)
        assert not agents.known("alice").calls
        clock.stop()

    run(main())


def test_a_day_is_that_of_the_place() -> None:
    async def main() -> None:
        agents, clock = await begin(zone=timezone(timedelta(hours=14)))  # its day is over at 10:00
        talk(agents, "alice")
        await asyncio.sleep(10 * 3600 - LONGEST_WAIT_S)
        assert agents.known("alice").calls == 1
        await asyncio.sleep(2 * LONGEST_WAIT_S)
        assert agents.known("alice").calls == 0
        clock.stop()

    run(main())
