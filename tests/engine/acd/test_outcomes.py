"""Which outcomes a call may have: those of its queue, else those of every agent."""

import pytest

from config.agents import AgentDefaults
from config.queues import Queue
from engine.acd.agents import AgentRegistry
from engine.acd.outcomes import Outcomes
from engine.acd.queues import Queues
from engine.errors import EngineError
from engine.store.protocols import NOTHING_PUBLISHED


def outcomes(*, of_all: list[str], of_sales: list[str] | None) -> Outcomes:
    defaults = AgentDefaults(outcomes=of_all)
    agents = AgentRegistry([], defaults=defaults, events=NOTHING_PUBLISHED)
    queues = Queues(agents, NOTHING_PUBLISHED)
    queues.start([Queue(name="sales", outcomes=of_sales)])
    return Outcomes(agents, queues)


@pytest.mark.parametrize(
    ("of_all", "of_sales", "queue", "allowed"),
    [
        (["sold"], ["lost"], "sales", ["lost"]),
        (["sold"], None, "sales", ["sold"]),
        (["sold"], ["lost"], None, ["sold"]),
        (["sold"], ["lost"], "gone", ["sold"]),
        (["sold"], [], "sales", []),
    ],
)
async def test_the_list_of_the_queue_goes_first(
    of_all: list[str], of_sales: list[str] | None, queue: str | None, allowed: list[str]
) -> None:
    known = outcomes(of_all=of_all, of_sales=of_sales)
    assert known.allowed(queue) == allowed
    known.check("machine", queue)  # which the retries go by
    if allowed:
        with pytest.raises(EngineError, match="must be one of"):
            known.check("never heard of", queue)
    else:
        known.check("never heard of", queue)
