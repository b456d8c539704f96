"""Queues at work: who is offered to whom, and when, to the second."""

import asyncio
from typing import Any

import pytest

from config.agents import Agent as AgentSettings
from config.calendars import Calendar
from config.queues import Centre, Overflow, Queue, QueueLimits, Share, Tier, Vip
from engine.errors import EngineError
from engine.routing.hours.opening_hours import opening_hours
from tests.support.floor import START, Floor, Guest, agent, run_floor


def queue(name: str = "sales", **settings: Any) -> Queue:
    return Queue(name=name, **settings)


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


# -- who may take whom ------------------------------------------------------------------------


def test_tiers_widen_who_may_help_as_time_goes_by() -> None:
    tiers = [
        Tier(after_s=10, lower_skills=3),
        Tier(after_s=20, agents=["bob"]),
        Tier(after_s=30, queues=["service"]),
        Tier(after_s=40, centres=["leeds"]),
    ]
    agents = [
        agent("ann", queues=["sales"], skills={"german": 2}),
        agent("bob", skills={"german": 3}),
        agent("cat", queues=["service"], skills={"german": 9}),
        agent("dan", centre="leeds", skills={"german": 9}),
    ]

    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(4)]
        await floor.after(60)
        offers = [(event["at"], event["agents"]) for event in floor.seen("queue.offered")]
        assert offers == [(10, ["ann"]), (20, ["bob"]), (30, ["cat"]), (40, ["dan"])]
        assert [guest.rings for guest in guests] == [("ann",), ("bob",), ("cat",), ("dan",)]

    sales = queue(skills={"german": 5}, tiers=tiers)
    run_floor(script, [sales, queue("service")], agents, centres=[Centre(name="leeds")])


def test_levels_are_the_higher_of_the_queues_and_the_requests() -> None:
    async def script(floor: Floor) -> None:
        assert (await floor.join("one", skills={"german": 2})).rings == ("ann",)
        assert (await floor.join("two", skills={"german": 6})).rings == ("bob",)
        assert (await floor.join("three", skills={"french": 1})).rings == ()

    agents = [
        agent("ann", queues=["sales"], skills={"german": 5}),
        agent("bob", queues=["sales"], skills={"german": 6}),
    ]
    run_floor(script, [queue(skills={"german": 5})], agents)


def test_an_agent_of_two_queues_gets_the_longer_wait_by_their_weights() -> None:
    async def script(floor: Floor) -> None:
        heavy, light = await floor.join("heavy", "heavy"), await floor.join("light", "light")
        await floor.after(5)
        heavy.hangs_up()
        heavy = await floor.join("again", "heavy")
        await floor.after(2)  # heavy waits 2 s, times 3; light 7 s
        floor.agents.login("ann")
        await floor.turn()
        assert light.rings and not heavy.rings
        light.hangs_up()
        heavy.hangs_up()
        floor.agents.logout("ann")
        light, heavy = (
            await floor.join("l2", "light", ago_s=7),
            await floor.join("h2", "heavy", ago_s=3),
        )
        floor.agents.login("ann")  # 9 against 7
        await floor.turn()
        assert heavy.rings and not light.rings

    queues = [queue("light"), queue("heavy", weight=3)]
    run_floor(script, queues, [agent("ann", queues=["light", "heavy"], login="manual")])


def test_priority_goes_before_any_weight() -> None:
    async def script(floor: Floor) -> None:
        heavy = await floor.join("heavy", "heavy", ago_s=1000)
        light = await floor.join("light", "light", priority=1)
        floor.agents.login("ann")
        await floor.turn()
        assert light.rings and not heavy.rings

    queues = [queue("light"), queue("heavy", weight=1000)]
    run_floor(script, queues, [agent("ann", queues=["light", "heavy"], login="manual")])


