"""Queues at work: who is offered to whom, and when, to the second."""

import asyncio

import pytest

from engine.errors import EngineError
from tests.support.floor import Floor, agent, queue, run_floor

# -- joining, order and leaving ---------------------------------------------------------------


def test_the_order_is_priority_then_joining_time_then_who_came_first() -> None:
    async def script(floor: Floor) -> None:
        late = await floor.join("late")
        same = await floor.join("same")
        early = await floor.join("early", ago_s=60)
        urgent = await floor.join("urgent", priority=1)
        guests = [urgent, early, late, same]
        assert [floor.queues.place(guest.id) for guest in guests] == [1, 2, 3, 4]
        floor.agents.login("ann")
        for guest in guests:
            await floor.turn()
            assert guest.rings == ("ann",)
            guest.is_taken()
            guest.is_done()

    run_floor(script, [queue()], [agent("ann", queues=["sales"], login="manual")])


def test_unanswered_entry_keeps_position_and_skips_agents_who_missed_it() -> None:
    async def script(floor: Floor) -> None:
        first = await floor.join("first")
        second = await floor.join("second")
        assert first.rings == ("ann",)
        first.is_missed()
        await floor.turn()
        assert second.rings == ("ann",), "the next gets her meanwhile"
        assert floor.queues.place("first") == 1
        second.hangs_up()
        await floor.after(9.9)
        assert not first.rings
        await floor.after(0.1)
        assert first.rings == ("ann",)

    run_floor(script, [queue(again_s=10)], [agent("ann", queues=["sales"], missed_limit=0)])


def test_an_offer_overtaken_before_it_is_delivered_frees_its_agent() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest")
        floor.agents.login("ann")
        assert floor.state("ann") == "reserved"
        floor.queues.leave("guest", "abandoned")
        await floor.turn()
        assert not guest.offers
        assert floor.state("ann") == "available"
        assert [event["reason"] for event in floor.seen("queue.abandoned")] == ["abandoned"]

    run_floor(script, [queue()], [agent("ann", queues=["sales"], login="manual")])


def test_leaving_and_answering_twice_differ() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest")
        offer = guest.offer
        assert offer is not None
        guest.is_taken()
        assert not floor.queues.leave("guest")
        assert not floor.queues.answered(offer, "ann")
        assert not floor.queues.unanswered(offer)

    run_floor(script, [queue()], [agent("ann", queues=["sales"])])


def test_nobody_waits_twice_or_for_nothing() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("guest")
        for given, kind in (
            ({"waiting_id": "guest"}, "conflict"),
            ({"waiting_id": "x", "queue": "none"}, "refused"),
            ({"waiting_id": "x", "queue": None, "agent": "nobody"}, "refused"),
        ):
            with pytest.raises(EngineError) as refused:
                await floor.join(**given)
            assert refused.value.kind == kind

    run_floor(script, [queue()])


def test_an_entry_for_one_agent_alone_gets_them_whatever_their_skills() -> None:
    async def script(floor: Floor) -> None:
        other = await floor.join("other")
        mine = await floor.join("mine", None, agent="ann", priority=1, ring_s=7.0)
        assert other.rings == ("ann",)
        other.is_taken()
        other.is_done()
        await floor.turn()
        assert mine.rings == ("ann",)
        assert mine.offer is not None and (mine.offer.ring_s, mine.offer.queue) == (7.0, None)
        with pytest.raises(EngineError):
            floor.queues.move("mine", "sales")

    run_floor(script, [queue()], [agent("ann", queues=["sales"])])


# -- limits and pacing ------------------------------------------------------------------------


def test_a_full_queue_admits_nobody() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("one")
        two = await floor.join("two")
        with pytest.raises(EngineError) as full:
            await floor.join("three")
        assert (full.value.kind, full.value.data) == (
            "unavailable",
            {"reason": "full", "length": 2},
        )
        two.hangs_up()
        await floor.join("three")

    run_floor(script, [queue(max_length=2)])


def test_the_longest_wait_counts_from_the_return() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest")
        back = await floor.join("back", ago_s=3600)
        await floor.after(29.9)
        assert guest.left is None and back.left is None
        await floor.after(0.1)
        assert guest.left is not None and guest.left.reason == "timeout"
        assert back.left is not None

    run_floor(script, [queue(max_wait_s=30)])


