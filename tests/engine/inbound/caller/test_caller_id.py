"""Who calls and what was dialled, as trunks say it."""

import pytest

from config.trunk_numbers import NumberRewriting
from engine.inbound.caller.caller_id import (
    ANONYMOUS,
    calling_party,
    dialled_number,
    user_to_user_of,
)
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.targets.number_rewriting import IncomingNumbers
from sip.message.message import Request
from sip.message.uri import parse_uri


def invite(from_: str, uri: str = "sip:+442079460000@127.0.0.1", **headers: str) -> Request:
    fields = [("From", f"{from_};tag=1"), ("To", "<sip:127.0.0.1>")]
    fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("INVITE", parse_uri(uri), fields)


def test_a_number_is_written_in_full() -> None:
    caller = calling_party(invite('"Bob, at home" <sip:02079461111@10.0.0.1>'), NumberPlan("GB"))
    assert (caller.user, caller.number) == ("+442079461111", "+442079461111")
    assert (caller.region, caller.name) == ("GB", "Bob, at home")


def test_a_caller_without_a_number_is_shown_by_name() -> None:
    caller = calling_party(invite("<sip:bob@10.0.0.1:5062>"), NumberPlan("GB"))
    assert (caller.user, caller.number, caller.name) == ("bob", None, None)
    assert caller.uri == "sip:bob@10.0.0.1:5062"


@pytest.mark.parametrize(
    "asserted", ["<sip:+442079462222@trunk>", '"B" <tel:+44-20-7946-2222>', "tel:+442079462222"]
)
def test_what_the_trunk_asserts_goes_first(asserted: str) -> None:
    request = invite("<sip:+442079461111@10.0.0.1>", P_Asserted_Identity=asserted)
    assert calling_party(request, NumberPlan("GB")).number == "+442079462222"


def test_what_is_no_address_is_passed_over() -> None:
    request = invite("<sip:+442079461111@10.0.0.1>", P_Asserted_Identity="<<nonsense")
    assert calling_party(request, NumberPlan("GB")).number == "+442079461111"


@pytest.mark.parametrize(
    "request_",
    [
        invite('"Anonymous" <sip:anonymous@anonymous.invalid>'),
        invite("<sip:10.0.0.1>"),
        invite("<sip:+442079461111@10.0.0.1>", Privacy="id"),
        invite("<sip:+442079461111@10.0.0.1>", Privacy="critical; user"),
    ],
)
def test_a_caller_who_withholds_the_number_has_none(request_: Request) -> None:
    caller = calling_party(request_, NumberPlan("GB"))
    assert (caller.user, caller.number, caller.name) == (ANONYMOUS, None, None)


def test_privacy_none_withholds_nothing() -> None:
    request = invite("<sip:+442079461111@10.0.0.1>", Privacy="none")
    assert calling_party(request, NumberPlan("GB")).number == "+442079461111"


@pytest.mark.parametrize(
    ("uri", "dialled"),
    [
        ("sip:+442079460000@127.0.0.1", ("+442079460000",)),
        ("sip:02079460000@127.0.0.1", ("+442079460000", "02079460000")),
        ("sip:sales@127.0.0.1", ("sales",)),
        ("sip:127.0.0.1", ("",)),
        ("tel:+442079460000", ("+442079460000",)),
        ("sip:+442079460000;npdi;rn=+442079469999@127.0.0.1", ("+442079460000",)),
        ("sip:100;phone-context=shop@127.0.0.1", ("100",)),
    ],
)
def test_the_dialled_number(uri: str, dialled: tuple[str, ...]) -> None:
    assert dialled_number(invite("<sip:a@b>", uri), NumberPlan("GB")) == dialled


@pytest.mark.parametrize(
    "asserted",
    [
        '"Bob" <sip:bob@trunk>, <tel:+442079462222>',
        "nonsense, <sip:+442079462222@trunk>",
        "Doe, John <sip:+442079462222@trunk>",
    ],
)
def test_of_several_identities_the_number_counts(asserted: str) -> None:
    request = invite("<sip:+442079461111@10.0.0.1>", P_Asserted_Identity=asserted)
    assert calling_party(request, NumberPlan("GB")).number == "+442079462222"


def test_a_registered_trunk_names_the_number_in_to() -> None:
    request = invite("<sip:bob@h>", "sip:acct@127.0.0.1")
    request.set("To", "<sip:02079460123@trunk>")
    assert dialled_number(request, NumberPlan("GB"), "acct") == (
        "+442079460123",
        "02079460123",
        "acct",
    )
    assert dialled_number(request, NumberPlan("GB"), "other") == ("acct",)
    request.set("To", "<sip:acct@trunk>")
    assert dialled_number(request, NumberPlan("GB"), "acct") == ("acct",)


@pytest.mark.parametrize("uri", ["sip:acct@127.0.0.1", "sip:127.0.0.1"])
def test_an_ims_trunk_names_the_number_in_a_header_of_its_own(uri: str) -> None:
    request = invite("<sip:bob@h>", uri, P_Called_Party_ID="<tel:+442079460123>")
    request.set("To", "<sip:acct@trunk>")
    assert dialled_number(request, NumberPlan("GB"), "acct")[0] == "+442079460123"


def test_a_request_uri_that_names_nobody_leaves_it_to_to() -> None:
    request = invite("<sip:bob@h>", "sip:127.0.0.1")
    request.set("To", "<sip:+442079460123@trunk>")
    assert dialled_number(request, NumberPlan("GB")) == ("+442079460123",)


def test_what_the_other_side_sends_along_is_read() -> None:
    sent = invite("<sip:bob@10.0.0.1>", User_to_User="6f726465722d3137;encoding=hex")
    assert user_to_user_of(sent) == "order-17"
    assert user_to_user_of(invite("<sip:bob@10.0.0.1>")) == ""


def test_what_an_untrusted_trunk_asserts_is_not_looked_at() -> None:
    request = invite("<sip:+442079461111@10.0.0.1>", P_Asserted_Identity="<tel:+442079462222>")
    caller = calling_party(request, NumberPlan("GB"), is_trusted=False)
    assert caller.number == "+442079461111"
    withheld = invite("<sip:+442079461111@10.0.0.1>", Privacy="id")
    assert calling_party(withheld, NumberPlan("GB"), is_trusted=False).user == ANONYMOUS


def test_numbers_are_what_the_trunk_means() -> None:
    keys = {"format": "e164", "strip": "9", "caller_format": "national", "region": "DE"}
    numbers = IncomingNumbers.of(NumberRewriting.model_validate(keys), "GB")
    request = invite("<sip:030123456@10.0.0.1>", "sip:9442079460000@127.0.0.1")
    caller = calling_party(request, NumberPlan("GB"), read=numbers.caller.read)
    assert (caller.user, caller.number, caller.region) == ("+4930123456", "+4930123456", "DE")
    assert dialled_number(request, NumberPlan("GB"), None, numbers.called.read) == (
        "+442079460000",
    )
    asserted = invite("<sip:bob@a>", P_Asserted_Identity="<sip:x@a>, <sip:030123456@a>")
    assert (
        calling_party(asserted, NumberPlan("GB"), read=numbers.caller.read).number == "+4930123456"
    )
    registered = Request(
        "INVITE", parse_uri("sip:acct@h"), [("From", "<sip:a@b>"), ("To", "<sip:9442079460000@h>")]
    )
    assert dialled_number(registered, NumberPlan("GB"), "acct", numbers.called.read) == (
        "+442079460000",
        "acct",
    )
