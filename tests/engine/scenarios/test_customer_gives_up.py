"""A customer who hangs up on hold has had enough: they are not called again by default."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.queues import Queue
from config.retry import RetryRule
from config.sections import Dial, Route, Trunk
from tests.support.engines.virtual import VirtualEngine, run_engine
from tests.support.phones.virtual import Step

NUMBER, OTHER = "+442079460123", "+442079460124"
ANNOYED = (Step(1, "rings"), Step(1, "answers"), Step(20, "hangs_up"))


def run_day(
    tmp_path: Path, *rules: RetryRule, agent: tuple[Step, ...] = (), **request: Any
) -> tuple[dict[str, Any], list[float]]:
    """One callback to an annoyed customer. Returns the job, and when they were called."""
    found: dict[str, Any] = {}
    times: list[float] = []

    async def main(engine: VirtualEngine) -> None:
        asked = {"to": NUMBER, "queue": "sales", "order": "customer_first"} | request
        await engine.ask("callback.request", id="j", **asked)
        await asyncio.sleep(3600)
        found.update(await engine.ask("callback.get", id="j"))
        calls = [*engine.world.network.by_user[NUMBER], *engine.world.network.by_user[OTHER]]
        times.extend(call.began for call in calls)

    run_engine(
        tmp_path,
        main,
        conducts={NUMBER: [ANNOYED], "alice": [agent]},
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        retry=list(rules),
        dial=Dial(max_attempts=3),
        queues=[Queue(name="sales")],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    )
    return found, times


@pytest.mark.parametrize(
    "agent", [(), (Step(2, "rings"), Step(30, "answers"))], ids=["nobody", "an agent who rings"]
)
@pytest.mark.parametrize("request_", [{}, {"max_attempts": 3}, {"numbers": [OTHER]}])
def test_they_are_called_once(
    tmp_path: Path, agent: tuple[Step, ...], request_: dict[str, Any]
) -> None:
    job, times = run_day(tmp_path, agent=agent, **request_)
    assert len(times) == 1
    assert (job["state"], job["result"]) == ("failed", "hung_up")
    (attempt,) = job["attempts"]
    assert attempt["retry_cause"] == "abandoned"
    assert job["failure"]["side"] == "customer"


def test_a_rule_says_otherwise(tmp_path: Path) -> None:
    rule = RetryRule(cause="abandoned", attempts=2, spacing_s=[600.0])
    job, times = run_day(tmp_path, rule)
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(622.0, abs=1.0)
    assert [one["retry_cause"] for one in job["attempts"]] == ["abandoned", "abandoned"]


def test_a_request_says_otherwise(tmp_path: Path) -> None:
    retry = {"abandoned": {"attempts": 2, "spacing_s": [60.0]}}
    _job, times = run_day(tmp_path, retry=retry, max_attempts=5)
    assert len(times) == 2
