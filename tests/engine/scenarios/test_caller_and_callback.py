"""A customer waits to be called back, and calls again: one customer, with one position."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from config.agents import Agent
from config.inbound import Inbound as Route
from config.inbound import Room
from config.queues import Queue
from config.sections import Route as TrunkRoute
from config.sections import Trunk
from engine.calls.call import ON_THE_LINE_S
from tests.support.engines.watched import WatchedEngine, run_watched_engine
from tests.support.phones.virtual import KEY, SILENT, VirtualCaller
from tests.support.random_plans import SPOKEN

CALLER, OTHER, SHOP = "+442079461111", "+442079462222", "+442079460000"
MAX_LENGTH = 3
ROOM = {"name": "default", "callback_digit": KEY, "texts": {"callback_taken": SPOKEN}}


class Shop(WatchedEngine):
    """A shop with one queue and one agent, who is at lunch."""

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
        job: str = self.seen("call.ended")[-1]["callback"]
        return job

    def calls_to(self, user: str) -> int:
        """How often the phone of `user` was called."""
        return sum(not call.is_from_it for call in self.network.by_user[user])


def run_shop(tmp_path: Path, script: Callable[[Shop], Awaitable[None]]) -> None:
    """Run a script over lunch; then alice is back, and takes the calls that wait."""

    async def over_lunch(shop: Shop) -> None:
        await shop.ask("agent.pause", agent="alice", reason="lunch")
        await script(shop)
        await shop.engine.try_to("agent.ready", agent="alice")
        await asyncio.sleep(10)

    run_watched_engine(
        tmp_path,
        over_lunch,
        as_=Shop,
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
        routes=[TrunkRoute(prefix="+", trunks=["pbx"])],
        inbound=[Route(name="shop", queue="sales")],
        rooms=[Room.model_validate(ROOM)],
        queues=[Queue(name="sales", max_length=MAX_LENGTH)],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    )


def test_a_customer_who_calls_takes_the_position_and_is_not_called_back_after_the_talk(
    tmp_path: Path,
) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        joined_at = shop.seen("call.answered")[0]["joined_at"]
        other = await shop.call(OTHER)
        caller = await shop.call()
        answered = shop.seen("call.answered")[-1]
        assert (answered["joined_at"], answered["regained"]) == (joined_at, True)
        await shop.ask("agent.ready", agent="alice")
        await shop.answered("alice")
        assert shop.seen("call.bridged")[-1]["call"] == answered["call"]
        found = await shop.job(job)
        assert (found["state"], found["result"]) == ("cancelled", "cancelled")
        assert "has called" in found["cause"]
        caller.act("hangs_up")
        other.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    run_shop(tmp_path, script)


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

    run_shop(tmp_path, script)


def test_a_customer_who_calls_as_the_agent_rings_is_not_rung(tmp_path: Path) -> None:
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
        assert shop.seen("call.bridged")
        assert (await shop.job(job))["state"] == "cancelled"
        caller.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    run_shop(tmp_path, script)


def test_a_customer_served_as_an_agent_rings_for_the_callback_is_not_called(
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
        assert shop.seen("call.bridged")
        assert alice.call.hung_up_by == "engine"
        assert (await shop.job(job))["state"] == "cancelled"
        caller.act("hangs_up")
        assert shop.calls_to(CALLER) == 0

    run_shop(tmp_path, script)


def test_a_callback_for_later_stays_when_the_customer_calls(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask(
            "callback.request", to=CALLER, queue="sales", not_before=time.time() + 60
        )
        caller = await shop.call()
        await shop.ask("agent.ready", agent="alice")
        await shop.answered("alice")
        assert shop.seen("call.answered")[-1]["regained"] is False
        caller.act("hangs_up")
        await asyncio.sleep(1)
        assert (await shop.job(job["id"]))["state"] == "queued"
        await shop.answered("alice")
        phone = await shop.answered(CALLER)
        phone.act("hangs_up")
        await asyncio.sleep(1)
        assert (await shop.job(job["id"]))["state"] == "completed"

    run_shop(tmp_path, script)


def test_a_callback_by_key_has_its_place_in_a_queue_that_is_full(tmp_path: Path) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.ask_by_key()
        others = [await shop.call(number) for number in (OTHER, "+442079463333")]
        caller = await shop.call()  # their callback is postponed
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

    run_shop(tmp_path, script)
