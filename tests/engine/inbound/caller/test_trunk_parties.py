"""Who calls whom, read in the way in which each trunk writes numbers."""

from typing import Any

import pytest

from config.settings import Settings
from engine.inbound.caller.trunk_parties import TrunkParties
from sip.message.message import Request
from tests.support.phones.scripted import incoming

CALLER, DIALLED = "+442079461111", "+442079460000"
MARKED = {"strip": "88", "prepend": "+", "caller_strip": "88", "caller_prepend": "+"}
PREFIXED = {"numbers_in": MARKED}


def parties(**trunk: Any) -> TrunkParties:
    """Those of one trunk, `one`."""
    one = {"name": "one", "uri": "sip:192.0.2.1"} | trunk
    return TrunkParties(Settings.model_validate({"trunks": [one]}))


def invite(*headers: tuple[str, str], caller: str = "88442079461111") -> Request:
    return incoming("88442079460000", caller, headers=headers).request


def test_numbers_are_read_as_the_trunk_writes_them() -> None:
    call = parties(**PREFIXED).of(invite(), "one")
    assert (call.caller.number, call.dialled[0]) == (CALLER, DIALLED)
    assert call.shown() == {"from": CALLER, "number": CALLER, "dialled": DIALLED}


def test_without_a_trunk_numbers_are_left_as_they_are() -> None:
    call = parties(**PREFIXED).of(invite(caller="carol"), None)
    assert call.shown() == {"from": "carol", "number": None, "dialled": "88442079460000"}


@pytest.mark.parametrize(("trusted", "shown"), [(True, "+442079462222"), (False, CALLER)])
def test_only_a_trusted_trunk_asserts_who_calls(trusted: bool, shown: str) -> None:
    request = invite(("P-Asserted-Identity", "<sip:88442079462222@192.0.2.1>"))
    assert parties(trusted=trusted, **PREFIXED).of(request, "one").caller.number == shown


def test_a_passport_may_name_the_number_in_each_form_that_the_trunk_means() -> None:
    signed = parties(**PREFIXED).signed(invite(), "one")
    assert CALLER.lstrip("+") in signed.orig
    assert DIALLED.lstrip("+") in signed.dest


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_trusted_trunk_says_who_diverted_a_call(trusted: bool) -> None:
    request = invite(("Diversion", "<sip:88442079463333@192.0.2.1>;reason=no-answer"))
    found = parties(trusted=trusted, **PREFIXED).diversions(request, "one")
    assert found.get("diverted_by") == ("+442079463333" if trusted else None)


def test_a_reload_changes_how_numbers_are_read() -> None:
    read = parties()
    changed = {
        "name": "one",
        "uri": "sip:192.0.2.1",
        "username": "shop",
        "password": "x",
    } | PREFIXED
    read.configure(Settings.model_validate({"trunks": [changed]}))
    assert read.of(invite(), "one").caller.number == CALLER
    credentials = read.credentials("one")
    assert credentials is not None and credentials.username == "shop"


def test_a_trunk_that_a_reload_has_taken_away_is_read_as_none() -> None:
    read = parties(username="shop", password="x", **PREFIXED)
    read.configure(Settings.model_validate({}))
    assert read.credentials("one") is None
    assert read.of(invite(caller="carol"), "one").caller.user == "carol"
    assert read.as_dialled(DIALLED) == (DIALLED,)
