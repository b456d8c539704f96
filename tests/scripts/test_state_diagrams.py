"""The tables of states are whole, and docs/states.md shows what they say."""

from pathlib import Path

import pytest

from scripts.state_diagrams import MACHINES, StateMachine, page

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "states.md"

every_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda one: one.title)


def reachable(machine: StateMachine, begin: str) -> set[str]:
    found, unseen = {begin}, [begin]
    while unseen:
        for state in machine.leads_to.get(unseen.pop(), ()):
            if state not in found:
                found.add(state)
                unseen.append(state)
    return found


def test_the_document_shows_what_the_tables_say() -> None:
    assert DOCUMENT.read_text() == page(), "run `make diagrams`"


@every_machine
def test_every_state_is_reached(machine: StateMachine) -> None:
    assert reachable(machine, machine.begins) == set(machine.states)


@every_machine
def test_every_state_leads_to_an_end(machine: StateMachine) -> None:
    ends = set(machine.ends) or {machine.begins}
    for state in machine.states:
        assert reachable(machine, state) & ends, f"{state} is left for nowhere"


@every_machine
def test_nothing_follows_an_end(machine: StateMachine) -> None:
    assert not set(machine.ends) & set(machine.leads_to)
    assert set(machine.leads_to) | set(machine.ends) == set(machine.states)


@every_machine
def test_the_diagram_has_every_arrow_once(machine: StateMachine) -> None:
    arrows = machine.diagram().splitlines()[1:]
    seen = {f"{a} --> {b}" for a, following in machine.leads_to.items() for b in following}
    seen |= {f"{end} --> [*]" for end in machine.ends} | {f"[*] --> {machine.begins}"}
    assert sorted(arrow.strip() for arrow in arrows) == sorted(seen)


def test_states_without_a_way_in_are_shown_as_well() -> None:
    lonely = StateMachine("", "", "", "a", ("z",), {"a": {"b"}, "c": {"a"}})
    assert lonely.states == ["a", "b", "c", "z"]
