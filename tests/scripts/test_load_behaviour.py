import re
from pathlib import Path

import pytest

from scripts.bench.endings import ENDINGS, Ending
from scripts.load.behaviour import REJECTIONS, Behaviour, UnknownBehaviour, read_behaviour


@pytest.mark.parametrize(
    ("user", "behaviour"),
    [
        ("a17.answer-20.bye-500", Behaviour(17, "a", answer_ms=20, bye_ms=500)),
        ("b17.busy", Behaviour(17, "b", reject=486)),
        ("b3.reject-404", Behaviour(3, "b", reject=404)),
        ("a3.noanswer", Behaviour(3, "a")),
        ("a3.late", Behaviour(3, "a", late=True)),
        ("a3.silent", Behaviour(3, "a", silent=True)),
        ("b9.early-300.answer-900.mute", Behaviour(9, "b", 900, 300, mute=True)),
    ],
)
def test_the_user_part_says_what_the_phone_does(user: str, behaviour: Behaviour) -> None:
    assert read_behaviour(user) == behaviour


@pytest.mark.parametrize("user", ["", "17.busy", "c17.busy", "a.busy", "a1.dance", "a1.answer-x"])
def test_what_no_phone_can_do_is_refused(user: str) -> None:
    with pytest.raises(UnknownBehaviour):
        read_behaviour(user)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_every_ending_of_the_soak_can_be_played(ending: Ending) -> None:
    assert read_behaviour(f"a1.{ending.agent}").side == "a"
    assert read_behaviour(f"b1.{ending.customer}").side == "b"


def test_the_page_has_every_word_and_no_other() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text()
    table = page.partition("| Word | What the phone does |")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.count("|") > 2][1:]
    words = re.findall(r"`([\w-]+)`", " ".join(first_cells))
    for word in words[2:]:
        read_behaviour(f"a1.{word}")
    verbs = {word.partition("-")[0] for word in words[2:]}
    assert verbs == {
        *REJECTIONS,
        "answer",
        "bye",
        "early",
        "late",
        "silent",
        "mute",
        "reject",
        "noanswer",
    }
