"""No trunk carries more calls than `max_calls`, and callbacks wait for a line meanwhile."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.sections import Dial, Route, Trunk
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.phones.virtual import Step

CUSTOMERS = [f"+44207946012{number}" for number in range(4)]
AGENTS = ["anna", "ben", "cleo", "dan"]
TALKS = (Step(1, "rings"), Step(2, "answers"), Step(30, "hangs_up"))
STAYS = (Step(2, "answers"),)


def user_of(party: str) -> str:
    """A number, or the user part of a URI."""
    return party.removeprefix("sip:").partition("@")[0]


def run_callbacks(
    tmp_path: Path,
    trunks: list[Trunk],
    *,
    customers: list[str] = CUSTOMERS,
    agents: dict[str, str] | None = None,
    **request: Any,
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Four callbacks at once. Returns the jobs, and the most calls at a time by each trunk."""
    jobs: list[dict[str, Any]] = []
    told: list[Any] = []
    most = {trunk.name: 0 for trunk in trunks}
    reached = agents or {name: f"sip:{name}@127.0.0.1:5080" for name in AGENTS}

    async def main(engine: VirtualEngine) -> None:
        engine.daemon.events.watch(lambda event: told.append(event.get("cause")))
        for customer, agent in zip(customers, reached, strict=True):
            await engine.ask("callback.request", id=customer, to=customer, agent=agent, **request)
        for _ in range(600):
            await asyncio.sleep(0.5)
            for one in (await engine.ask("trunk.list"))["trunks"]:
                most[one["trunk"]] = max(most[one["trunk"]], one["calls"]["out"])
        for customer in customers:
            jobs.append(await engine.ask("callback.get", id=customer))
        for one in (await engine.ask("trunk.list"))["trunks"]:
            assert one["calls"] == {"in": 0, "out": 0}
        waited = [cause for cause in told if "is full" in str(cause)]
        assert len(waited) <= len(customers), "that a callback waits is told once"

    run_engine(
        tmp_path,
        main,
        conducts={
            **{user_of(customer): [TALKS] for customer in customers},
            **{name: [STAYS] for name in AGENTS},
            **{uri: [STAYS] for uri in reached.values()},
        },
        trunks=trunks,
        routes=[Route(prefix="+", trunks=[trunk.name for trunk in trunks])],
        dial=Dial(max_attempts=1),
        agents=[Agent(name=name, uri=uri) for name, uri in reached.items()],
    )
    return jobs, most


def trunk(name: str, max_calls: int) -> Trunk:
    port = {"pbx": 5071, "spare": 5072}[name]
    return Trunk(name=name, uri=f"sip:127.0.0.1:{port}", max_calls=max_calls)


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_callbacks_wait_for_a_line(tmp_path: Path, order: str) -> None:
    jobs, most = run_callbacks(tmp_path, [trunk("pbx", 1)], order=order)
    assert [job["result"] for job in jobs] == ["completed"] * 4
    assert [len(job["attempts"]) for job in jobs] == [1] * 4, "waiting is no attempt"
    assert most == {"pbx": 1}


def test_the_next_trunk_takes_what_the_first_cannot(tmp_path: Path) -> None:
    jobs, most = run_callbacks(tmp_path, [trunk("pbx", 1), trunk("spare", 2)])
    assert [job["result"] for job in jobs] == ["completed"] * 4
    assert most == {"pbx": 1, "spare": 2}


def test_numbers_that_are_written_as_uris_at_the_trunk_wait_for_a_line_as_well(
    tmp_path: Path,
) -> None:
    customers = [f"sip:{number}@127.0.0.1:5071" for number in CUSTOMERS]
    jobs, _most = run_callbacks(tmp_path, [trunk("pbx", 1)], customers=customers)
    assert [job["result"] for job in jobs] == ["completed"] * 4
    assert [len(job["attempts"]) for job in jobs] == [1] * 4, "waiting is no attempt"
    ended = sorted(job["ended_at"] for job in jobs)
    assert all(after - before >= 30 for before, after in pairwise(ended)), "one after the other"


def test_people_at_the_host_of_the_trunk_need_no_line(tmp_path: Path) -> None:
    customers = [f"sip:{name}@127.0.0.1:5071" for name in ("eve", "finn", "gus", "hana")]
    jobs, _most = run_callbacks(tmp_path, [trunk("pbx", 1)], customers=customers)
    assert [job["result"] for job in jobs] == ["completed"] * 4
    ended = [job["ended_at"] for job in jobs]
    assert max(ended) - min(ended) < 10, "at the same time"


def test_without_a_limit_all_are_called_at_once(tmp_path: Path) -> None:
    jobs, most = run_callbacks(tmp_path, [trunk("pbx", 0)])
    assert [job["result"] for job in jobs] == ["completed"] * 4
    assert most == {"pbx": 4}


def test_agents_who_are_called_by_the_trunk_need_a_line_too(tmp_path: Path) -> None:
    agents = {name: f"+44207946055{number}" for number, name in enumerate(AGENTS)}
    jobs, most = run_callbacks(tmp_path, [trunk("pbx", 3)], agents=agents)
    assert [job["result"] for job in jobs] == ["completed"] * 4
    assert most == {"pbx": 2}, "a callback needs two lines, and two callbacks need four"


def test_an_agent_on_a_permanent_line_by_the_trunk_needs_no_second_line(tmp_path: Path) -> None:
    customer, anna = CUSTOMERS[0], "+442079460550"
    jobs: list[dict[str, Any]] = []

    async def main(engine: VirtualEngine) -> None:
        await asyncio.sleep(10)
        (pbx,) = (await engine.ask("trunk.list"))["trunks"]
        assert pbx["calls"]["out"] == 1, "the agent's line is up"
        await engine.ask("callback.request", id="cb-1", to=customer, agent="anna")
        await asyncio.sleep(60)
        jobs.append(await engine.ask("callback.get", id="cb-1"))

    run_engine(
        tmp_path,
        main,
        conducts={customer: [TALKS], anna: [STAYS]},
        trunks=[trunk("pbx", 2)],
        routes=[Route(prefix="+", trunks=["pbx"])],
        dial=Dial(max_attempts=1),
        agents=[Agent(name="anna", uri=anna, permanent=True)],
    )
    assert [job["result"] for job in jobs] == ["completed"]
