"""What a registrar grants: which of its contacts is ours, Service-Route and Path."""

import pytest

from sip.counters import Counters
from sip.message.message import Response, response_to
from sip.message.parser import parse
from sip.registration.grant import MOST_ROUTES, Grant, read_grant

CONTACT = "<sip:alice@192.0.2.1:5060>"
REGISTER = (
    b"REGISTER sip:example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;rport=32100;received=198.51.100.7;branch=z9hG4bKr\r\n"
    b"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>\r\n"
    b"Call-ID: c\r\nCSeq: 1 REGISTER\r\nContact: " + CONTACT.encode() + b"\r\n\r\n"
)


def answered(*fields: tuple[str, str]) -> Response:
    request = parse(REGISTER)
    assert not isinstance(request, Response)
    return response_to(request, 200, to_tag="r", headers=fields)


def granted(*fields: tuple[str, str], counters: Counters | None = None) -> Grant:
    return read_grant(answered(*fields), CONTACT, 100, counters or Counters())


@pytest.mark.parametrize(
    ("contacts", "expires_s"),
    [
        # Ours among those of other devices, in any order.
        ("<sip:alice@192.0.2.9>;expires=7, <sip:alice@192.0.2.1>;expires=60", 60),
        ("<sip:alice@192.0.2.1:5060;ob>;q=0.5;expires=60, <sip:alice@192.0.2.9>;expires=900", 60),
        # A registrar behind whose NAT we are wrote the source address of the request.
        ("<sip:alice@198.51.100.7:32100>;expires=60, <sip:alice@192.0.2.9>;expires=7", 60),
        # It wrote something else: whichever is ours, it is refreshed in time.
        ("<sip:alice@203.0.113.1>;expires=900, <sip:alice@203.0.113.2>;expires=60", 60),
        ("<sip:alice@203.0.113.1>;expires=60", 60),
        ("<sip:bob@192.0.2.1>;expires=7", 100),
        ("<sip:alice@192.0.2.1>", 100),
        ("<tel:+442079460123>;expires=7", 100),
    ],
)
def test_our_contact_counts_and_no_other(contacts: str, expires_s: int) -> None:
    assert granted(("Contact", contacts)).expires_s == expires_s


def test_a_shorter_time_and_one_that_cannot_be_read() -> None:
    counters = Counters()
    short = granted(("Contact", f"{CONTACT};expires=5"), ("Expires", "3600"))
    assert short.expires_s == 5
    bad = granted(("Contact", f"{CONTACT};expires=-1"), ("Expires", "30"), counters=counters)
    assert bad.expires_s == 30
    assert counters.malformed == 1


def test_what_cannot_be_read_at_all_is_what_was_asked_for() -> None:
    counters = Counters()
    assert granted(("Expires", "soon"), counters=counters).expires_s == 100
    assert counters.malformed == 1


def test_service_route_and_path_are_kept_in_their_order() -> None:
    grant = granted(
        ("Service-Route", "<sip:edge.example.com;lr>, <sip:home.example.com:5070;lr>"),
        ("Service-Route", '"x" <sip:last.example.com;lr>'),
        ("Path", "<sip:in.example.com;lr>"),
    )
    assert grant.service_route == (
        "<sip:edge.example.com;lr>",
        "<sip:home.example.com:5070;lr>",
        '"x" <sip:last.example.com;lr>',
    )
    assert grant.path == ("<sip:in.example.com;lr>",)


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "<tel:+442079460123>",
        "<sip:a;lr>, <",
        ", ".join(f"<sip:p{n}.example.com;lr>" for n in range(MOST_ROUTES + 1)),
    ],
)
def test_a_service_route_that_cannot_be_used_is_none(value: str) -> None:
    grant = granted(("Service-Route", value), ("Contact", f"{CONTACT};expires=60"))
    assert grant == Grant(60)
