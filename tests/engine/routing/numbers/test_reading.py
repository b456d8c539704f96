"""What a text is read as, in words and in replies; texts that are URIs."""

import pytest

from config.numbering import Numbering
from engine.errors import EngineError
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.numbers.reading import NotDialable, Reading, is_uri, refused
from sip.message.uri import SipUri, parse_uri


def test_a_reading_as_replies_have_it() -> None:
    plan = NumberPlan("GB", Numbering(extension=r"2\d{3}", extension_trunks=["pbx"]))
    alice, number = (parse_uri(f"sip:{user}@pbx.example") for user in ("alice", "09061234567x"))
    assert isinstance(alice, SipUri) and isinstance(number, SipUri)
    assert plan.read("2001").view() == {
        "kind": "extension", "digits": "2001", "trunks": ["pbx"], "line_type": None,
        "words": "the extension 2001 of pbx",
    }  # fmt: skip
    assert plan.read("020 7946 0123").view()["line_type"] == "fixed_line"
    assert plan.read_user(alice).describe() == "a person"
    hidden = plan.read_user(number).describe()
    assert hidden == "a person at the number +449061234567"


def test_an_agent_and_who_has_several_numbers() -> None:
    assert Reading("agent").describe() == "an agent"
    assert Reading("short_code", "112").describe() == "the short code 112"
    assert Reading("extension", "2001").describe() == "the extension 2001 of a route"
    assert Reading("person").numbers == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("sip:a@b", True), ("SIPS:a@b", True), ("sip", False), ("a sip:b", False), ("+4420", False)],
)
def test_uris(text: str, expected: bool) -> None:
    assert is_uri(text) is expected


def test_a_refusal_names_the_parameter() -> None:
    with pytest.raises(EngineError) as error, refused("to"):
        raise NotDialable("it is not called", policy="destination")
    assert (error.value.kind, error.value.field) == ("refused", "to")
    assert error.value.data == {"policy": "destination"}
