"""Overflow: those who wait go on by time, hours, length, expected wait, and without agents."""

import pytest

from config.calendars import Calendar
from config.queues import Centre, Overflow, QueueLimits
from engine.errors import EngineError
from engine.routing.hours.opening_hours import opening_hours
from tests.support.floor import START, Floor, Guest, agent, queue, run_floor


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
        assert floor.queues.views.entry_view("first")["priority"] == 5
        await floor.after(10)
        assert first.rings == ("dan",), "who helps from now on, whatever queue they serve"
        first.is_missed()
        await floor.after(10)
        moved = floor.queues.views.entry_view("first")
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
    run_floor(
        script,
        [sales, queue("service")],
        [agent("dan", centre="leeds")],
        centres=[Centre(name="leeds")],
    )


def test_overflow_to_an_outside_number_and_to_a_full_queue() -> None:
    steps = [Overflow(after_s=10, queue="service"), Overflow(after_s=60, number="+442079460888")]

    async def script(floor: Floor) -> None:
        blocker = await floor.join("blocker", "service")
        one, two = await floor.join("one"), await floor.join("two")
        await floor.after(12)
        assert floor.queues.views.entry_view("one")["queue"] == "sales", (
            "service is full: tried again"
        )
        blocker.hangs_up()
        await floor.after(3)
        assert floor.queues.views.entry_view("one")["queue"] == "service"
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
        assert floor.queues.views.entry_view("guest")["queue"] == "b"
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


AT_NIGHT = opening_hours([Calendar(name="night", zone="Europe/London", hours=["22:00-06:00"])])


def goes_to(guest: Guest, floor: Floor) -> str | None:
    """The queue in which a guest waits, the outside number that they were sent to, or why not."""
    if guest.left is not None:
        return guest.left.target or guest.left.reason
    return str(floor.queues.views.entry_view(guest.id)["queue"])


def test_a_full_queue_sends_the_next_to_another_in_their_place() -> None:
    steps = [Overflow(when="full", queue="service"), Overflow(when="full", number="+442079460999")]

    async def script(floor: Floor) -> None:
        guests = [await floor.join(f"guest{number}") for number in range(5)]
        assert [goes_to(guest, floor) for guest in guests] == [
            "sales", "sales", "service", "+442079460999", "+442079460999"
        ]  # fmt: skip
        assert floor.seen("queue.overflowed")[0]["to_queue"] == "service"
        assert floor.queues.views.view("sales")["tally"]["overflowed"] == 3
        assert floor.queues.views.view("service")["waiting"] == 1
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
