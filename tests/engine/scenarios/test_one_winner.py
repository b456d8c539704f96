"""Things that happen in the same instant have one winner, and leave nobody on the line.

The whole engine in virtual time: what is done between two awaits is one instant, in the order in
which it is written. Each test looks at the end for legs, ports, agents and tasks that stayed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from config.agents import Agent
from config.queues import Queue
from tests.support.engines.watched import WatchedEngine, run_watched_engine
from tests.support.phones.virtual import VirtualPhone

Order = Literal["agent_first", "customer_first"]
both_orders = pytest.mark.parametrize("order", ["agent_first", "customer_first"])
CUSTOMER = "carol"


class Shop(WatchedEngine):
    """A shop with one queue."""

    async def request(self, order: Order, **more: Any) -> str:
        """A callback for the customer, by an agent of the queue who is free."""
        asked = {"to": f"sip:{CUSTOMER}@127.0.0.1:5090", "queue": "sales", "order": order} | more
        job: str = (await self.ask("callback.request", **asked))["id"]
        return job

    async def totals(self, report: str) -> dict[str, Any]:
        total: dict[str, Any] = (await self.ask(f"report.{report}"))["total"]
        return total

    async def over(self, *jobs: str) -> None:
        """Wait until these have ended and everything of them is done."""
        await self.ended(*jobs)
        await asyncio.sleep(6)
        assert not self.engine.daemon.dispatcher.active

    async def waiting(self, phone: VirtualPhone) -> VirtualPhone:
        """It rings for a second, and then somebody may do something."""
        phone.act("rings")
        await asyncio.sleep(1)
        return phone

    async def answers(self, user: str) -> VirtualPhone:
        """`user` answers a second after they are called."""
        return await self.answered(user, rings_s=1.0)


def run_shop(
    tmp_path: Path,
    script: Callable[[Shop], Awaitable[None]],
    *,
    agents: tuple[str, ...] = ("alice",),
    wrap_up_s: float = 0.0,
    **queue: Any,
) -> None:
    """Run a script in a shop, and look that it left nothing behind."""
    run_watched_engine(
        tmp_path,
        script,
        as_=Shop,
        queues=[Queue.model_validate({"name": "sales", "ring_s": 10.0} | queue)],
        agents=[
            Agent(
                name=name,
                uri=f"sip:{name}@127.0.0.1:5080",
                queues=["sales"],
                wrap_up_s=wrap_up_s,
                missed_limit=0,
            )
            for name in agents
        ],
    )


# -- answering during cancel ---------------------------------------------------------------------


@pytest.mark.parametrize("first", ["answer", "cancel"])
@pytest.mark.parametrize("leg", [1, 2])
@both_orders
def test_answering_during_cancel(
    tmp_path: Path, order: Order, leg: int, first: Literal["answer", "cancel"]
) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request(order)
        users = ["alice", CUSTOMER] if order == "agent_first" else [CUSTOMER, "alice"]
        for user in users[: leg - 1]:
            await shop.answers(user)
        phone = await shop.waiting(await shop.phone_of(users[leg - 1]))
        if first == "answer":
            phone.act("answers")
        cancelling = asyncio.create_task(shop.ask("callback.cancel", id=job))
        await asyncio.sleep(0)
        phone.act("answers")
        cancelled = await cancelling
        assert cancelled["state"] == "cancelled"
        await asyncio.sleep(1)
        assert len(shop.seen("callback.cancelled")) == 1
        # The agent who answered first may have been joined, and is hung up on all the same.
        assert len(shop.seen("callback.bridged")) <= (leg == 2 and first == "answer")
        for user in users[:leg]:
            (call,) = shop.network.by_user[user]
            assert call.hung_up_by == "engine"
        await shop.over(job)
        assert shop.state("alice") == "available"

    run_shop(tmp_path, script)


@both_orders
def test_cancelling_in_the_instant_of_joining(tmp_path: Path, order: Order) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request(order)
        users = ["alice", CUSTOMER] if order == "agent_first" else [CUSTOMER, "alice"]
        await shop.answers(users[0])
        phone = await shop.waiting(await shop.phone_of(users[1]))
        phone.act("answers")
        for _ in range(20):
            if shop.engine.daemon.dispatcher.jobs[job].state != "bridged":
                await asyncio.sleep(0)
        assert (await shop.ask("callback.cancel", id=job))["state"] == "cancelled"
        await shop.over(job)
        totals = await shop.totals("job")
        assert (totals["cancelled"], totals["completed"]) == (1, 0)

    run_shop(tmp_path, script)


# -- two answers at once -------------------------------------------------------------------------


@pytest.mark.parametrize("winner", ["alice", "bob"])
@both_orders
def test_two_answers_at_once(tmp_path: Path, order: Order, winner: str) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request(order)
        if order == "customer_first":
            await shop.answers(CUSTOMER)
        phones = {name: await shop.phone_of(name) for name in ("alice", "bob")}
        loser = "bob" if winner == "alice" else "alice"
        for phone in phones.values():
            phone.act("rings")
        await asyncio.sleep(1)
        phones[winner].act("answers")
        phones[loser].act("answers")
        await asyncio.sleep(1)
        talking = [name for name in phones if shop.state(name) == "talking"]
        assert len(talking) == 1
        (won,) = talking
        (lost,) = set(phones) - {won}
        assert shop.state(lost) == "available"
        assert phones[won].call.is_up
        assert phones[lost].call.hung_up_by == "engine"
        assert [event["agent"] for event in shop.seen("agent.offer_ended")] == [lost]
        assert shop.seen("queue.answered")[0]["agent"] == won
        if order == "agent_first":
            await shop.answers(CUSTOMER)
        phones[won].act("hangs_up")
        await shop.over(job)
        assert (await shop.job(job))["state"] == "completed"
        offers = {offer["agent"]: offer["result"] for offer in (await shop.job(job))["offers"]}
        assert offers == {won: "answered", lost: "lost"}
        totals = await shop.totals("agent")
        assert (totals["answered"], totals["withdrawn"], totals["missed"]) == (1, 1, 0)

    run_shop(tmp_path, script, agents=("alice", "bob"), strategy="ring_several", ring_at_once=2)


# -- hanging up as the other answers -------------------------------------------------------------


@pytest.mark.parametrize("first", ["answer", "hang_up"])
def test_the_agent_hangs_up_as_the_customer_answers(tmp_path: Path, first: str) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request("agent_first")
        agent_side = await shop.answers("alice")
        customer = await shop.waiting(await shop.phone_of(CUSTOMER))
        if first == "answer":
            customer.act("answers")
        agent_side.act("hangs_up")
        customer.act("answers")
        await shop.over(job)
        found = await shop.job(job)
        assert found["state"] == "failed"
        assert found["failure"]["side"] == "agent"
        assert not shop.seen("callback.bridged")
        assert customer.call.hung_up_by == "engine"
        assert len(shop.network.by_user["alice"]) == 1
        queue = await shop.totals("queue")
        assert (queue["answered"], queue["abandoned"], queue["short_abandoned"]) == (1, 0, 0)

    run_shop(tmp_path, script)


@both_orders
def test_an_agent_who_answers_and_hangs_up_at_once_is_offered_again(
    tmp_path: Path, order: Order
) -> None:
    """The job left the queue with the answer; it must come back to wait there."""

    async def script(shop: Shop) -> None:
        job = await shop.request(order, max_attempts=2)
        if order == "customer_first":
            await shop.answers(CUSTOMER)
        agent_side = await shop.waiting(await shop.phone_of("alice"))
        agent_side.act("answers")
        agent_side.act("hangs_up")
        await asyncio.sleep(2)
        if order == "customer_first":  # hung up with the agent, and called again
            await shop.answers(CUSTOMER)
        again = await shop.answers("alice")
        if order == "agent_first":
            await shop.answers(CUSTOMER)
        again.act("hangs_up")
        await shop.over(job)
        assert (await shop.job(job))["state"] == "completed"

    run_shop(tmp_path, script)


@pytest.mark.parametrize("first", ["answer", "hang_up"])
def test_the_customer_hangs_up_as_the_agent_answers(tmp_path: Path, first: str) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request("customer_first")
        customer = await shop.answers(CUSTOMER)
        agent_side = await shop.waiting(await shop.phone_of("alice"))
        if first == "answer":
            agent_side.act("answers")
        customer.act("hangs_up")
        agent_side.act("answers")
        await shop.over(job)
        found = await shop.job(job)
        assert found["state"] == "failed"
        assert found["failure"]["side"] == "customer"
        assert agent_side.call.hung_up_by == "engine"
        assert shop.state("alice") == "available"

    run_shop(tmp_path, script)


# -- as a wrap-up ends ---------------------------------------------------------------------------


@both_orders
def test_a_wrap_up_that_ends_as_somebody_comes_to_wait(tmp_path: Path, order: Order) -> None:
    """An agent free in the instant in which the customer answers is offered once."""

    async def script(shop: Shop) -> None:
        first = await shop.request("agent_first")
        agent_side = await shop.answers("alice")
        customer = await shop.answers(CUSTOMER)
        customer.act("hangs_up")
        await asyncio.sleep(0.5)
        assert (shop.state("alice"), agent_side.call.hung_up_by) == ("wrap_up", "engine")
        agent = shop.engine.daemon.agents.known("alice")
        assert agent.wrap_up_until is not None
        second = await shop.request(order, to="sip:dave@127.0.0.1:5090")
        remaining_s = agent.wrap_up_until - shop.network.clock()
        if order == "customer_first":
            dave = await shop.phone_of("dave")
            await asyncio.sleep(agent.wrap_up_until - shop.network.clock())
            dave.act("answers")
        else:
            await asyncio.sleep(remaining_s)
        again = await shop.answers("alice")
        if order == "agent_first":
            dave = await shop.answers("dave")
        await asyncio.sleep(1)
        assert shop.state("alice") == "talking"
        again.act("hangs_up")
        await shop.over(first, second)
        assert (await shop.job(second))["state"] == "completed"
        assert len((await shop.job(second))["offers"]) == 1
        assert len(shop.network.by_user["alice"]) == 2

    run_shop(tmp_path, script, wrap_up_s=8.0)


def test_a_customer_who_answers_while_the_wrap_up_goes_on_gets_the_next_offer(
    tmp_path: Path,
) -> None:
    async def script(shop: Shop) -> None:
        first = await shop.request("agent_first")
        await shop.answers("alice")
        (await shop.answers(CUSTOMER)).act("hangs_up")
        second = await shop.request("customer_first", to="sip:dave@127.0.0.1:5090")
        await shop.answers("dave")
        assert shop.state("alice") == "wrap_up"
        assert len(shop.network.by_user["alice"]) == 1
        again = await shop.answers("alice")
        again.act("hangs_up")
        await shop.over(first, second)
        assert (await shop.job(second))["state"] == "completed"

    run_shop(tmp_path, script, wrap_up_s=30.0)


# -- how it is counted ---------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["is_busy", "declines", "rings_out", "agent_gives_up", "cancel"])
def test_a_callback_in_which_the_agent_waits_is_never_abandoned(tmp_path: Path, end: Any) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request("agent_first")
        agent_side = await shop.answers("alice")
        customer = await shop.waiting(await shop.phone_of(CUSTOMER))
        if end == "agent_gives_up":
            agent_side.act("hangs_up")
        elif end == "cancel":
            await shop.ask("callback.cancel", id=job)
        elif end != "rings_out":
            customer.act(end)
        await shop.over(job)
        queue = await shop.totals("queue")
        assert (queue["offered"], queue["answered"]) == (1, 1)
        assert (queue["abandoned"], queue["short_abandoned"]) == (0, 0)
        assert not shop.seen("queue.abandoned")

    run_shop(tmp_path, script)


@pytest.mark.parametrize("alone_s", [1.5, 4.0])
def test_a_customer_left_alone_is_counted_and_hears_so(tmp_path: Path, alone_s: float) -> None:
    async def script(shop: Shop) -> None:
        job = await shop.request("customer_first", context={"site": "shop.example"})
        customer = await shop.waiting(await shop.phone_of(CUSTOMER))
        customer.act("answers")
        agent_side = await shop.phone_of("alice")
        await asyncio.sleep(alone_s)
        agent_side.act("answers")
        await asyncio.sleep(5)
        agent_side.act("hangs_up")
        await shop.over(job)
        left_alone = alone_s > 2
        assert len(shop.seen("customer.left_waiting")) == left_alone
        (site,) = (await shop.ask("report.site"))["totals"]
        assert site["site"] == "shop.example"
        assert site["customers_answered"] == site["customers_answered_30d"] == 1
        assert site["left_alone"] == site["left_alone_30d"] == left_alone
        assert site["left_alone_30d_percent"] == (100.0 if left_alone else 0.0)

    run_shop(tmp_path, script)


def test_a_customer_whose_agent_left_as_they_answered_was_not_joined(tmp_path: Path) -> None:
    """The customer is hung up at once, and does not count as left waiting."""

    async def script(shop: Shop) -> None:
        job = await shop.request("agent_first", context={"site": "shop.example"})
        agent_side = await shop.answers("alice")
        customer = await shop.waiting(await shop.phone_of(CUSTOMER))
        customer.act("answers")
        agent_side.act("hangs_up")
        await shop.over(job)
        assert customer.call.ended is not None and customer.call.answered is not None
        assert customer.call.ended - customer.call.answered < 0.01
        (site,) = (await shop.ask("report.site"))["totals"]
        assert site["left_alone"] == 0

    run_shop(tmp_path, script)


# -- as a request is taken -----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["cancel", "reschedule", "reprioritise", "annotate"])
@both_orders
def test_a_command_about_a_job_that_is_being_accepted_waits_for_it(
    tmp_path: Path, order: Order, command: str
) -> None:
    """There is one job of this id, also while it is on its way to the disk."""

    async def script(shop: Shop) -> None:
        now = shop.network.clock()
        taking = asyncio.create_task(shop.request(order, id="mine", not_before=now + 3))
        await asyncio.sleep(0)
        members: dict[str, dict[str, Any]] = {
            "reschedule": {"not_before": now + 5},
            "reprioritise": {"priority": 7},
            "annotate": {"notes": "wants blue", "rating": 4},
            "cancel": {},
        }
        more = members[command]
        seen = await shop.ask(f"callback.{command}", id="mine", **more)
        assert await taking == "mine"
        if command == "cancel":
            assert seen["state"] == "cancelled"
            assert not shop.network.calls
        else:
            first, second = ("alice", CUSTOMER) if order == "agent_first" else (CUSTOMER, "alice")
            await shop.answers(first)
            (await shop.answers(second)).act("hangs_up")
            assert len(shop.network.calls) == 2
            due_s = 5 if command == "reschedule" else 3
            assert shop.network.calls[0].began == pytest.approx(now + due_s, abs=0.05)
        await shop.over("mine")
        if command == "annotate":
            job = await shop.job("mine")
            assert (job["notes"], job["rating"]) == (["wants blue"], 4)
        about = [event["type"] for event in shop.log.events if event.get("job") == "mine"]
        assert about[0] == "callback.queued"

    run_shop(tmp_path, script)
