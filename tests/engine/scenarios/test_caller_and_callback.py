"""Somebody waits to be called back, and calls again: he is one customer, with one place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from config.agents import Agent
from config.inbound import Inbound as Route
from config.inbound import Room
from config.queues import Queue
from config.sections import Route as TrunkRoute
from config.sections import Trunk
from engine.calls.call import ON_THE_LINE_S
from tests.support.engines.virtual import VirtualEngine, settings_in, world
from tests.support.invariants import Invariants, Told
from tests.support.phones.virtual import KEY, SILENT, Network, VirtualCaller, VirtualPhone
from tests.support.random_plans import SPOKEN

CALLER, OTHER, SHOP = "+442079461111", "+442079462222", "+442079460000"
MAX_LENGTH = 3
ROOM = {"name": "default", "callback_digit": KEY, "texts": {"callback_taken": SPOKEN}}


class Shop:
    """A shop with one queue and one operator, who is at lunch."""

    def __init__(self, engine: VirtualEngine, network: Network, told: Told) -> None:
        self.engine, self.network, self.told = engine, network, told.of
        self.ask = engine.ask

    async def call(self, user: str = CALLER) -> VirtualCaller:
        """Somebody calls, and waits."""
        caller = self.engine.sip.call(user, SHOP, SILENT)
        await asyncio.sleep(1)
        return caller

    async def ask_by_key(self) -> str:
        """The caller asks to be called back, and is hung up."""
        caller = await self.call()
        await asyncio.sleep(5)
        caller.act("presses")
        await caller.over.wait()
        await asyncio.sleep(1)
        job: str = self.told("call.ended")[-1]["callback"]
        return job

    async def job(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("callback.get", id=job)
        return found

    async def answered(self, user: str) -> VirtualPhone:
        """`user` answers as soon as he is called."""
        phone = await self.network.call_of(user)
        phone.act("answers")
        await asyncio.sleep(1)
        return phone

    def calls_to(self, user: str) -> int:
        """How often his phone was called."""
        return sum(not call.is_from_it for call in self.network.by_user[user])


def play(tmp_path: Path, script: Callable[[Shop], Awaitable[None]]) -> None:
    async def main() -> None:
        engine = VirtualEngine(around, settings)
        await engine.start()
        told, invariants = Told(), Invariants(engine)
        engine.daemon.events.listen(told.listen)
        around.checks.append(invariants.check_moment)
        await engine.ask("agent.pause", agent="alice", reason="lunch")
        await script(Shop(engine, around.network, told))
        await engine.try_to("agent.ready", agent="alice")
        await asyncio.sleep(10)
        jobs = {job["id"]: job for job in (await engine.ask("callback.list"))["jobs"]}
        invariants.check_evening(jobs)
        told.check(jobs)
        told.check_calls(jobs)
        around.checks.clear()
        await engine.stop()

    with world(tmp_path) as around:
        around.network.default = SILENT
        settings = settings_in(
            tmp_path,
            trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
            routes=[TrunkRoute(prefix="+", trunks=["pbx"])],
            inbound=[Route(name="shop", queue="sales")],
            rooms=[Room.model_validate(ROOM)],
            queues=[Queue(name="sales", max_length=MAX_LENGTH)],
            agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
        )
        around.run(main())


def test_who_calls_again_has_his_place_and_is_not_called_back_after_the_talk(
    tmp_path: Path,
) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        joined_at = shop.told("call.answered")[0]["joined_at"]
        other = await shop.call(OTHER)
        caller = await shop.call()
        answered = shop.told("call.answered")[-1]
        assert (answered["joined_at"], answered["regained"]) == (joined_at, True)
        await shop.ask("agent.ready", agent="alice")
        await shop.answered("alice")
        assert shop.told("call.bridged")[-1]["call"] == answered["call"]
        found = await shop.job(job)
        assert (found["state"], found["result"]) == ("cancelled", "cancelled")
        assert "has called" in found["cause"]
        caller.act("hangs_up")
        other.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    play(tmp_path, script)


def test_who_gives_up_again_is_called_back(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        caller = await shop.call()
        await asyncio.sleep(2 * ON_THE_LINE_S)
        caller.act("hangs_up")
        await shop.ask("agent.ready", agent="alice")
        alice = await shop.answered("alice")
        await shop.answered(CALLER)
        alice.act("hangs_up")
        await asyncio.sleep(1)
        assert (await shop.job(job))["state"] == "completed"

    play(tmp_path, script)


def test_who_calls_as_the_operator_is_rung_for_him_is_not_rung(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        await shop.ask("agent.ready", agent="alice")
        alice = await shop.network.call_of("alice")
        caller = await shop.call()
        alice.act("answers")
        await asyncio.sleep(0.1)
        assert alice.call.hung_up_by == "engine"
        found = await shop.job(job)
        assert found["state"] == "queued" and found["next_attempt_at"] > time.time()
        alice = await shop.answered("alice")  # for the caller
        assert shop.told("call.bridged")
        assert (await shop.job(job))["state"] == "cancelled"
        caller.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    play(tmp_path, script)


def test_who_is_served_as_an_operator_is_rung_for_his_callback_is_not_called(
    tmp_path: Path,
) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        await shop.ask("agent.ready", agent="alice")
        alice = await shop.network.call_of("alice")  # for the callback
        caller = await shop.call()
        await shop.ask("agent.add", agent="bert", uri="sip:bert@127.0.0.1:5080", queues=["sales"])
        await shop.ask("agent.login", agent="bert")
        await shop.answered("bert")
        assert shop.told("call.bridged")
        assert alice.call.hung_up_by == "engine"
        assert (await shop.job(job))["state"] == "cancelled"
        caller.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    play(tmp_path, script)


def test_a_callback_that_is_for_later_stays_when_he_calls(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask(
            "callback.request", to=CALLER, queue="sales", not_before=time.time() + 60
        )
        caller = await shop.call()
        await shop.ask("agent.ready", agent="alice")
        await shop.answered("alice")
        assert shop.told("call.answered")[-1]["regained"] is False
        caller.act("hangs_up")
        await asyncio.sleep(1)
        assert (await shop.job(job["id"]))["state"] == "queued"
        await shop.answered("alice")
        phone = await shop.answered(CALLER)
        phone.act("hangs_up")
        await asyncio.sleep(1)
        assert (await shop.job(job["id"]))["state"] == "completed"

    play(tmp_path, script)


def test_a_callback_by_key_has_its_place_in_a_queue_that_is_full(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        others = [await shop.call(number) for number in (OTHER, "+442079463333")]
        caller = await shop.call()  # his callback is put off
        caller.act("hangs_up")
        await asyncio.sleep(1)
        others.append(await shop.call("+442079465555"))
        await asyncio.sleep(ON_THE_LINE_S)
        found = await shop.ask("queue.entries", queue="sales")
        assert found["entries"][0]["id"] == job
        assert len(found["entries"]) == MAX_LENGTH + 1
        await shop.ask("callback.cancel", id=job)
        for other in others:
            other.act("hangs_up")

    play(tmp_path, script)
