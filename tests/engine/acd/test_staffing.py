"""Staffing: which queues each agent may serve."""

from typing import Any

from config.queues import Queue, Tier
from engine.acd.staffing import NEVER, Staffing
from tests.support.floor import agent

from .matching.test_waiting_index import Anyone


def test_who_serves_which_queue_and_from_which_tier_on() -> None:
    staffing = Staffing()
    staffing.configure(
        [
            Queue(
                name="sales", agents=["ann"],
                tiers=[
                    Tier(after_s=1, agents=["bob"]), Tier(after_s=2, queues=["service"]),
                    Tier(after_s=3, centres=["leeds"]),
                ],
            ),
            Queue(name="service"),
        ]
    )  # fmt: skip

    def serves(name: str, **more: Any) -> dict[str, tuple[bool, int]]:
        settings = agent(name, **more)
        one: Any = Anyone(name, settings.centre or None, settings.skills)
        one.queues = tuple(settings.queues)
        return staffing.services(one)

    assert serves("ann") == {"sales": (True, NEVER)}
    assert serves("bob") == {"sales": (False, 1)}
    assert serves("cat", queues=["service"]) == {"service": (True, NEVER), "sales": (False, 2)}
    assert serves("dan", centre="leeds") == {"sales": (False, NEVER)}, "the centre helps in time"
    assert serves("eve", queues=["gone"]) == {}
