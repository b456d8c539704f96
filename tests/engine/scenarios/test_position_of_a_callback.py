"""A caller who chooses a callback keeps their position, and nobody else's gets worse for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.inbound import Inbound as Route
from config.inbound import Room
from config.queues import Queue
from config.rules import Rule
from config.sections import Route as TrunkRoute
from config.sections import Trunk
from engine.errors import EngineError
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.invariants import Seen
from tests.support.phones.virtual import KEY, SILENT, Step, VirtualCaller

SHOP = "+442079460000"
CALLERS = [f"+44207946100{number}" for number in range(4)]
ANSWERS = (Step(0.5, "answers"),)
ROOM = {"name": "default", "callback_digit": KEY}


class Shop:
    """A shop whose agent is at lunch. `places` has those of each caller, in order."""

    def __init__(self, engine: VirtualEngine) -> None:
        self.engine, self.ask, self.network = engine, engine.ask, engine.world.network
        self.log = Seen()
        engine.daemon.events.listen(self.log.listen)
        self.places: dict[str, list[int]] = {}
        self._calls: dict[str, str] = {}

    async def call(self, user: str) -> VirtualCaller:
        caller = self.engine.sip.call(user, SHOP, SILENT)
        await asyncio.sleep(0.5)
        self._calls[user] = self.log.of("call.incoming")[-1]["call"]
        return caller

    async def watch(self) -> None:
        """Look at every place again and again."""
        while True:
            for user, call in self._calls.items():
                try:
                    place = self.engine.daemon.queues.place(call)
                except EngineError:
                    continue
                seen = self.places.setdefault(user, [])
                if not seen or seen[-1] != place:
                    seen.append(place)
            await asyncio.sleep(0.01)

    async def entries(self) -> list[tuple[str, str]]:
        found = (await self.ask("queue.entries", queue="sales"))["entries"]
        return [(entry["id"], entry["state"]) for entry in found]

    def calls_to(self, user: str) -> int:
        return sum(not call.is_from_it for call in self.network.by_user[user])


def run_shop(tmp_path: Path, script: Callable[[Shop], Awaitable[None]], **sections: Any) -> None:
    async def main(engine: VirtualEngine) -> None:
        shop = Shop(engine)
        watching = asyncio.create_task(shop.watch())
        await engine.ask("agent.pause", agent="alice")
        try:
            await script(shop)
        finally:
            watching.cancel()

    configured: dict[str, Any] = {
        "trunks": [Trunk(name="pbx", uri="sip:127.0.0.1:5071")],
        "routes": [TrunkRoute(prefix="+", trunks=["pbx"])],
        "inbound": [Route(name="shop", queue="sales")],
        "rooms": [Room.model_validate(ROOM)],
        "queues": [Queue(name="sales"), Queue(name="other")],
        "agents": [Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    }
    run_engine(tmp_path, main, conducts={"alice": [ANSWERS]}, **(configured | sections))


def test_no_place_gets_worse_for_one_who_is_called_back(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        callers = [await shop.call(user) for user in CALLERS[:3]]
        callers[0].act("presses")
        await asyncio.sleep(1)  # they hear that they keep their place
        job = shop.log.of("callback.queued")[-1]["job"]
        assert (await shop.entries())[0] == (job, "held")
        assert (await shop.ask("queue.get", queue="sales"))["waiting"] == 2
        await callers[0].over.wait()
        await asyncio.sleep(1)
        assert (await shop.entries())[0] == (job, "waiting")
        assert shop.places == {CALLERS[0]: [1], CALLERS[1]: [2], CALLERS[2]: [3]}
        await shop.ask("callback.cancel", id=job)
        await asyncio.sleep(1)
        assert shop.places[CALLERS[2]] == [3, 2]

    run_shop(tmp_path, script)


def test_who_hangs_up_while_the_callback_is_accepted_has_the_place_too(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        callers = [await shop.call(user) for user in CALLERS[:2]]
        callers[0].act("presses")
        await asyncio.sleep(0.001)
        callers[0].act("hangs_up")
        await asyncio.sleep(2)
        assert shop.places == {CALLERS[0]: [1], CALLERS[1]: [2]}
        assert [state for _id, state in await shop.entries()] == ["waiting", "waiting"]

    run_shop(tmp_path, script)


def test_a_callback_that_joins_another_or_is_for_later_holds_nothing(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        later = time.time() + 3600
        await shop.ask("callback.request", to=CALLERS[0], queue="other", not_before=later)
        callers = [await shop.call(user) for user in CALLERS[:2]]
        await asyncio.sleep(0.1)
        callers[0].act("presses")
        await asyncio.sleep(3)
        assert shop.log.of("call.ended")[-1]["result"] == "callback"
        assert shop.places[CALLERS[1]] == [2, 1]

    run_shop(tmp_path, script)


def test_a_customer_on_hold_who_asks_to_be_called_back_keeps_the_place(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        shop.network.conducts[CALLERS[0]] = [ANSWERS]
        await shop.ask("callback.request", id="j", to=CALLERS[0], queue="sales",
                       order="customer_first")  # fmt: skip
        await asyncio.sleep(2)
        await shop.call(CALLERS[1])
        (await shop.network.call_of(CALLERS[0])).act("presses")
        await asyncio.sleep(1)
        assert (await shop.entries())[0] == ("j", "held")
        await asyncio.sleep(5)
        assert (await shop.entries())[0] == ("j", "waiting")
        assert shop.places[CALLERS[1]] == [2]

    run_shop(tmp_path, script)


@pytest.mark.parametrize("override", [False, True])
def test_the_agent_is_called_first_whatever_a_rule_says(tmp_path: Path, override: bool) -> None:
    async def script(shop: Shop) -> None:
        caller = await shop.call(CALLERS[0])
        caller.act("presses")
        await caller.over.wait()
        await asyncio.sleep(5)
        job = (await shop.ask("callback.list"))["jobs"][0]
        assert (job["order"], job["state"]) == ("agent_first", "queued")
        assert shop.calls_to(CALLERS[0]) == 0

    rule = {"name": "all", "set": {"order": "customer_first"}, "override": override}
    run_shop(tmp_path, script, rules=[Rule.model_validate(rule)])


def test_nobody_is_called_who_is_on_the_line_whatever_the_queue_or_the_number(
    tmp_path: Path,
) -> None:
    """Their callback in another queue, and one that has their number as a further one."""

    async def script(shop: Shop) -> None:
        mobile = CALLERS[1]
        await shop.ask("callback.request", id="a", to=CALLERS[0], agent="alice", join=False)
        await shop.ask("callback.request", id="b", to=CALLERS[2], agent="alice", join=False,
                       numbers=[mobile])  # fmt: skip
        callers = [await shop.call(CALLERS[0]), await shop.call(mobile)]
        await shop.ask("agent.add", agent="bert", uri="sip:bert@127.0.0.1:5080")
        await shop.ask("agent.login", agent="bert")
        await shop.ask("agent.ready", agent="alice")
        await asyncio.sleep(100)
        assert shop.calls_to(CALLERS[0]) == shop.calls_to(CALLERS[2]) == 0
        for job in ("a", "b"):
            assert (await shop.ask("callback.get", id=job))["attempts"] == []
        for caller in callers:
            caller.act("hangs_up")
        await asyncio.sleep(40)
        assert shop.calls_to(CALLERS[0]) + shop.calls_to(CALLERS[2]) > 0

    run_shop(tmp_path, script)


def test_who_holds_the_line_is_not_called_by_another_callback(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        shop.network.conducts[CALLERS[0]] = [ANSWERS]
        await shop.ask("callback.request", id="a", to=CALLERS[0], queue="sales",
                       order="customer_first")  # fmt: skip
        await asyncio.sleep(2)
        await shop.ask("agent.add", agent="bert", uri="sip:bert@127.0.0.1:5080")
        await shop.ask("agent.login", agent="bert")
        await shop.ask("callback.request", id="b", to=CALLERS[0], agent="bert", join=False)
        await asyncio.sleep(100)
        assert shop.calls_to(CALLERS[0]) == 1
        assert shop.calls_to("bert") == 0
        job = await shop.ask("callback.get", id="b")
        assert (job["state"], job["scheduled"]) == ("queued", "the customer is on the line")

    run_shop(tmp_path, script)
