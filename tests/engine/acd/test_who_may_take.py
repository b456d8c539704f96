"""Who may take whom: tiers, skills, weights, known agents and VIPs."""

from config.queues import Centre, Tier, Vip
from tests.support.floor import Floor, agent, queue, run_floor


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
        (first, second) = (floor.queues.views.entry_view(name) for name in ("vip", "plain"))
        assert (first["priority"], second["priority"]) == (15, 9)

    run_floor(script, [queue(vip=[Vip(min_priority=10, raise_priority=5)])])
