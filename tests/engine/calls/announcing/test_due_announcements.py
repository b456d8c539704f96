"""What is announced when to a party that waits: intervals, positions, waits, repetitions."""

from typing import Any

import pytest

from config.inbound import Room
from config.spoken import Texts
from engine.calls.announcing.due_announcements import Announcements, QueuePosition, spoken_wait

TEXTS = Texts(thanks="")


def announcements(**settings: Any) -> Announcements:
    defaults: dict[str, Any] = {"texts": TEXTS, "announce_frequency_s": 90.0}
    return Announcements(Room(name="a", **(defaults | settings)), entered=0.0)


def heard(seen: Announcements, until_s: int, standing: Any) -> dict[int, list[str]]:
    """What is said at which second; `standing` gives the standing at a second."""
    said = {}
    for second in range(until_s):
        sentences = seen.due(float(second), standing(second))
        if sentences:
            said[second] = sentences
            seen.said(float(second))
    return said


def test_nothing_is_announced_unless_configured() -> None:
    seen = announcements(announce_frequency_s=0.0)
    assert not seen.any
    assert heard(seen, 200, lambda _s: QueuePosition(3, 60.0)) == {}


def test_the_position_is_announced_at_once_and_at_intervals() -> None:
    said = heard(announcements(), 200, lambda _s: QueuePosition(3))
    assert said == {second: ["You are number 3 in line."] for second in (0, 90, 180)}


def test_a_change_is_announced_early_but_not_too_soon() -> None:
    places = {0: 9, 5: 8, 10: 7, 40: 6}

    def standing(second: int) -> QueuePosition:
        return QueuePosition(places[max(s for s in places if s <= second)])

    said = heard(announcements(), 100, standing)
    assert said == {
        0: ["You are number 9 in line."],
        15: ["You are number 7 in line."],
        40: ["You are number 6 in line."],
    }


@pytest.mark.parametrize("policy", ["yes", "more", "limit"])
def test_a_place_that_is_no_better_may_be_kept_quiet(policy: str) -> None:
    """Neither the same place again, nor a worse one, nor one that only makes up for that."""
    places = {0: 9, 20: 11, 60: 10, 200: 9, 300: 7, 400: 3, 500: 4, 600: 3, 700: 2}

    def position(second: int) -> QueuePosition:
        return QueuePosition(places[max(s for s in places if s <= second)])

    said = heard(
        announcements(announce_position_only_up=True, announce_position=policy), 900, position
    )
    beyond = "More than 5 callers are ahead of you." if policy == "more" else None
    expected = {
        0: beyond or "You are number 9 in line.",
        300: beyond or "You are number 7 in line.",
        400: "You are number 3 in line.",
        700: "You are number 2 in line.",
    }
    if policy == "limit":
        del expected[0], expected[300]
    assert said == {second: [sentence] for second, sentence in expected.items()}


def test_the_wait_is_told_again_where_the_place_is_not() -> None:
    seen = announcements(announce_position_only_up=True, announce_holdtime="yes")
    said = heard(seen, 200, lambda _s: QueuePosition(3, 300.0))
    wait = "The expected wait is about 5 minutes."
    assert said == {0: ["You are number 3 in line.", wait], 90: [wait], 180: [wait]}


@pytest.mark.parametrize(
    ("policy", "place", "sentence"),
    [
        ("yes", 6, ["You are number 6 in line."]),
        ("no", 6, []),
        ("limit", 5, ["You are number 5 in line."]),
        ("limit", 6, []),
        ("more", 5, ["You are number 5 in line."]),
        ("more", 6, ["More than 5 callers are ahead of you."]),
    ],
)
def test_places_beyond_the_limit(policy: str, place: int, sentence: list[str]) -> None:
    seen = announcements(announce_position=policy)
    assert seen.due(0.0, QueuePosition(place)) == sentence


def test_the_first_position_is_announced_only_if_configured() -> None:
    assert announcements().due(0.0, QueuePosition(1, 300.0)) == []
    seen = announcements(announce_to_first=True, announce_holdtime="yes")
    assert seen.due(0.0, QueuePosition(1, 300.0)) == ["You are next."]


