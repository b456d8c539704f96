"""Who could take one who came now, why others could not, and that a real one gets the same."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from config.agents import Agent, AgentDefaults
from config.queues import Centre, Overflow, Queue, Share, Tier, Vip
from engine.acd.explain import could_take, waiting_as_if, why_waiting
from engine.errors import EngineError
from tests.support.floor import Floor, run_floor

CENTRES = [Centre(name="leeds"), Centre(name="york")]


def agent(name: str, **more: Any) -> Agent:
    return Agent.model_validate({"name": name, "uri": f"sip:{name}@h", **more})


def on_floor(
    queues: list[Queue], agents: list[Agent], script: Callable[[Floor], Coroutine[Any, Any, None]]
) -> None:
    run_floor(script, queues, agents, centres=CENTRES, defaults=AgentDefaults())


def why_not(floor: Floor, queue: str = "sales", **more: Any) -> dict[str, str | None]:
    """The agents in their order, each with the reason against them."""
    given: dict[str, Any] = {
        "kind": "callback", "agent": None, "priority": 0, "skills": {}, "number": None,
        "region": None, "context": {}, "known_agent": None, "centre": None,
    }  # fmt: skip
    now = floor.clock()
    waiting = waiting_as_if(queue=queue, now=now, **(given | more))
    found = could_take(floor.queues.matcher, floor.agents, waiting, now)
    return {one["agent"]: one["why_not"] for one in found}


def test_states_skills_and_those_who_help_later() -> None:
    queue = Queue(
        name="sales",
        skills={"sales": 2},
        tiers=[Tier(after_s=30.0, agents=["dora"])],
        overflow=[Overflow(after_s=90.0, centre="york")],
    )
    agents = [
        agent("anna", queues=["sales"], skills={"sales": 1}),
        agent("bert", queues=["sales"], skills={"sales": 5}),
        agent("carl", queues=["sales"], skills={"sales": 5, "german": 4}),
        agent("dora", skills={"sales": 9}),
        agent("emil", centre="york", skills={"sales": 9}),
        agent("fred", skills={"sales": 9}),
    ]

    async def story(floor: Floor) -> None:
        floor.agents.pause("bert", "lunch")
        assert why_not(floor) == {
            "carl": None,
            "anna": "lacks sales 2",
            "bert": "paused",
            "dora": "helps from 30 s of waiting on",
            "emil": "helps only after an overflow",
        }
        assert next(iter(why_not(floor))) == "carl"
        assert why_not(floor, skills={"german": 5})["carl"] == "lacks german 5"

    on_floor([queue], agents, story)


def test_the_agents_for_whom_an_entry_is_kept() -> None:
    vip = Vip(context={"tier": "gold"}, agents=["anna"], within_s=20.0)
    queue = Queue(name="sales", vip=[vip], known_agent_s=15.0)
    agents = [agent("anna", queues=["sales"]), agent("bert", queues=["sales"])]

    async def story(floor: Floor) -> None:
        assert why_not(floor, context={"tier": "gold"}) == {"anna": None, "bert": "kept for anna"}
        assert why_not(floor, known_agent="bert") == {"bert": None, "anna": "kept for bert"}
        floor.agents.logout("anna")
        assert why_not(floor, context={"tier": "gold"}) == {"bert": None, "anna": "logged out"}

    on_floor([queue], agents, story)


def test_the_centre_whose_turn_it_is_gets_the_next_real_one() -> None:
    shares = [Share(centre="leeds", percent=50.0), Share(centre="york", percent=50.0)]
    agents = [
        agent("anna", queues=["sales"], centre="leeds"),
        agent("bert", queues=["sales"], centre="york"),
    ]

    async def story(floor: Floor) -> None:
        for number in range(4):
            (could,) = [name for name, reason in why_not(floor).items() if reason is None]
            assert why_not(floor)[could] is None  # asking takes no turn
            guest = await floor.join(f"j{number}")
            await asyncio.sleep(0)
            offered = [one for one in floor.events if one["type"] == "queue.offered"][-1]
            assert offered["agents"] == [could]
            floor.queues.leave(guest.waiting.id)
            floor.agents.release(could, guest.waiting.id)
        other = "york" if could == "bert" else "leeds"
        assert why_not(floor, centre=other)[could] is None

    on_floor([Queue(name="sales", shares=shares)], agents, story)


def test_one_agent_alone_and_a_queue_that_is_not_there() -> None:
    agents = [agent("anna"), agent("bert")]

    async def story(floor: Floor) -> None:
        now = floor.clock()
        waiting = waiting_as_if(
            kind="call", queue=None, agent="anna", now=now, priority=0, skills={}, number=None,
            region=None, context={}, known_agent=None, centre=None,
        )  # fmt: skip
        found = could_take(floor.queues.matcher, floor.agents, waiting, now)
        assert [(one["agent"], one["could"]) for one in found] == [("anna", True)]
        with pytest.raises(EngineError, match="no queue named 'none'"):
            why_not(floor, queue="none")

    on_floor([], agents, story)


def test_why_an_entry_waits_beside_a_free_agent() -> None:
    agents = [
        agent("anna", queues=["sales"]),
        agent("bert", queues=["sales"], skills={"german": 4}),
        agent("carl", queues=["sales"], skills={"german": 4}),
        agent("dora", queues=["sales"], skills={"german": 2}),
        agent("emil", queues=["sales"]),
        agent("fred"),
    ]

    async def story(floor: Floor) -> None:
        def why() -> str | None:
            matcher = floor.queues.matcher
            return why_waiting(matcher, floor.agents, matcher.queues.named("sales"), floor.clock())

        assert why() is None
        floor.agents.pause("bert", "lunch")
        floor.agents.pause("carl", "lunch")
        guest = await floor.join("c1", skills={"german": 3})
        assert why() == ("c1 waits although an agent is free: anna, dora, emil: lacks german 3")
        floor.agents.ready("bert")
        await floor.turn()
        assert why() is None  # bert rings for them
        guest.is_missed()
        await floor.turn()
        assert why() == (
            "c1 waits although an agent is free: anna, dora, emil: lacks german 3; "
            "bert: did not take it, and is asked again in 10 s"
        )
        floor.queues.pause("sales")
        floor.agents.ready("carl")
        await floor.turn()
        assert (why() or "").endswith("carl: the queue is paused")
        for name in ("anna", "bert", "carl", "dora", "emil"):
            floor.agents.pause(name)
        assert why() is None

    on_floor([Queue(name="sales")], agents, story)


def test_many_free_agents_are_counted() -> None:
    agents = [agent(f"a{number}", queues=["sales"]) for number in range(6)]

    async def story(floor: Floor) -> None:
        await floor.join("c1", skills={"german": 3})
        said = floor.queues.views.view("sales")["why_waiting"]
        assert said == "c1 waits although an agent is free: a0, a1, a2 and 3 more: lacks german 3"

    on_floor([Queue(name="sales")], agents, story)
