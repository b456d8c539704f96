"""By whom a call was diverted, as Diversion and History-Info say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inbound.caller.diversion import MAX_DIVERSIONS, MAX_HISTORY, diversions
from engine.routing.numbers.number_plan import NumberPlan
from sip.message.message import Request
from sip.message.uri import parse_uri

SALES, DESK, MOBILE = "+442079460001", "+442079460002", "+447700900003"


def read(*fields: tuple[str, str]) -> dict[str, Any]:
    request = Request("INVITE", parse_uri("sip:+442079460000@127.0.0.1"), fields)
    return diversions(request, NumberPlan("GB"))


def diversion(value: str) -> dict[str, Any]:
    return read(("Diversion", value))


def history(*values: str) -> dict[str, Any]:
    return read(*(("History-Info", value) for value in values))


def test_a_call_that_came_directly() -> None:
    assert read() == {}


def test_diversions_the_last_one_first() -> None:
    found = read(
        ("Diversion", "<sip:02079460002@pbx>;reason=no-answer;counter=2;privacy=off"),
        ("Diversion", f'"Sales" <tel:{SALES}>;reason="User-Busy"'),
    )
    assert found == {
        "diverted_by": DESK,
        "diverted_reason": "no-answer",
        "first_dialled": SALES,
        "diversion": [
            {"by": DESK, "reason": "no-answer", "counter": 2},
            {"by": SALES, "reason": "user-busy"},
        ],
    }


def test_diversions_in_one_field_and_by_name() -> None:
    found = diversion(f"<sip:{DESK}@pbx>, <sip:reception@pbx>;reason=time-of-day")
    assert [one["by"] for one in found["diversion"]] == [DESK, "reception"]
    assert "diverted_reason" not in found


@pytest.mark.parametrize("privacy", ["full", "uri", '"full"'])
def test_who_withholds_their_number_is_anonymous(privacy: str) -> None:
    assert diversion(f"<sip:{DESK}@pbx>;privacy={privacy}")["diverted_by"] == "anonymous"
    hidden = history(f"<sip:{SALES}@pbx?Privacy=history>;index=1", "<sip:b@h;cause=302>;index=1.1")
    assert hidden["diverted_by"] == "anonymous"


def test_history_by_the_cause_of_the_new_target() -> None:
    found = history(
        f"<sip:{SALES}@pbx>;index=1",
        f"<sip:{DESK}@pbx;cause=302>;index=1.1;mp=1",
        f"<sip:{MOBILE}@pbx;cause=408>;index=1.1.1;mp=1.1",
        "<sip:+442079460000@127.0.0.1>;index=1.1.1.1;rc=1.1.1",
    )
    assert (found["diverted_by"], found["diverted_reason"]) == (DESK, "no-answer")
    assert found["first_dialled"] == SALES
    assert [one["to"] for one in found["history_info"]] == [SALES, DESK, MOBILE, "+442079460000"]
    assert found["history_info"][1] == {
        "index": "1.1", "to": DESK, "cause": 302, "mapped_from": "1",
    }  # fmt: skip


def test_history_by_the_reason_of_the_target_that_was_left() -> None:
    found = history(
        f"<sip:{DESK}@pbx>;index=1.1;mp=1, "
        f"<sip:{SALES}@pbx?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1"
    )
    assert (found["diverted_by"], found["diverted_reason"]) == (SALES, "user-busy")


def test_history_of_a_call_that_was_only_routed() -> None:
    found = history(f"<sip:{SALES}@a>;index=1", f"<sip:{SALES}@b>;index=1.1;rc=1")
    assert "diverted_by" not in found and len(found["history_info"]) == 2


def test_a_mapping_from_an_entry_that_is_not_there() -> None:
    found = history(f"<sip:{SALES}@a>;index=1", f"<sip:{DESK}@b>;index=2;mp=7")
    assert found["diverted_by"] == SALES and "diverted_reason" not in found


def test_diversion_goes_before_history() -> None:
    found = read(
        ("Diversion", f"<sip:{DESK}@pbx>;reason=unconditional"),
        ("History-Info", f"<sip:{SALES}@a>;index=1, <sip:b@b;cause=486>;index=1.1"),
    )
    assert (found["diverted_by"], found["diverted_reason"]) == (DESK, "unconditional")
    assert len(found["history_info"]) == 2


def test_what_is_kept_is_bounded() -> None:
    long = f"<sip:{'9' * 500}@h>;reason={'x' * 500};counter={'7' * 50}"
    found = read(
        *(("Diversion", long) for _ in range(50)),
        *(("History-Info", f"<sip:{'a' * 500}@h>;index={n}") for n in range(50)),
    )  # fmt: skip
    assert len(found["diversion"]) == MAX_DIVERSIONS and len(found["history_info"]) == MAX_HISTORY
    assert len(found["diverted_by"]) == 64 and len(found["diverted_reason"]) == 32
    assert found["diversion"][0]["counter"] == 7777


@pytest.mark.parametrize(
    "value",
    [
        "<<nonsense",
        "<mailto:a@b>;index=1",
        "",
        "<sip:a@b>",
        "<sip:a@b>;index=x",
        "<sip:a@b>;index=.",
    ],
)
def test_what_cannot_be_read_is_passed_over(value: str) -> None:
    assert history(value).get("history_info", []) in ([], [{"index": "1", "to": "anonymous"}])


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=80), st.booleans())
def test_nothing_makes_it_raise(text: str, is_history: bool) -> None:
    for value in (text, f"<sip:1@h>;index={text}", f"<sip:1@h?{text}>;index=1;reason={text}"):
        read(("History-Info" if is_history else "Diversion", value))
