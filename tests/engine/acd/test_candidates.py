"""Free agents: which queues each may serve, and who is free for which."""

from typing import Any

from config.queues import Queue, Tier
from engine.acd.candidates import FreeAgents
from engine.acd.waiting_index import NEVER
from tests.support.floor import agent

from .test_waiting_index import Anyone


def test_who_serves_which_queue_and_from_which_tier_on() -> None:
    free = FreeAgents()
    free.configure(
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
        operator: Any = Anyone(name, settings.centre or None, settings.skills)
        operator.queues = tuple(settings.queues)
        return free.serves(operator)

    assert serves("ann") == {"sales": (True, NEVER)}
    assert serves("bob") == {"sales": (False, 1)}
    assert serves("cat", queues=["service"]) == {"service": (True, NEVER), "sales": (False, 2)}
    assert serves("dan", centre="leeds") == {"sales": (False, NEVER)}, "his centre helps in time"
    assert serves("eve", queues=["gone"]) == {}


def test_who_is_free_for_a_queue_or_by_name() -> None:
    free = FreeAgents()
    free.configure([Queue(name="sales", agents=["ann", "bob"])])
    for name in ("ann", "bob", "cat"):
        operator: Any = Anyone(name, None, {})
        operator.queues = ()
        free.add(operator)
    assert [one.name for one in free.of("sales", None)] == ["ann", "bob"]
    assert [one.name for one in free.of(None, ("cat", "dan"))] == ["cat"]
    free.drop("ann")
    free.drop("ann")
    assert [one.name for one in free.of("sales", None)] == ["bob"]
    assert "ann" not in free.by_name
