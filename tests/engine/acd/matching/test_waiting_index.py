"""The index finds for an agent what a look at every entry would."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from engine.acd.matching.waiting_index import Profile, WaitingIndex
from engine.acd.queue_entry import Entry, Scope
from engine.acd.staffing import NEVER
from engine.acd.waiting import Waiting

SKILLS = ("german", "french")


def entry(seq: int, scope: Scope, missed: dict[str, float]) -> Entry:
    waiting = Waiting(
        id=f"e{seq}", kind="call", queue="sales", joined_at=float(seq % 3),
        on_offer=lambda _offer: None, on_leave=lambda _leave: None,
    )  # fmt: skip
    one = Entry(
        waiting=waiting, seq=seq, arrived_at=0.0, entered_at=0.0, priority=seq % 2, queue="sales",
        skills={}, scope=scope, missed=missed,
    )  # fmt: skip
    one.set_key()
    return one


def scope_of(tier: int, centre: str | None, also: frozenset[str], levels: tuple[int, ...]) -> Scope:
    return Scope(None, tier, centre, also, SKILLS[: len(levels)], levels)


LEVEL = st.integers(1, 3)
scopes = st.one_of(
    st.sampled_from([("ann",), ("bob",), ("ann", "bob")]).map(lambda only: Scope(only=only)),
    st.builds(
        scope_of,
        st.integers(0, 2),
        st.sampled_from([None, "leeds"]),
        st.sampled_from([frozenset[str](), frozenset({"york"})]),
        st.one_of(st.just(()), st.tuples(LEVEL), st.tuples(LEVEL, LEVEL)),
    ),
)


class Anyone:
    """What the index reads of an agent."""

    def __init__(self, name: str, centre: str | None, skills: dict[str, int]) -> None:
        self.name, self.centre, self.skills = name, centre, skills


def profile(name: str, centre: str | None, skills: dict[str, int]) -> Profile:
    one: Any = Anyone(name, centre, skills)
    return Profile(one, name, centre, skills, frozenset(skills), {})


@given(
    st.lists(
        st.tuples(scopes, st.sampled_from([{}, {}, {"ann": 50.0}, {"ann": 5.0}]), st.booleans()),
        max_size=25,
    ),
    st.sampled_from(["ann", "bob", "cat"]),
    st.sampled_from([None, "leeds", "york"]),
    st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 3)),
    st.sampled_from([None, (True, NEVER), (False, 0), (False, 1), (False, NEVER)]),
)
@example(  # the first of the second level is withheld from ann, and what follows it is later
    [
        (scope_of(0, None, frozenset(), (1,)), {}, False),
        (scope_of(0, None, frozenset(), (2,)), {"ann": 50.0}, False),
        (scope_of(0, None, frozenset(), (2,)), {}, False),
    ],
    "ann",
    None,
    {"german": 3},
    (True, NEVER),
)
@example(  # what asks for more skill comes later than what was found
    [
        (Scope(only=("ann",)), {}, True),
        (scope_of(0, None, frozenset(), (1,)), {}, False),
        (scope_of(0, None, frozenset(), (2,)), {}, False),
    ],
    "ann",
    None,
    {"german": 3},
    (True, NEVER),
)
def test_the_best_is_the_first_that_the_agent_may_take(
    given_entries: list[tuple[Scope, dict[str, float], bool]],
    name: str,
    centre: str | None,
    skills: dict[str, int],
    service: tuple[bool, int] | None,
) -> None:
    now = 10.0
    waiting_index, there = WaitingIndex(), []
    for seq, (scope, missed, is_taken) in enumerate(given_entries):
        one = entry(seq, scope, missed)
        waiting_index.index_entry(one)
        if is_taken:
            waiting_index.unindex_entry(one)
        else:
            there.append(one)
    assert len(waiting_index) == len(there)
    who = profile(name, centre, skills)
    able = [
        one
        for one in there
        if who.may_take(one.scope, service) and one.missed.get(name, now) <= now
    ]
    assert waiting_index.best(who, service, now) is min(able, key=lambda one: one.key, default=None)
    for one in there:
        waiting_index.unindex_entry(one)
    assert not len(waiting_index) and not waiting_index._groups and not waiting_index._kept