def test_a_customer_is_kept_for_the_known_agent_for_a_time() -> None:
    async def script(floor: Floor) -> None:
        other = await floor.join("other")
        other.is_taken("ann")
        guest = await floor.join("guest", known_agent="ann")
        await floor.after(14.9)
        assert not guest.rings, "bob is free, but ann knows the customer"
        await floor.after(0.1)
        assert guest.rings == ("bob",)
        again = await floor.join("again", known_agent="ann")
        other.is_done()
        await floor.turn()
        assert again.rings == ("ann",)

    sales = queue(known_agent_s=15, strategy="ordered", agents=["ann", "bob"])
    run_floor(script, [sales], [agent("ann"), agent("bob")])


def test_nobody_is_kept_for_an_agent_who_is_logged_out() -> None:
    async def script(floor: Floor) -> None:
        assert (await floor.join("guest", known_agent="ann")).rings == ("bob",)

    agents = [agent("ann", login="manual"), agent("bob")]
    run_floor(script, [queue(known_agent_s=15, agents=["ann", "bob"])], agents)


def test_an_entry_kept_for_an_agent_who_logs_out_is_free_at_once() -> None:
    vip = Vip(context={"tier": "gold"}, agents=["ann", "cat"], within_s=60)

    async def script(floor: Floor) -> None:
        floor.agents.pause("ann")
        guest = await floor.join("guest", known_agent="ann")
        gold = await floor.join("gold", context={"tier": "gold"})
        await floor.after(5)
        assert not guest.rings, "ann is only away for a moment"
        floor.agents.logout("ann")
        await floor.after(0.001)
        assert (guest.rings, gold.rings) == (("bob",), ("dan",))

    names = ["ann", "bob", "cat", "dan"]
    agents = [agent(name, login="manual" if name == "cat" else "auto") for name in names]
    run_floor(script, [queue(known_agent_s=60, vip=[vip], agents=names)], agents)


def test_a_vip_is_kept_for_their_agents_and_comes_before_others() -> None:
    vip = Vip(context={"tier": "gold"}, agents=["cat"], within_s=20, raise_priority=5)

    async def script(floor: Floor) -> None:
        plain = await floor.join("plain")
        plain.is_taken("ann")
        gold = await floor.join("gold", context={"tier": "gold"})
        assert gold.rings == ("cat",), "though she serves no queue"
        gold.is_missed()
        plain2 = await floor.join("plain2")
        await floor.after(19)
        plain.is_done()
        await floor.turn()
        assert plain2.rings == ("ann",), "gold is kept for cat"
        plain2.is_taken()
        await floor.after(2)
        plain3 = await floor.join("plain3", ago_s=500)
        plain2.is_done()
        await floor.turn()
        assert gold.rings == ("ann",) and not plain3.rings

    sales = queue(vip=[vip], again_s=60)
    run_floor(script, [sales], [agent("ann", queues=["sales"]), agent("cat")])


def test_vips_may_be_known_by_priority() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("plain", priority=9)
        await floor.join("vip", priority=10)
        (first, second) = (floor.queues.entry_view(name) for name in ("vip", "plain"))
        assert (first["priority"], second["priority"]) == (15, 9)

    run_floor(script, [queue(vip=[Vip(min_priority=10, raise_priority=5)])])


# -- centres ----------------------------------------------------------------------------------

CENTRES = [
    Centre(name="london"),
    Centre(name="leeds"),
    Centre(name="outside", number="+442079460999"),
]


def test_the_load_is_shared_in_per_cent() -> None:
    shares = [Share(centre="london", percent=60), Share(centre="leeds", percent=40)]

    async def script(floor: Floor) -> None:
        for number in range(100):
            await floor.join(f"guest{number}")
        assert floor.queues.view("sales")["centres"] == {"london": 60, "leeds": 40}
        london = floor.queues.entry_view("guest0")
        assert london["centre"] == "london"

    run_floor(script, [queue(shares=shares)], centres=CENTRES)


