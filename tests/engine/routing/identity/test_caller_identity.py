"""What a trunk is told of the caller: each form that carriers and PBXs ask for."""

from typing import Any

import pytest

from config.settings import Trunk
from engine.routing.identity.caller_identity import CallerIdentity, ShownCaller, caller_id_for

NUMBER = "+442079460000"


def shown(user: str = NUMBER, name: str = "", **trunk: Any) -> ShownCaller:
    configured = Trunk.model_validate({"name": "t", "uri": "sip:sip.example", **trunk})
    own = caller_id_for("+442079460123", configured)
    return CallerIdentity.of(configured, "sip.example", own).shown(user, name, "192.0.2.1")


def test_by_default_from_has_the_caller_id_at_the_trunk() -> None:
    assert shown() == ShownCaller(f"sip:{NUMBER}@sip.example", None)
    assert shown(name="Jo") == ShownCaller(f"sip:{NUMBER}@sip.example", "Jo")


def test_without_a_trunk_it_is_our_own_host() -> None:
    assert CallerIdentity().shown("a", "", "192.0.2.1") == ShownCaller("sip:a@192.0.2.1", None)


@pytest.mark.parametrize(
    ("text", "uri", "name"),
    [
        ("shop.example", f"sip:{NUMBER}@shop.example", None),
        ("sip:shop.example", f"sip:{NUMBER}@shop.example", None),
        ("4420794600@shop.example", "sip:4420794600@shop.example", None),
        ("+4420794600", "sip:+4420794600@sip.example", None),
        ('"The Shop" <sip:shop.example>', f"sip:{NUMBER}@shop.example", "The Shop"),
        ("Shop <sip:acc1@[2001:db8::1]>", "sip:acc1@[2001:db8::1]", "Shop"),
        ('"A \\"B\\"" <sip:acc1@shop.example>', "sip:acc1@shop.example", 'A "B"'),
    ],
)
def test_from_sets_name_user_and_domain(text: str, uri: str, name: str | None) -> None:
    assert shown(**{"from": text}) == ShownCaller(uri, name)


@pytest.mark.parametrize(
    ("identity", "header"),
    [
        ("pai", ("P-Asserted-Identity", f"<sip:{NUMBER}@sip.example>")),
        (
            "rpid",
            (
                "Remote-Party-ID",
                f"<sip:{NUMBER}@sip.example>;party=calling;screen=yes;privacy=off",
            ),
        ),
    ],
)
def test_the_caller_id_stands_in_a_header_of_its_own(
    identity: str, header: tuple[str, str]
) -> None:
    told = shown(**{"from": "acc1@sip.example", "identity": identity})
    assert told == ShownCaller("sip:acc1@sip.example", None, (header,))


@pytest.mark.parametrize("identity", ["pai", "rpid"])
def test_one_who_is_withheld_is_told_to_the_trunk_alone(identity: str) -> None:
    told = shown("anonymous", identity=identity, caller_id=NUMBER)
    assert told.from_uri == "sip:anonymous@anonymous.invalid" and told.name == "Anonymous"
    privacy, (_, asserted) = told.headers
    assert privacy == ("Privacy", "id")
    assert asserted.startswith(f"<sip:{NUMBER}@sip.example>")
    assert identity == "pai" or asserted.endswith("privacy=full")


def test_without_a_number_of_our_own_nothing_is_asserted() -> None:
    told = shown("anonymous", identity="pai", username="acc1", caller_id="anonymous")
    assert told.headers == (("Privacy", "id"),)
    assert shown("ringback", identity="pai").headers == ()


def test_from_alone_that_is_withheld_keeps_the_domain_of_the_account() -> None:
    told = shown("anonymous", **{"from": "acc1@shop.example"})
    assert told == ShownCaller("sip:anonymous@shop.example", "Anonymous", (("Privacy", "id"),))


def test_caller_ids_by_the_number_called() -> None:
    pool = ["+493012345", "+493012346"]
    trunk = Trunk.model_validate(
        {
            "name": "t", "uri": "sip:sip.example", "caller_id": NUMBER,
            "caller_ids": {"+49": pool, "+4989": "+498912345"},
        }
    )  # fmt: skip
    assert caller_id_for("+33123456789", trunk) == NUMBER
    assert caller_id_for("+4989777777", trunk) == "+498912345"
    chosen = {caller_id_for(f"+49301111{last:03}", trunk) for last in range(40)}
    assert chosen == set(pool)
    assert len({caller_id_for("+49301111000", trunk) for _ in range(5)}) == 1


@pytest.mark.parametrize("written", ["+44 20 7946 0000", "+44 (20) 7946-0000", "+44.20.7946.0000"])
def test_a_number_is_shown_without_what_is_for_the_eye(written: str) -> None:
    assert shown(written) == shown(NUMBER)
    asserted = shown(written, identity="pai")
    assert asserted == shown(NUMBER, identity="pai") and asserted.headers
    own = CallerIdentity.of(
        Trunk.model_validate({"name": "t", "uri": "sip:sip.example"}), "sip.example", written
    )
    assert own.own == NUMBER


def test_users_at_a_host_are_called_as_its_first_trunk_that_sets_something_says() -> None:
    plain = Trunk.model_validate({"name": "a", "uri": "sip:sip.example"})
    asserts = Trunk.model_validate(
        {"name": "b", "uri": "sip:sip.example", "identity": "pai", "caller_id": NUMBER}
    )
    found = CallerIdentity.at([plain, asserts], "sip.example")
    assert (found.carried_in, found.own) == ("pai", NUMBER)
    assert CallerIdentity.at([plain], "sip.example") == CallerIdentity()
