"""No trunk begins more calls a second than `max_calls_per_s`: callbacks wait, queues take turns."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.queues import Queue
from config.sections import Dial, Route, Trunk
from engine.errors import EngineError
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.phones.virtual import Step

MANY, FEW = 9, 3
CUSTOMERS = [f"+4420794601{number:02d}" for number in range(MANY + FEW)]
AGENTS = [f"agent{number}" for number in range(MANY + FEW)]
TALKS = (Step(2, "answers"), Step(20, "hangs_up"))
STAYS = (Step(2, "answers"),)


def pbx(per_s: float, max_calls: int = 0) -> Trunk:
    return Trunk(name="pbx", uri="sip:127.0.0.1:5071", max_calls_per_s=per_s, max_calls=max_calls)


def run_queues(tmp_path: Path, trunk: Trunk, order: str = "agent_first") -> list[tuple[float, str]]:
    """Nine callbacks of one queue, then three of another, at once. When each was answered."""
    jobs: list[dict[str, Any]] = []

    async def main(engine: VirtualEngine) -> None:
        for number, customer in enumerate(CUSTOMERS):
            queue = "large" if number < MANY else "small"
            await engine.ask("callback.request", id=customer, to=customer, queue=queue, order=order)
        await asyncio.sleep(300)
        jobs.extend([await engine.ask("callback.get", id=customer) for customer in CUSTOMERS])
        seen = await engine.ask("trunk.get", trunk="pbx")
        assert seen["max_calls_per_s"] == trunk.max_calls_per_s

    run_engine(
        tmp_path,
        main,
        conducts={
            **{customer: [TALKS] for customer in CUSTOMERS},
            **{name: [STAYS] for name in AGENTS},
        },
        trunks=[trunk],
        routes=[Route(prefix="+", trunks=["pbx"])],
        dial=Dial(max_attempts=1),
        queues=[Queue(name="large"), Queue(name="small")],
        agents=[
            Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080", queues=["large", "small"])
            for name in AGENTS
        ],
    )
    assert [job["result"] for job in jobs] == ["completed"] * len(CUSTOMERS)
    assert [len(job["attempts"]) for job in jobs] == [1] * len(CUSTOMERS), "waiting is no attempt"
    answered = [
        (leg["answered"], job["queue"])
        for job in jobs
        for leg in job["attempts"][0]["legs"]
        if leg["role"] == "customer"
    ]
    return sorted(answered)


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_calls_begin_at_the_pace_of_the_trunk_and_queues_take_turns(
    tmp_path: Path, order: str
) -> None:
    answered = run_queues(tmp_path, pbx(1), order)
    times = [at for at, _queue in answered]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) > 0.99, gaps
    assert max(gaps) < 1.5, "no turn is lost"
    last_of_small = max(place for place, (_at, queue) in enumerate(answered) if queue == "small")
    assert last_of_small <= 2 * FEW + 1, answered


def test_several_begin_in_one_second_and_no_more(tmp_path: Path) -> None:
    times = [at for at, _queue in run_queues(tmp_path, pbx(3))]
    for first, fourth in zip(times, times[3:], strict=False):
        assert fourth - first > 0.99


def test_a_trunk_that_is_full_has_its_queues_take_turns_too(tmp_path: Path) -> None:
    answered = run_queues(tmp_path, pbx(0, max_calls=1))
    last_of_small = max(place for place, (_at, queue) in enumerate(answered) if queue == "small")
    assert last_of_small <= 2 * FEW + 1, answered


def test_less_than_one_call_a_second(tmp_path: Path) -> None:
    times = [at for at, _queue in run_queues(tmp_path, pbx(0.2))]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 4.9


def test_a_call_by_command_is_told_when_the_trunk_may_begin_the_next(tmp_path: Path) -> None:
    async def main(engine: VirtualEngine) -> None:
        await engine.ask("call.originate", to=CUSTOMERS[0])
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError) as caught:
            await engine.ask("call.originate", to=CUSTOMERS[1])
        assert caught.value.kind == "unavailable"
        assert "has just begun as many calls as it may" in caught.value.message
        assert caught.value.data["reason"] == "trunk_full"
        await asyncio.sleep(caught.value.data["retry_after_s"] + 0.01)
        await engine.ask("call.originate", to=CUSTOMERS[1])
        await asyncio.sleep(60)

    run_engine(
        tmp_path,
        main,
        conducts={customer: [TALKS] for customer in CUSTOMERS[:2]},
        trunks=[pbx(1)],
        routes=[Route(prefix="+", trunks=["pbx"])],
    )