def in_centres(**states: str) -> list[AgentSettings]:
    """Agents of `sales`, each in the centre of that name: logged in, or not (`out`)."""
    return [
        agent(
            f"of_{centre}",
            queues=["sales"],
            centre=centre,
            skills={"german": 5} if state == "german" else {},
            login="manual" if state == "out" else "auto",
        )
        for centre, state in states.items()
    ]


def test_an_entry_is_kept_for_its_centre_while_its_agents_are_busy() -> None:
    shares = [Share(centre="london", percent=100)]

    async def script(floor: Floor) -> None:
        (await floor.join("first")).is_taken("of_london")
        guest = await floor.join("guest")
        await floor.after(29.9)
        assert not guest.rings
        assert floor.queues.view("sales")["why_waiting"] == (
            "guest waits although an agent is free: of_leeds: the turn of centre london"
        )
        await floor.after(0.1)
        assert guest.rings == ("of_leeds",)
        assert floor.queues.view("sales")["why_waiting"] is None

    agents = in_centres(london="in", leeds="in")
    run_floor(script, [queue(shares=shares, share_s=30)], agents, centres=CENTRES)


@pytest.mark.parametrize("london", ["out", "paused", "unskilled"])
def test_a_centre_that_cannot_take_a_call_has_no_turn(london: str) -> None:
    shares = [Share(centre="london", percent=99), Share(centre="leeds", percent=1)]
    skills = {"german": 5} if london == "unskilled" else {}

    async def script(floor: Floor) -> None:
        if london == "paused":
            floor.agents.pause("of_london", "lunch")
        for number in range(3):
            guest = await floor.join(f"guest{number}")
            assert guest.rings == ("of_leeds",)
            assert floor.seen("queue.joined")[-1]["centre"] == "leeds"
            guest.hangs_up()
            await floor.turn()

    agents = in_centres(london="out" if london == "out" else "in", leeds="german")
    run_floor(script, [queue(shares=shares, skills=skills)], agents, centres=CENTRES)


@pytest.mark.parametrize("leaves", ["logout", "pause", "skills"])
def test_who_waits_for_a_centre_is_free_for_all_when_it_can_take_them_no_more(
    leaves: str,
) -> None:
    shares = [Share(centre="london", percent=100), Share(centre="leeds", percent=0)]

    async def script(floor: Floor) -> None:
        busy = await floor.join("busy")
        busy.is_taken("of_london")
        guest = await floor.join("guest", skills={"german": 2})
        assert not guest.rings
        busy.is_done()
        floor.agents.pause("of_leeds")
        await floor.turn()
        assert guest.rings == ("of_london",)
        guest.is_missed()
        if leaves == "logout":
            floor.agents.logout("of_london")
        elif leaves == "pause":
            floor.agents.pause("of_london", "lunch")
        else:
            floor.agents.set_skills("of_london", {"german": 1})
        floor.agents.ready("of_leeds")
        await floor.turn()
        assert guest.rings == ("of_leeds",)

    agents = in_centres(london="german", leeds="german")
    run_floor(script, [queue(shares=shares)], agents, centres=CENTRES)


def test_an_outside_centre_gets_its_share_at_its_number() -> None:
    shares = [Share(centre="london", percent=50), Share(centre="outside", percent=50)]

    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(10)]
        gone = [guest.left.target for guest in guests if guest.left is not None]
        assert gone == ["+442079460999"] * 5

    async def at_night(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(4)]
        assert all(guest.left is not None for guest in guests)

    run_floor(script, [queue(shares=shares)], in_centres(london="in"), centres=CENTRES)
    run_floor(at_night, [queue(shares=shares)], in_centres(london="out"), centres=CENTRES)


def test_an_entry_waits_for_the_centre_that_its_request_names() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest", centre="london")
        assert not guest.rings
        floor.agents.login("of_london")
        await floor.turn()
        assert guest.rings == ("of_london",)

    run_floor(script, [queue()], in_centres(london="out", leeds="in"), centres=CENTRES)


