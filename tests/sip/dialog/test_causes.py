"""What the end of an INVITE of ours says."""

import pytest

from sip.dialog.causes import refused, unreached
from sip.events import Cause
from sip.message.message import Response


def test_an_invite_without_a_response_has_the_status_that_stands_for_it() -> None:
    assert unreached("timeout", "") == Cause(408, "Request Timeout", "timeout")
    assert unreached("transport", "connection refused") == Cause(
        503, "connection refused", "transport"
    )


def test_a_refusal_has_what_the_peer_said_of_it() -> None:
    response = Response(
        503, "Busy", [("Retry-After", "30"), ("Reason", "Q.850;cause=34"), ("Require", "x")]
    )
    assert refused(response, "remote") == Cause(503, "Busy", "remote", "Q.850;cause=34", 30.0)


@pytest.mark.parametrize(
    ("status", "name", "value", "extensions"),
    [
        (420, "Unsupported", "timer, foo", ("timer", "foo")),
        (421, "Require", "100rel", ("100rel",)),
        (486, "Require", "100rel", ()),
    ],
)
def test_extensions_that_one_side_lacks(
    status: int, name: str, value: str, extensions: tuple[str, ...]
) -> None:
    assert refused(Response(status, None, [(name, value)]), "remote").extensions == extensions


def test_a_list_that_cannot_be_read_names_no_extension() -> None:
    response = Response(420, None, [("Unsupported", 'timer, "open')])
    assert refused(response, "remote").extensions == ()


def test_contacts_of_a_redirection_are_in_the_order_of_their_weights() -> None:
    contacts = "<sip:a@x>;q=0.3, <sip:b@x>;q=many, <sip:c@x>, <sip:d@x>;q=7"
    found = refused(Response(302, None, [("Contact", contacts)]), "remote").contacts
    assert found == ("sip:c@x", "sip:d@x", "sip:a@x", "sip:b@x")
    unreadable = Response(302, None, [("Contact", "<sip:a@x")])
    assert refused(unreadable, "remote").contacts == ()