def test_capacity_is_how_many_ring_or_talk_at_once() -> None:
    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(3)]
        assert [len(guest.rings) for guest in guests] == [1, 0, 0]
        guests[0].is_taken()
        await floor.turn()
        assert not guests[1].rings, "she talks"
        guests[0].is_done()
        await floor.turn()
        assert [len(guest.rings) for guest in guests] == [0, 1, 0]
        guests[1].hangs_up()
        await floor.turn()
        assert guests[2].rings

    run_floor(script, [queue(capacity=1)], [agent(n, queues=["sales"]) for n in ("ann", "bob")])


def test_releases_are_paced() -> None:
    async def script(floor: Floor) -> None:
        for number in range(4):
            await floor.join(f"guest{number}")
        await floor.after(31)
        assert [event["at"] for event in floor.seen("queue.offered")] == [0, 10, 20, 30]

    agents = [agent(f"a{n}", queues=["sales"]) for n in range(4)]
    run_floor(script, [queue(release_per_min=6)], agents)


def test_a_paused_queue_offers_nobody_and_then_the_first() -> None:
    async def script(floor: Floor) -> None:
        floor.queues.pause("sales")
        first, second = await floor.join("first"), await floor.join("second")
        await floor.after(100)
        assert not first.rings
        floor.queues.pause("sales", False)
        await floor.turn()
        assert first.rings and not second.rings
        assert len(floor.seen("queue.paused")) == len(floor.seen("queue.resumed")) == 1

    run_floor(script, [queue()], [agent("ann", queues=["sales"])])


def test_many_are_offered_in_steps_and_none_is_forgotten() -> None:
    async def script(floor: Floor) -> None:
        floor.queues.pause("sales")
        guests = [await floor.join(f"guest{n}") for n in range(45)]
        floor.queues.pause("sales", False)
        rung = sum(bool(guest.rings) for guest in guests)
        assert rung < 45, "not all in one step: calls go on meanwhile"
        for _ in range(5):
            await floor.after(0)
        assert all(guest.rings for guest in guests)

    agents = [agent(f"a{n}", queues=["sales"]) for n in range(45)]
    run_floor(script, [queue()], agents)


# -- reload -----------------------------------------------------------------------------------


def test_entries_keep_their_position_over_a_reload_and_a_removed_queue_is_emptied() -> None:
    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(3)]
        floor.queues.configure([queue("service")])
        assert floor.queues.place("guest2") == 3
        assert floor.queues.views.view("sales")["removed"]
        with pytest.raises(EngineError):
            await floor.join("new")
        floor.queues.configure([queue(agents=["ann"])])
        await floor.after(0)
        assert guests[0].rings == ("ann",)

    run_floor(script, [queue()], [agent("ann")])


def test_a_removed_queue_is_emptied_by_those_who_served_it() -> None:
    """Their configuration cannot name it any more."""

    async def script(floor: Floor) -> None:
        floor.agents.pause("ann")
        guests = [await floor.join(f"guest{n}") for n in range(2)]
        for _ in range(2):  # whatever else is changed later
            floor.agents.enrol(agent("ann", queues=["service"]))
            floor.queues.configure([queue("service")])
        floor.agents.ready("ann")
        for guest in guests:
            await floor.turn()
            assert guest.rings == ("ann",)
            guest.is_taken()
            guest.is_done()
        with pytest.raises(EngineError):
            floor.queues.views.view("sales")

    run_floor(script, [queue()], [agent("ann", queues=["sales"])])


def test_a_reload_offers_the_first_in_line_first() -> None:
    async def script(floor: Floor) -> None:
        late = await floor.join("late")
        urgent = await floor.join("urgent", priority=3)
        floor.queues.configure([queue(agents=["ann"])])
        await floor.after(0)
        assert urgent.rings == ("ann",) and not late.rings

    run_floor(script, [queue()], [agent("ann")])


def test_stopped_queues_offer_nobody() -> None:
    async def script(floor: Floor) -> None:
        floor.queues.stop()
        guest = await floor.join("guest")
        floor.agents.login("ann")
        await asyncio.sleep(100)
        assert not guest.rings

    run_floor(script, [queue()], [agent("ann", queues=["sales"], login="manual")])