def test_shares_follow_the_customers_place_and_the_hours() -> None:
    calendar = Calendar(name="early", zone="Europe/London", hours=["00:00-10:30"])
    shares = [
        Share(centre="london", percent=50, regions=["GB"]),
        Share(centre="leeds", percent=50),
        Share(centre="outside", percent=50, calendar="early", prefixes=["+49"]),
    ]

    async def script(floor: Floor) -> None:
        async def centre(number: str, region: str) -> str | None:
            guest = await floor.join(number, number=number, region=region)
            chosen: str | None = floor.seen("queue.joined")[-1]["centre"]
            guest.hangs_up()
            return chosen

        assert await centre("+442079460000", "GB") == "london"
        assert await centre("+33140000000", "FR") == "leeds"
        assert await centre("+4930000000", "DE") == "outside", "10:00 in London"
        await floor.after(1801)
        assert await centre("+4930000001", "DE") == "leeds", "its hours are over"

    run_floor(script, [queue(shares=shares)], centres=CENTRES, calendars=opening_hours([calendar]))


# -- overflow and hours -----------------------------------------------------------------------


def test_overflow_goes_step_by_step() -> None:
    steps = [
        Overflow(after_s=10, raise_priority=5),
        Overflow(after_s=20, centre="leeds"),
        Overflow(after_s=30, queue="service"),
        Overflow(after_s=40, number="+442079460888"),
    ]

    async def script(floor: Floor) -> None:
        first = await floor.join("first")
        waiting = await floor.join("waiting", "service", ago_s=20)
        await floor.after(10)
        assert floor.queues.entry_view("first")["priority"] == 5
        await floor.after(10)
        assert first.rings == ("dan",), "who helps from now on, whatever queue they serve"
        first.is_missed()
        await floor.after(10)
        moved = floor.queues.entry_view("first")
        assert (moved["queue"], moved["place"], moved["joined_at"]) == ("service", 1, START)
        assert moved["entered_at"] == START + 30
        assert floor.queues.place("waiting") == 2
        assert waiting.left is None
        (event,) = floor.seen("queue.overflowed")
        assert (event["queue"], event["to_queue"]) == ("sales", "service")
        joined = [
            one
            for one in floor.seen("queue.joined")
            if "first" in (one.get("job"), one.get("call"))
        ]
        assert (joined[-1]["queue"], joined[-1]["from_queue"]) == ("service", "sales")

    sales = queue(overflow=steps, again_s=3600)
    run_floor(script, [sales, queue("service")], [agent("dan", centre="leeds")], centres=CENTRES)


def test_overflow_to_an_outside_number_and_to_a_full_queue() -> None:
    steps = [Overflow(after_s=10, queue="service"), Overflow(after_s=60, number="+442079460888")]

    async def script(floor: Floor) -> None:
        blocker = await floor.join("blocker", "service")
        one, two = await floor.join("one"), await floor.join("two")
        await floor.after(12)
        assert floor.queues.entry_view("one")["queue"] == "sales", "service is full: tried again"
        blocker.hangs_up()
        await floor.after(3)
        assert floor.queues.entry_view("one")["queue"] == "service"
        assert one.left is None
        await floor.after(45)
        assert two.left is not None and two.left.target == "+442079460888"

    run_floor(script, [queue(overflow=steps), queue("service", max_length=1)])


def test_two_queues_that_overflow_into_each_other_do_not_play_ball() -> None:
    queues = [
        queue("a", overflow=[Overflow(after_s=5, queue="b")]),
        queue("b", overflow=[Overflow(after_s=5, queue="a")]),
    ]

    async def script(floor: Floor) -> None:
        await floor.join("guest", "a")
        await floor.after(600)
        assert floor.queues.entry_view("guest")["queue"] == "b"
        assert len(floor.seen("queue.overflowed")) == 1

    run_floor(script, queues)


