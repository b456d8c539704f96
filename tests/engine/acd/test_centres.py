"""Centres: how the load of a queue is shared among them, and who helps."""

import pytest

from config.agents import Agent as AgentSettings
from config.calendars import Calendar
from config.queues import Centre, Share
from engine.routing.hours.opening_hours import opening_hours
from tests.support.floor import Floor, agent, queue, run_floor

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
        assert floor.queues.views.view("sales")["centres"] == {"london": 60, "leeds": 40}
        london = floor.queues.views.entry_view("guest0")
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
        assert floor.queues.views.view("sales")["why_waiting"] == (
            "guest waits although an agent is free: of_leeds: the turn of centre london"
        )
        await floor.after(0.1)
        assert guest.rings == ("of_leeds",)
        assert floor.queues.views.view("sales")["why_waiting"] is None

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