def test_nothing_is_announced_while_a_caller_is_being_connected() -> None:
    assert announcements().due(0.0, None) == []


@pytest.mark.parametrize(("policy", "times"), [("yes", [0, 90, 180]), ("once", [0]), ("no", [])])
def test_the_wait_is_announced_always_once_or_never(policy: str, times: list[int]) -> None:
    seen = announcements(announce_holdtime=policy, announce_position="no")
    said = heard(seen, 200, lambda _s: QueuePosition(3, 300.0))
    assert list(said) == times
    for sentences in said.values():
        assert sentences == ["The expected wait is about 5 minutes."]


def test_place_wait_and_thanks_make_one_announcement() -> None:
    seen = announcements(announce_holdtime="yes", texts=Texts())
    assert seen.due(0.0, QueuePosition(2, 70.0)) == [
        "You are number 2 in line.",
        "The expected wait is about 1 minute.",
        "Thank you for waiting.",
    ]


def test_an_unknown_wait_is_not_announced() -> None:
    seen = announcements(announce_holdtime="yes")
    assert seen.due(0.0, QueuePosition(2, None)) == ["You are number 2 in line."]


@pytest.mark.parametrize(
    ("wait_s", "step_s", "words"),
    [
        (0, 0, ""),
        (29, 0, ""),
        (30, 0, "1 minute"),
        (89.9, 0, "1 minute"),
        (90, 0, "2 minutes"),
        (600, 0, "10 minutes"),
        (0, 10, "30 seconds"),
        (44, 10, "1 minute 10 seconds"),
        (44, 30, "1 minute"),
        (95, 15, "2 minutes"),
        (100, 5, "2 minutes 10 seconds"),
    ],
)
def test_waits_are_rounded(wait_s: float, step_s: int, words: str) -> None:
    room = Room(name="a", announce_round_seconds=step_s)  # type: ignore[arg-type]
    assert spoken_wait(wait_s, room) == words


def test_periodic_announcements_take_turns() -> None:
    seen = announcements(
        announce_frequency_s=0.0,
        periodic_announce=["One.", "Press {digit}."],
        periodic_announce_frequency_s=30.0,
        periodic_announce_start_s=10.0,
        callback_digit="1",
    )
    assert seen.any
    said = heard(seen, 120, lambda _s: QueuePosition(2))
    assert said == {10: ["One."], 40: ["Press 1."], 70: ["One."], 100: ["Press 1."]}


def test_periodic_announcements_may_count_from_their_end() -> None:
    seen = announcements(
        announce_frequency_s=0.0,
        periodic_announce=["One."],
        periodic_announce_frequency_s=30.0,
        periodic_announce_from_end=True,
    )
    assert seen.due(30.0, QueuePosition(2)) == ["One."]
    seen.said(38.0)
    assert seen.due(67.9, QueuePosition(2)) == []
    assert seen.due(68.0, QueuePosition(2)) == ["One."]


@pytest.mark.parametrize(
    ("wait_s", "step_s", "words"),
    [
        (60, 0, "1 minuta"),
        (120, 0, "2 minuty"),
        (300, 0, "5 minut"),
        (22 * 60, 0, "22 minuty"),
        (50, 10, "1 minuta 20 sekund"),
    ],
)
def test_a_wait_has_the_forms_of_its_language(wait_s: float, step_s: int, words: str) -> None:
    texts = {
        "minutes": {"one": "minuta", "few": "minuty", "other": "minut"},
        "seconds": {"one": "sekunda", "few": "sekundy", "other": "sekund"},
    }
    polish = {"name": "a", "language": "pl", "announce_round_seconds": step_s, "texts": texts}
    assert spoken_wait(wait_s, Room.model_validate(polish)) == words


def test_a_position_has_the_form_of_its_number() -> None:
    forms = {"one": "{place} osoba", "few": "{place} osoby", "other": "{place} osób"}
    texts = Texts.model_validate({"thanks": "", "place": forms})
    seen = announcements(texts=texts, language="pl", min_announce_frequency_s=0.0)
    said = heard(seen, 3, lambda second: QueuePosition((2, 5, 22)[second]))
    assert said == {0: ["2 osoby"], 1: ["5 osób"], 2: ["22 osoby"]}