OFFICE = Calendar(name="office", zone="Europe/London", hours=["mon-fri 09:00-10:30"])


@pytest.mark.parametrize("at_closing", ["serve", "send_away"])
def test_at_closing_time(at_closing: str) -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest")
        await floor.after(1799)
        assert guest.left is None
        await floor.after(2)
        with pytest.raises(EngineError) as closed:
            floor.queues.check("sales")
        data = closed.value.data
        assert (data["reason"], data["schedule"]) == ("closed", True)
        assert data["opens_at"] == START + 23 * 3600, "tomorrow at nine"
        if at_closing == "serve":
            floor.agents.login("ann")
            await floor.turn()
            assert guest.rings == ("ann",)
        else:
            assert guest.left is not None and guest.left.reason == "closed"

    sales = queue(calendar="office", at_closing=at_closing, when_closed="schedule")
    agents = [agent("ann", queues=["sales"], login="manual")]
    run_floor(script, [sales], agents, calendars=opening_hours([OFFICE]))


# -- reload -----------------------------------------------------------------------------------


def test_entries_keep_their_position_over_a_reload_and_a_removed_queue_is_emptied() -> None:
    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{n}") for n in range(3)]
        floor.queues.configure([queue("service")])
        assert floor.queues.place("guest2") == 3
        assert floor.queues.view("sales")["removed"]
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
            floor.queues.view("sales")

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


# -- overflow by what goes on -----------------------------------------------------------------

AT_NIGHT = opening_hours([Calendar(name="night", zone="Europe/London", hours=["22:00-06:00"])])


def goes_to(guest: Guest, floor: Floor) -> str | None:
    """The queue in which a guest waits, the outside number that they were sent to, or why not."""
    if guest.left is not None:
        return guest.left.target or guest.left.reason
    return str(floor.queues.entry_view(guest.id)["queue"])


def test_a_full_queue_sends_the_next_to_another_in_their_place() -> None:
    steps = [Overflow(when="full", queue="service"), Overflow(when="full", number="+442079460999")]

    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{number}") for number in range(5)]
        assert [goes_to(guest, floor) for guest in guests] == [
            "sales", "sales", "service", "+442079460999", "+442079460999"
        ]  # fmt: skip
        assert floor.seen("queue.overflowed")[0]["to_queue"] == "service"
        assert floor.queues.view("sales")["tally"]["overflowed"] == 3
        assert floor.queues.view("service")["waiting"] == 1
        back = await floor.join("back", is_back=True, outside_tried={"+442079460999": 1.0})
        assert goes_to(back, floor) == "full"
        guests[0].hangs_up()
        again = await floor.join("again", is_back=True, outside_tried={"+442079460999": 1.0})
        assert goes_to(again, floor) == "sales"

    run_floor(script, [queue(max_length=2, overflow=steps), queue("service", max_length=1)])


def test_a_full_queue_without_room_elsewhere_refuses() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("one")
        with pytest.raises(EngineError, match="sales is full"):
            await floor.join("two")
        with pytest.raises(EngineError, match="sales is full"):
            floor.queues.check("sales", "call")

    steps = [Overflow(when="full", queue="service"), Overflow(when="closed", number="+44207946099")]
    service = queue("service", calendar="night")
    run_floor(script, [queue(max_length=1, overflow=steps), service], calendars=AT_NIGHT)


def test_a_closed_queue_sends_everybody_to_one_that_is_open() -> None:
    async def script(floor: Floor) -> None:
        floor.queues.check("sales", "call")
        guest = await floor.join("guest")
        assert goes_to(guest, floor) == "service"
        assert floor.queues.matcher.queues.opens_at("sales", floor.clock(), "call") == floor.clock()
        callback = await floor.join("callback", kind="callback")
        assert goes_to(callback, floor) == "+442079460999"

    steps = [Overflow(when="closed", queue="service")]
    outside = [Overflow(when="closed", number="+442079460999")]
    closed = queue(calendar="night", overflow=steps, callbacks=QueueLimits(overflow=outside))
    run_floor(script, [closed, queue("service")], calendars=AT_NIGHT)


