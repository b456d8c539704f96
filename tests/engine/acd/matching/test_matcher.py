"""The matcher: random days on the floor, and what must hold after every step of them."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.queues import Centre, Overflow, Queue, Tier, Vip
from engine.acd.agent import Agent
from engine.acd.queue import CallQueue
from engine.acd.queue_entry import Entry
from engine.errors import EngineError
from tests.support.examples import at_most
from tests.support.floor import Floor, Guest, agent, run_floor
from tests.support.virtual_loop import run

CENTRES = [Centre(name="leeds"), Centre(name="outside", number="+442079460999")]
QUEUES = [
    Queue(name="sales", agents=["ann", "bob"], known_agent_s=20, again_s=15, max_wait_s=300),
    Queue(
        name="german", skills={"german": 5}, strategy="best_skill", max_wait_s=400,
        tiers=[
            Tier(after_s=30, lower_skills=3), Tier(after_s=60, agents=["ann"], queues=["sales"]),
        ],
        vip=[Vip(context={"tier": "gold"}, agents=["cat"], within_s=25, raise_priority=3)],
    ),
    Queue(
        name="support", strategy="ring_several", ring_at_once=2, capacity=2, max_wait_s=200,
        max_length=6, weight=3,
        overflow=[
            Overflow(after_s=40, centre="leeds", raise_priority=2),
            Overflow(after_s=80, queue="german"), Overflow(after_s=150, queue="sales"),
        ],
    ),
    Queue(
        name="slow", strategy="round_robin", release_per_min=4, max_wait_s=250,
        tiers=[Tier(after_s=20, centres=["leeds"])],
        overflow=[Overflow(after_s=90, centre="outside")],
    ),
]  # fmt: skip
AGENTS = [
    agent("ann", skills={"german": 2}, queues=["support"]),
    agent("bob", wrap_up_s=12, queues=["slow"]),
    agent("cat", skills={"german": 9}, queues=["german"], wrap_up_s=-1, max_wrap_up_s=30),
    agent("dan", skills={"german": 4}, queues=["german", "support"], centre="leeds"),
    agent("eve", centre="leeds", missed_limit=2),
    agent("fay", queues=["sales", "support", "slow"], login="manual"),
]
NAMES = [one.name for one in AGENTS]
QUEUE_NAMES = [queue.name for queue in QUEUES]

STEPS = st.one_of(
    st.tuples(
        st.just("join"),
        st.sampled_from(QUEUE_NAMES),
        st.fixed_dictionaries(
            {
                "priority": st.integers(-1, 1),
                "ago_s": st.sampled_from([0.0, 0.0, 7.0, 35.0]),
                "kind": st.sampled_from(["call", "callback"]),
                "known_agent": st.sampled_from([None, None, "ann", "eve", "fay"]),
                "skills": st.sampled_from([{}, {}, {"german": 3}, {"french": 1}]),
                "context": st.sampled_from([{}, {"tier": "gold"}]),
            }
        ),
    ),
    st.tuples(st.just("ask_for"), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["take", "miss", "hang_up", "done", "done"]), st.integers(0, 50)),
    st.tuples(st.sampled_from(["login", "logout", "pause", "ready"]), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["hold", "let_go"]), st.sampled_from(QUEUE_NAMES)),
    st.tuples(st.just("raise"), st.integers(0, 50), st.integers(-2, 2)),
    st.tuples(st.just("move"), st.integers(0, 50), st.sampled_from(QUEUE_NAMES)),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 1.0, 5.0, 17.0, 40.0])),
    st.tuples(st.just("reload"), st.booleans()),
)


class Day:
    """A floor, everybody who came, and what must hold of them."""

    def __init__(self) -> None:
        self.floor = Floor(QUEUES, AGENTS, centres=CENTRES)
        self.guests: list[Guest] = []
        self.in_order = True
        self.floor.watch.append(self._is_first)

    @property
    def matcher(self) -> Any:
        return self.floor.queues.matcher

    async def step(self, what: str, *given: Any) -> None:
        floor = self.floor
        # Deadlines that came while nothing else did are worked off in their own order.
        self.in_order = what not in ("pass", "reload")
        if what in ("join", "ask_for"):
            queue, more = given if what == "join" else (None, {"agent": given[0]})
            if not self.takes(queue):
                return
            self.guests.append(await floor.join(f"g{len(self.guests)}", queue, **more))
        elif what in ("take", "miss", "hang_up", "done"):
            self._guest_does(what, given[0])
        elif what in ("login", "logout") or (
            what in ("pause", "ready") and floor.state(given[0]) != "logged_out"
        ):
            getattr(floor.agents, what)(given[0])
        elif what in ("hold", "let_go"):
            line = self.matcher.queues.by_name[given[0]]
            if line.order or not line.is_removed:
                floor.queues.pause(given[0], what == "hold")
        elif what == "raise":
            waiting = list(self.matcher.entries)
            if waiting:
                floor.queues.reprioritise(waiting[given[0] % len(waiting)], given[1])
        elif what == "move":
            self._move(*given)
        elif what == "pass":
            await floor.after(given[0])
        elif what == "reload":
            queues = QUEUES if given[0] else [q for q in QUEUES if q.name != "slow"]
            floor.queues.configure(queues, CENTRES)
            await floor.after(0.0)
        await floor.turn()
        self.check()

    def _guest_does(self, what: str, number: int) -> None:
        able = {
            "take": [guest for guest in self.guests if guest.offer is not None],
            "miss": [guest for guest in self.guests if guest.offer is not None],
            "hang_up": [guest for guest in self.guests if guest.id in self.matcher.entries],
            "done": [guest for guest in self.guests if guest.taken is not None],
        }[what]
        if able:
            guest = able[number % len(able)]
            act = {"take": guest.is_taken, "miss": guest.is_missed, "done": guest.is_done}
            act.get(what, guest.hangs_up)()

    def _move(self, number: int, queue: str) -> None:
        matcher = self.matcher
        able = [
            entry
            for entry in matcher.entries.values()
            if entry.state == "waiting" and entry.queue not in (None, queue)
        ]
        if able and self.takes(queue):
            self.floor.queues.move(able[number % len(able)].id, queue)

    def takes(self, queue: str | None) -> bool:
        """Whether a queue takes one more."""
        line = self.matcher.queues.by_name[queue]
        return not line.is_removed and (queue != "support" or len(line) < 6)

    # -- what must hold ---------------------------------------------------------------------

    def check(self) -> None:
        self.nobody_is_lost()
        self.nobody_is_booked_twice()
        self.nobody_waits_who_could_be_served()
        due_at = self.matcher.next_deadline
        assert due_at is None or due_at > self.floor.clock(), "a deadline has not fired"

    def nobody_is_lost(self) -> None:
        stand = Counter(
            key[2] for line in self.matcher.queues.by_name.values() for key in line.order
        )
        for entry in self.matcher.entries.values():
            line = self.matcher.queues.by_name[entry.queue]
            assert stand.pop(entry.seq) == 1 and entry.key in line.order
            assert (entry in line.waiting_index) == (entry.state == "waiting")
        assert not stand
        for guest in self.guests:
            has_gone = guest.id not in self.matcher.entries
            ends = [e for e in self.floor.events if e["type"] in ENDS and whose(e) == guest.id]
            outside = [e for e in ends if e["type"] == "queue.overflowed" and e.get("target")]
            counted = len([e for e in ends if e["type"] != "queue.overflowed"]) + len(outside)
            assert counted == has_gone, f"{guest.id} ended {counted} times"

    def nobody_is_booked_twice(self) -> None:
        offered = Counter(
            name
            for entry in self.matcher.entries.values()
            if entry.state == "offered"
            for name in entry.offer.agents
        )
        assert all(count == 1 for count in offered.values())
        talking = {guest.taken: guest.id for guest in self.guests if guest.taken is not None}
        assert not offered.keys() & talking.keys()
        for one in self.floor.agents:
            if one.name in talking:
                assert (one.state, one.work) == ("talking", talking[one.name])
            elif one.name in offered:
                assert one.state == "reserved"
            else:
                assert not one.is_on_work, f"{one.name} is left {one.state}"

    def nobody_waits_who_could_be_served(self) -> None:
        for entry in self.matcher.entries.values():
            line = self.matcher.queues.by_name[entry.queue]
            if entry.state != "waiting" or self.is_held(line):
                continue
            for one in self.floor.agents:
                assert not (one.state == "available" and self.may(one, entry)), (
                    f"{entry.id} waits in {entry.queue} while {one.name} is free"
                )

    def _is_first(self, event: dict[str, Any]) -> None:
        """An agent is never offered one behind another of the queue that they might take."""
        if event["type"] != "queue.offered" or not self.in_order:
            return
        offered = self.matcher.entries[whose(event)]
        for entry in self.matcher.entries.values():
            is_ahead = entry.queue == offered.queue and entry.key < offered.key
            if is_ahead and entry.state == "waiting":
                for name in event["agents"]:
                    assert not self.may(self.floor.agents.known(name), entry)

    def is_held(self, line: CallQueue) -> bool:
        full = line.config.capacity and len(line.active) >= line.config.capacity
        return bool(line.paused or full or self.floor.clock() < line.next_release_at)

    def may(self, one: Agent, entry: Entry) -> bool:
        """Whether an agent may take an entry now: by the configuration alone, plainly written."""
        now, waiting = self.floor.clock(), entry.waiting
        if entry.missed.get(one.name, 0.0) > now:
            return False
        if waiting.agent is not None:
            return one.name == waiting.agent
        config = self.matcher.queues.by_name[entry.queue].config
        waits_s = now - entry.entered_at
        known = waiting.known_agent
        if known and waits_s < config.known_agent_s and self.is_here(known):
            return one.name == known
        for vip in config.vip:
            if vip.context.items() <= waiting.context.items():
                if waits_s < vip.within_s and any(map(self.is_here, vip.agents)):
                    return one.name in vip.agents
                break
        serves = {q.name for q in QUEUES if q.name in one.queues or one.name in q.agents}
        tiers = [tier for tier in config.tiers if waits_s >= tier.after_s]
        helps = {config.overflow[number].centre for number in entry.steps_done} - {""}
        if not (
            config.name in serves
            or any(
                one.name in tier.agents or serves & set(tier.queues) or one.centre in tier.centres
                for tier in tiers
            )
            or one.centre in helps
        ):
            return False
        lower = sum(tier.lower_skills for tier in tiers)
        needed = dict(waiting.skills)
        for name, level in config.skills.items():
            needed[name] = max(level, needed.get(name, 0))
        return all(one.skills.get(name, 0) >= level - lower for name, level in needed.items())

    def is_here(self, name: str) -> bool:
        return self.floor.state(name) != "logged_out"

    # -- closing time -----------------------------------------------------------------------

    async def end(self) -> None:
        """Every entry leaves: none waits longer than it may, no agent is left on a call."""
        await self.step("reload", True)
        for queue in QUEUE_NAMES:
            self.floor.queues.pause(queue, False)
        for _ in range(200):
            for guest in self.guests:
                if guest.taken is not None:
                    guest.is_done()
                elif guest.offer is not None:
                    guest.is_missed()
            await self.floor.after(5.0)
            self.in_order = False
            self.check()
        left = [e for e in self.matcher.entries.values() if e.waiting.agent is None]
        assert not left, f"{left} wait for ever"
        for guest in self.guests:
            if guest.id in self.matcher.entries:
                guest.hangs_up()
        assert not any(one.is_on_work or one.state == "wrap_up" for one in self.floor.agents)
        assert not any(line.active or line.order for line in self.matcher.queues.by_name.values())
        for name in NAMES:
            assert self.matcher.staffing.counts(self.floor.agents.all())  # still sensible
            if self.floor.state(name) != "logged_out":
                self.floor.agents.ready(name)
                assert self.floor.state(name) == "available"
        self.floor.close()


ENDS = {"queue.answered", "queue.abandoned", "queue.left", "queue.overflowed"}


def whose(event: dict[str, Any]) -> str:
    return str(event.get("call") or event.get("job"))


@at_most(60)
@given(st.lists(STEPS, min_size=10, max_size=80))
def test_random_days(steps: list[tuple[Any, ...]]) -> None:
    async def main() -> None:
        day = Day()
        for step in steps:
            await day.step(*step)
        await day.end()

    run(main())


def test_who_waits_for_one_agent_is_in_no_queue_to_be_moved_from() -> None:
    async def script(floor: Floor) -> None:
        await floor.join("one", None, agent="ann")
        with pytest.raises(EngineError, match="waits for one agent") as refused:
            floor.queues.move("one", "sales")
        assert (refused.value.kind, refused.value.field) == ("state", "id")

    run_floor(script, [Queue(name="sales")], [agent("ann", login="manual")])


@pytest.mark.parametrize("kept_by", ["known_agent", "vip"])
def test_who_is_logged_in_while_an_entry_is_kept_for_them_is_offered_it(kept_by: str) -> None:
    queue = Queue(
        name="sales", agents=["ann"], skills={"german": 5}, known_agent_s=20,
        vip=[Vip(context={"tier": "gold"}, agents=["ann"], within_s=20)],
    )  # fmt: skip

    async def script(floor: Floor) -> None:
        wished = (
            {"known_agent": "ann"} if kept_by == "known_agent" else {"context": {"tier": "gold"}}
        )
        kept = await floor.join("kept", **wished)
        await floor.after(10)
        floor.agents.login("ann")
        await floor.turn()
        assert kept.rings == ("ann",), "whatever their skills"
        kept.hangs_up()
        floor.agents.logout("ann")
        late = await floor.join("late", **wished)
        await floor.after(30)
        floor.agents.login("ann")
        await floor.turn()
        assert late.rings == (), "its time is over"

    run_floor(script, [queue], [agent("ann", login="manual")])
