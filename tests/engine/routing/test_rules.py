"""Rules: which one wins, and that the explanation says what happens."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.rules import Rule
from engine.routing.conditions import CallerHistory, Facts
from engine.routing.rules import Rules, Ruling


def rule(name: str = "r", **parts: Any) -> Rule:
    return Rule.model_validate({"name": name, **parts})


def facts(**known: Any) -> Facts:
    plain: dict[str, Any] = {"to": "+442079460123", "number": "+442079460123", "now": 0.0}
    return Facts(**plain | known)


def test_the_first_match_wins() -> None:
    rules = Rules([rule("a", set={"priority": 1}), rule("b", set={"priority": 2, "queue": "q"})])
    ruling = rules.apply(facts())
    assert (ruling.fired, ruling.settings()) == (("a",), {"priority": 1})


def test_continue_goes_on_and_what_is_set_stays() -> None:
    rules = Rules(
        [
            rule("a", set={"priority": 1, "skills": {"x": 3}}, **{"continue": True}),
            rule("b", set={"priority": 2, "skills": {"x": 1, "y": 2}, "queue": "q"}),
            rule("c", set={"record": True}),
        ]
    )
    ruling = rules.apply(facts(), explain=True)
    assert ruling.fired == ("a", "b")
    assert ruling.settings() == {"priority": 1, "skills": {"x": 3, "y": 2}, "queue": "q"}
    assert ruling.trace[1].kept == {
        "priority": "rule a has set it",
        "skills.x": "rule a has set it",
    }
    assert ruling.trace[2].outcome == "not_looked_at"


def test_what_the_request_says_wins_unless_a_rule_overrides() -> None:
    said = facts(agent="alice", given={"agent": "alice", "priority": 0, "skills": {"x": 5}})
    settings = {"queue": "q", "priority": 9, "record": True, "skills": {"x": 1, "y": 1}}
    gentle = Rules([rule(set=settings)]).apply(said, explain=True)
    assert gentle.settings() == {"record": True, "skills": {"y": 1}}
    assert gentle.trace[0].kept == {
        "queue": "the request says agent itself",
        "priority": "the request says priority itself",
        "skills.x": "the request says skills.x itself",
    }
    assert Rules([rule(set=settings, override=True)]).apply(said).settings() == settings


def test_a_later_rule_sees_the_queue_that_an_earlier_one_set() -> None:
    rules = Rules(
        [
            rule("a", set={"queue": "sales"}, **{"continue": True}),
            rule("b", match={"queue": "sales"}, set={"whisper": "Sales"}, **{"continue": True}),
            rule("c", set={"agent": "alice"}),
        ]
    )
    ruling = rules.apply(facts(), explain=True)
    assert ruling.settings() == {"queue": "sales", "whisper": "Sales"}
    assert ruling.trace[2].kept == {"agent": "rule a has set it"}


def test_the_trace_says_why_not() -> None:
    rules = Rules([rule(match={"context": {"tier": ["gold"]}, "prefix": "+44"})])
    (step,) = rules.apply(facts(context={"tier": "tin"}), explain=True).trace
    assert step.outcome == "no_match"
    assert [(one.name, one.wants, one.found, one.holds) for one in step.conditions] == [
        ("prefix", "begins with '+44'", "+442079460123", True),
        ("context.tier", "'gold'", "tin", False),
    ]


def test_history_is_asked_for_only_where_a_rule_looks_at_it() -> None:
    assert not Rules([rule(match={"queue": "q"})]).needs_history
    assert Rules([rule(match={"history": {"min_attempts": 1}})]).needs_history


# -- explain and apply agree --------------------------------------------------------------------

words = st.sampled_from(["a", "b", "c"])
contexts = st.dictionaries(words, st.one_of(words, st.integers(0, 2), st.booleans()), max_size=3)
field_matches = st.one_of(
    words,
    st.integers(0, 2),
    st.lists(words, min_size=1, max_size=2),
    st.fixed_dictionaries({"prefix": words}),
    st.fixed_dictionaries({"present": st.booleans()}),
    st.fixed_dictionaries({"regex": words}),
)
found_matches = st.fixed_dictionaries(
    {},
    optional={
        "context": st.dictionaries(words, field_matches, max_size=2),
        "queue": words,
        "site": words,
        "prefix": st.sampled_from(["+", "+4", "+44", "+1"]),
        "region": st.sampled_from(["GB", "IE"]),
        "history": st.fixed_dictionaries({"min_attempts": st.integers(0, 2)}),
    },
)
found_settings = st.fixed_dictionaries(
    {},
    optional={
        "queue": words,
        "priority": st.integers(-1, 1),
        "skills": st.dictionaries(words, st.integers(1, 3), max_size=2),
        "record": st.booleans(),
    },
)
found_rules = st.lists(
    st.builds(
        lambda match, settings, goes_on, override: {
            "match": match, "set": settings, "continue": goes_on, "override": override,
        },
        found_matches, found_settings, st.booleans(), st.booleans(),
    ),
    max_size=6,
)  # fmt: skip
found_facts = st.builds(
    facts,
    context=contexts,
    queue=st.none() | words,
    site=st.none() | words,
    region=st.none() | st.sampled_from(["GB", "IE"]),
    history=st.builds(CallerHistory, attempts=st.integers(0, 2)),
    given=st.fixed_dictionaries(
        {},
        optional={
            "queue": words,
            "priority": st.integers(-1, 1),
            "skills": st.dictionaries(words, st.integers(1, 3), max_size=2),
        },
    ),
)


def seen(ruling: Ruling) -> dict[str, Any]:
    """What the trace alone says is set."""
    settings: dict[str, Any] = {}
    for step in ruling.trace:
        skills = settings.get("skills", {}) | step.set.get("skills", {})
        settings |= step.set | ({"skills": skills} if skills else {})
    return settings


@given(found_rules, found_facts)
def test_explain_and_apply_agree(parts: list[dict[str, Any]], known: Facts) -> None:
    rules = Rules([rule(f"r{index}", **part) for index, part in enumerate(parts)])
    applied, explained = rules.apply(known), rules.apply(known, explain=True)
    assert applied.settings() == explained.settings() == seen(explained)
    assert applied.fired == explained.fired
    assert [step.rule for step in explained.trace if step.outcome == "fired"] == [*applied.fired]
    assert len(explained.trace) == len(parts)
    for step in explained.trace:
        if step.outcome == "fired":
            assert all(condition.holds for condition in step.conditions)
        elif step.outcome == "no_match":
            assert not all(condition.holds for condition in step.conditions)
        asked = set(parts[int(step.rule[1:])]["set"])
        if step.outcome == "fired":
            about = {name.partition(".")[0] for name in (*step.set, *step.kept)}
            assert about == asked - (
                {"skills"} if not parts[int(step.rule[1:])]["set"].get("skills") else set()
            )
        else:
            assert not step.set


@given(found_rules, found_facts)
def test_only_an_overriding_rule_changes_what_was_said(
    parts: list[dict[str, Any]], known: Facts
) -> None:
    rules = Rules(
        [rule(f"r{index}", **part | {"override": False}) for index, part in enumerate(parts)]
    )
    ruling = rules.apply(known)
    assert not set(ruling.settings()) & (set(known.given) - {"skills"})
    assert not set(ruling.skills) & set(known.given.get("skills", {}))