def test_at_closing_time_those_who_wait_go_on() -> None:
    async def script(floor: Floor) -> None:
        guest = await floor.join("guest")
        await floor.after(1801.0)
        assert goes_to(guest, floor) == "service"

    hours = opening_hours([Calendar(name="day", zone="Europe/London", hours=["09:00-10:30"])])
    steps = [Overflow(when="closed", queue="service")]
    closing = queue(calendar="day", at_closing="send_away", overflow=steps)
    run_floor(script, [closing, queue("service")], calendars=hours)


def test_when_the_last_agent_logs_out_those_who_wait_go_on() -> None:
    async def script(floor: Floor) -> None:
        floor.agents.pause("ann")
        floor.agents.pause("dan")
        guest = await floor.join("guest")
        assert goes_to(guest, floor) == "sales"
        floor.agents.logout("ann")
        await floor.turn()
        assert goes_to(guest, floor) == "sales"
        floor.agents.logout("dan")
        await floor.turn()
        assert goes_to(guest, floor) == "service"
        assert goes_to(await floor.join("later"), floor) == "service"

    agents = [agent(name, queues=["sales"]) for name in ("ann", "dan")]
    steps = [Overflow(when="nobody", queue="service")]
    run_floor(script, [queue(overflow=steps), queue("service")], agents)


def test_by_length_only_those_behind_go_on() -> None:
    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{number}") for number in range(4)]
        assert [goes_to(guest, floor) for guest in guests] == [
            "sales", "sales", "service", "service"
        ]  # fmt: skip

    steps = [Overflow(when="length", above=2, queue="service")]
    run_floor(script, [queue(overflow=steps), queue("service")])


def test_by_expected_wait() -> None:
    async def script(floor: Floor) -> None:
        for number in range(3):
            guest = await floor.join(f"answered{number}")
            await floor.after(30)
            floor.agents.ready("ann")
            await floor.turn()
            guest.is_taken("ann")
            guest.is_done()
            floor.agents.pause("ann")
        guests = [await floor.join(f"guest{number}") for number in range(4)]
        assert [goes_to(guest, floor) for guest in guests] == ["sales"] * 3 + ["service"]
        await floor.after(90)
        assert goes_to(guests[0], floor) == "sales"
        assert goes_to(guests[2], floor) == "service", "the queue has come to a stand"

    steps = [Overflow(when="expected_wait", above=100, queue="service")]
    agents = [agent("ann", queues=["sales"])]

    async def paused(floor: Floor) -> None:
        floor.agents.pause("ann")
        await script(floor)

    run_floor(paused, [queue(overflow=steps), queue("service")], agents)


def test_callers_and_callbacks_have_lengths_and_waits_of_their_own() -> None:
    async def script(floor: Floor) -> None:
        caller = await floor.join("caller")
        with pytest.raises(EngineError, match="full: 1 callers are waiting"):
            await floor.join("other")
        callbacks = [await floor.join(f"cb{number}", kind="callback") for number in range(2)]
        with pytest.raises(EngineError, match="full: 2 callbacks are waiting"):
            await floor.join("cb3", kind="callback")
        await floor.after(30)
        assert goes_to(caller, floor) == "timeout"
        await floor.after(270)
        assert [goes_to(one, floor) for one in callbacks] == ["timeout", "timeout"]

    callers = QueueLimits(max_length=1, max_wait_s=30)
    callbacks = QueueLimits(max_length=2)
    both = queue(max_wait_s=300, max_length=10, callers=callers, callbacks=callbacks)
    run_floor(script, [both])
