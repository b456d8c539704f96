"""Those who wait, and the agents who are reserved for them."""

from typing import Any

from engine.acd.waiting import Offer, Waiting


def _waiting(**members: Any) -> Waiting:
    def nothing(_said: object) -> None:
        """Nobody is asked here."""

    given: dict[str, Any] = {"id": "job-1", "kind": "callback", "joined_at": 100.0} | members
    return Waiting(on_offer=nothing, on_leave=nothing, **given)


def test_after_a_step_of_the_clock_one_has_waited_as_long_as_before() -> None:
    came_back = _waiting(since=160.0, outside_tried={"+442079460000": 150.0})
    never_away = _waiting()
    for one in (came_back, never_away):
        one.shift(3600.0)
    assert (came_back.joined_at, came_back.since) == (3700.0, 3760.0)
    assert came_back.outside_tried == {"+442079460000": 3750.0}
    assert (never_away.joined_at, never_away.since) == (3700.0, None)


def test_every_agent_of_an_offer_is_released_for_its_own_work_alone() -> None:
    class Agents:
        """Keeps what is released."""

        def __init__(self) -> None:
            self.released: list[tuple[str, str]] = []

        def release(self, name: str, work: str, /) -> None:
            self.released.append((name, work))

    agents = Agents()
    offer = Offer(waiting=_waiting(), queue="sales", agents=("alice", "bob"), ring_s=20.0)
    offer.release(agents)
    assert agents.released == [("alice", "job-1"), ("bob", "job-1")]
