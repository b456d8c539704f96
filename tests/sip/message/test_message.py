from __future__ import annotations

import pytest

from sip.errors import ParseError
from sip.message.headers import CSeq, Via
from sip.message.message import Message, Request, Response, response_to
from sip.message.parser import parse
from sip.message.reason_phrases import REASON_PHRASES
from sip.message.uri import SipUri, parse_uri

_FIELDS = [
    ("v", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2"),
    ("Via", "SIP/2.0/TCP c;branch=z9hG4bK3"),
    ("Record-Route", "<sip:p1;lr>"),
    ("f", "<sip:a@h>;tag=1"),
    ("t", "<sip:b@h>"),
    ("i", "id@h"),
    ("CSEQ", "7 INVITE"),
    ("Record-Route", "<sip:p2;lr>, <sip:p3;lr>"),
    ("m", "<sip:a@c1>, <sip:a@c2>"),
    ("Route", "<sip:r1;lr>"),
    ("Max-Forwards", "70"),
    ("c", " Application/SDP ; charset=x"),
    ("Expires", "90"),
    ("Timestamp", "54"),
    ("X-Thing", "one"),
    ("x-thing", "two"),
]


def _request(method: str = "INVITE") -> Request:
    return Request(method, SipUri("sip", "h", "b"), _FIELDS, b"body")


def test_names_compare_without_case_and_short_forms_count() -> None:
    request = _request()
    assert request.get("call-id") == request.get("i") == request.get("Call-ID") == "id@h"
    assert request.get_all("X-THING") == ["one", "two"]
    assert request.get("X-Thing") == "one"
    assert request.get("X-Other") is None
    assert request.get_all("via") == [_FIELDS[0][1], _FIELDS[1][1]]


def test_typed_values() -> None:
    request = _request()
    assert [via.host for via in request.vias] == ["a", "b", "c"]
    assert request.via.branch == "z9hG4bK1"
    assert not request.has_one_via
    assert request.from_.tag == "1"
    assert request.to.tag is None
    assert request.call_id == "id@h"
    assert request.cseq == CSeq(7, "INVITE")
    assert [c.uri.encode() for c in request.contacts] == ["sip:a@c1", "sip:a@c2"]
    assert request.contact == request.contacts[0]
    assert [r.uri.encode() for r in request.record_routes] == [
        "sip:p1;lr",
        "sip:p2;lr",
        "sip:p3;lr",
    ]
    assert [r.uri.encode() for r in request.routes] == ["sip:r1;lr"]
    assert (request.max_forwards, request.expires) == (70, 90)
    assert request.content_type == "application/sdp"


def test_typed_values_follow_changes() -> None:
    request = _request()
    assert request.to.tag is None
    assert request.contact is not None
    request.set("To", "<sip:b@h>;tag=9")
    request.remove("m")
    assert request.to.tag == "9"
    assert request.contact is None
    assert request.contacts == []
    request.add_field("m", "<sip:new@c>")
    assert request.contact is not None
    request.prepend("Via", "SIP/2.0/UDP z;branch=z9hG4bK0")
    assert request.via.host == "z"


def test_missing_and_malformed_values() -> None:
    empty = Response(200)
    for name in ("via", "from_", "to", "call_id", "cseq"):
        with pytest.raises(ParseError):
            getattr(empty, name)
    assert empty.contact is None
    assert (empty.max_forwards, empty.expires, empty.content_type) == (None, None, None)
    broken = Response(
        200,
        headers=[
            ("Contact", "*"),
            ("Route", "<"),
            ("Max-Forwards", "300"),
            ("Expires", "never"),
            ("Content-Type", "sdp"),
            ("Via", "SIP"),
        ],
    )
    for name in (
        "contact",
        "contacts",
        "routes",
        "max_forwards",
        "expires",
        "content_type",
        "via",
        "vias",
    ):
        with pytest.raises(ParseError):
            getattr(broken, name)
    with pytest.raises(ParseError, match=r"^Contact: "):
        _ = broken.contact


def test_set_keeps_the_place() -> None:
    message = Response(200, headers=[("X-1", "1"), ("X-2", "2"), ("x-1", "3"), ("X-3", "4")])
    message.set("X-1", "5")
    assert message.headers() == [("X-1", "5"), ("X-2", "2"), ("X-3", "4")]
    message.set("X-4", "6")
    assert message.headers()[-1] == ("X-4", "6")
    assert message.get_list("X-4") == ["6"]


def test_get_list_splits_and_drops_empty_elements() -> None:
    message = Response(200, headers=[("Supported", "a, b"), ("k", ""), ("k", "c")])
    assert message.get_list("Supported") == ["a", "b", "c"]


def test_accepts() -> None:
    def accepts(*values: str) -> bool:
        return Response(200, headers=[("Accept", v) for v in values]).accepts("application/sdp")

    assert Response(200).accepts("application/sdp")
    assert not Response(200).accepts("text/plain")
    assert accepts("text/plain", "Application/SDP;q=0.5, text/html")
    assert accepts("application/*") and accepts("*/*")
    assert not accepts("text/nobodyKnowsThis") and not accepts("")


@pytest.mark.parametrize("value", ["/", "sdp", 'text/plain, "', ";q=1"])
def test_an_accept_that_cannot_be_read_costs_nothing(value: str) -> None:
    skipped: list[bool] = []
    response = Response(200, headers=[("Accept", value)])
    assert response.accepts("application/sdp", lambda: skipped.append(True))
    assert skipped == [True]


def test_what_can_be_read_of_an_accept_holds() -> None:
    assert not Response(200, headers=[("Accept", "/, text/html")]).accepts("application/sdp")
    assert Response(200, headers=[("Accept", "/, application/sdp")]).accepts("application/sdp")


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nEvil: 1"), ("X", "a\nb"), ("X Y", "a"), ("", "a"), ("X:", "a")]
)
def test_a_field_cannot_break_the_message(name: str, value: str) -> None:
    message = Response(200)
    for change in (message.add_field, message.prepend, message.set):
        with pytest.raises(ValueError):
            change(name, value)
    assert message.headers() == []


def test_content_length_is_that_of_the_body() -> None:
    request = Request("X", SipUri("sip", "h"), [("l", "99"), ("Content-Length", "1")], "é".encode())
    assert request.encode() == "X sip:h SIP/2.0\r\nContent-Length: 2\r\n\r\né".encode()


def test_replace_top_via_keeps_the_others() -> None:
    request = _request()
    request.replace_top_via(request.via.with_source("192.0.2.1", 6000))
    assert [via.host for via in request.vias] == ["a", "b", "c"]
    assert request.via.received == request.vias[0].received == "192.0.2.1"
    request.set("Via", 'SIP/2.0/UDP a;x="1, SIP/2.0/UDP b')
    request.replace_top_via(Via("UDP", "c"))
    assert request.has_one_via
    assert request.get_all("Via") == ["SIP/2.0/UDP c"]
    bare = Response(200)
    bare.replace_top_via(request.via)
    assert bare.via == request.via


def test_response_copies_what_it_must() -> None:
    request = _request()
    response = response_to(request, 180, to_tag="x", headers=[("Contact", "<sip:me@h>")], body=b"b")
    assert response.phrase == "Ringing"
    assert response.get_all("Via") == request.get_all("Via")
    assert response.get_all("Record-Route") == request.get_all("Record-Route")
    assert response.from_ == request.from_
    assert response.to.tag == "x"
    assert (response.call_id, response.cseq) == (request.call_id, request.cseq)
    assert (
        response.get("Max-Forwards") is response.get("Timestamp") is response.get("X-Thing") is None
    )
    assert response.body == b"b"
    assert parse(response.encode()) == response
    # The request is as it was.
    assert request.to.tag is None


def test_response_copies_record_route_only_where_a_dialog_begins() -> None:
    assert response_to(_request(), 100).get("Timestamp") == "54"
    for response in (
        response_to(_request(), 100),
        response_to(_request(), 486),
        response_to(_request("BYE"), 200),
    ):
        assert response.get("Record-Route") is None


def test_response_keeps_a_tag_that_is_there() -> None:
    request = _request()
    request.set("To", '"tag=" <sip:b@h>;tag=old')
    assert response_to(request, 200, to_tag="new").to.tag == "old"
    request.set("To", "sip:b@h")
    assert response_to(request, 200, to_tag="new").to.tag == "new"
    request.set("To", '"b <sip:b@h>')
    assert response_to(request, 400, to_tag="new").get("To") == '"b <sip:b@h>'


def test_reason_phrases() -> None:
    assert Response(486).phrase == "Busy Here"
    assert Response(486, "No").phrase == "No"
    assert Response(299).phrase == ""
    with pytest.raises(ValueError):
        Response(400, "a\r\nEvil: 1")
    assert all(100 <= status <= 699 and phrase for status, phrase in REASON_PHRASES.items())


def test_requests_and_responses_differ() -> None:
    assert Request("A", SipUri("sip", "h")) != Response(200)
    assert Response(200) == Response(200)
    assert Response(200) != Response(200, body=b"x")
    assert repr(_request()) == "<Request INVITE sip:b@h>"
    assert repr(Response(200)) == "<Response 200 OK>"
    with pytest.raises(NotImplementedError):
        Message().encode()


def test_contacts_that_cannot_be_read_cost_no_others() -> None:
    request = Request("INVITE", parse_uri("sip:a@h"), [("Contact", "nonsense, <sip:b@h>")])
    request.add_field("Contact", "<sip:c@h")
    assert [str(contact.uri) for contact in request.contacts] == ["sip:b@h"]
    assert request.contact == request.contacts[0]
    assert request.readable_addresses("Contact")[1] == 2
    request.set("Contact", "nonsense")
    with pytest.raises(ParseError):
        _ = request.contact


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("18000;duration=3600", 3600.0),
        ("30 (in a meeting)", 30.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_a_time_that_can_be_waited(value: str, seconds: float) -> None:
    response = response_to(_request(), 503, headers=[("Retry-After", value)])
    assert response.retry_after_s == seconds
    assert response_to(_request(), 503).retry_after_s == 0.0


def test_addresses_that_cannot_be_split_are_counted_with_the_others() -> None:
    request = _request()
    request.add_field("P-Asserted-Identity", '"unclosed <sip:a@h>')
    request.add_field("P-Asserted-Identity", "<sip:b@h>, nonsense")
    found, faults = request.readable_addresses("P-Asserted-Identity")
    assert [str(address.uri) for address in found] == ["sip:b@h"]
    assert faults == 2
