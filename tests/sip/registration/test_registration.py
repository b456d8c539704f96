"""A registration: its requests, their answers, and what follows."""

from itertools import pairwise

import pytest

from sip.auth.digest import Credentials
from sip.errors import ParseError
from sip.events import RegistrationChanged
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.registration.registration import Account, RegistrarHost
from tests.support.sip.network import SimulatedNetwork
from tests.support.sip.registrar import OLD, REGISTRAR, Registrar, granted, status


def test_register_request_fields() -> None:
    registrar = Registrar(granted(60))
    registrar.run(1.0)
    request = registrar.requests[0][1]
    assert request.uri.encode() == "sip:example.com"
    assert request.to.uri.encode() == request.from_.uri.encode() == "sip:alice@example.com"
    assert request.to.tag is None
    assert request.get("Expires") == "100"
    assert request.get("Contact") == "<sip:alice@192.0.2.1:5060>"
    assert registrar.states == [("registered", 200, 60)]
    assert registrar.registration.state == "registered"


def test_refresh_before_expiry_with_the_same_call_id() -> None:
    registrar = Registrar(granted(60))
    registrar.run(150.0)
    assert registrar.times == pytest.approx([0, 48, 96, 144])
    requests = [request for _, request in registrar.requests]
    assert len({request.call_id for request in requests}) == 1
    assert len({request.from_.tag for request in requests}) == 1
    assert [request.cseq.number for request in requests] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("fields", "expires_s"),
    [
        ([("Expires", "40")], 40),
        ([], 100),
        ([("Contact", "<sip:other@192.0.2.8>;expires=7"), ("Expires", "50")], 50),
        ([("Contact", "<sip:alice@192.0.2.1:5060>;expires=x")], 100),
        ([("Contact", "<sip:alice@192.0.2.1;ob>;expires=30"), ("Expires", "50")], 30),
        ([("Contact", "<sip:alice@198.51.100.7:32100>;expires=30")], 30),
        (
            [
                ("Contact", "<sip:alice@192.0.2.8>;expires=7, <sip:bob@192.0.2.1>;expires=8"),
                ("Contact", "<sip:alice@192.0.2.1;transport=udp>;expires=60"),
            ],
            60,
        ),
        ([("Expires", "99999999")], 86_400),
    ],
)
def test_granted_time_from_contact_or_expires(
    fields: list[tuple[str, str]], expires_s: int
) -> None:
    registrar = Registrar(status(200, *fields))
    registrar.run(1.0)
    assert registrar.states == [("registered", 200, expires_s)]


def test_a_registrar_that_grants_no_time_has_not_registered() -> None:
    registrar = Registrar(granted(0))
    registrar.run(1.0)
    ((state, code, _expires_s),) = registrar.states
    assert (state, code) == ("failed", 200)
    assert registrar.agent.only(RegistrationChanged).phrase == "the registrar granted no time"
    registrar.run(200.0)
    assert len(registrar.requests) > 1  # it is tried again


def test_an_answer_to_an_earlier_request_changes_nothing() -> None:
    registrar = Registrar(granted(60))
    registrar.run(50.0)
    first = registrar.requests[0][1]
    late = response_to(first, 403, to_tag="r")
    registrar.network.inject("192.0.2.1", late.encode(), REGISTRAR)
    registrar.run(51.0)
    assert {state for state, _code, _expires_s in registrar.states} == {"registered"}


def test_423_is_retried_with_min_expires() -> None:
    registrar = Registrar(status(423, ("Min-Expires", "600")), granted(600))
    registrar.run(1.0)
    assert [request.get("Expires") for _, request in registrar.requests] == ["100", "600"]
    assert registrar.states == [("registered", 200, 600)]


@pytest.mark.parametrize("value", ["", "x", "50", "99999999"])
def test_unusable_min_expires_is_a_failure(value: str) -> None:
    registrar = Registrar(status(423, ("Min-Expires", value)))
    registrar.run(1.0)
    assert registrar.states == [("failed", 423, 0)]
    assert len(registrar.requests) == 1


def test_digest() -> None:
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
    registrar = Registrar(
        status(401, challenge), granted(60), credentials=Credentials("alice", "secret")
    )
    registrar.run(50.0)
    assert len(registrar.requests) == 3
    assert registrar.requests[0][1].get("Authorization") is None
    assert "nc=00000001" in (registrar.requests[1][1].get("Authorization") or "")
    assert "nc=00000002" in (registrar.requests[2][1].get("Authorization") or "")
    assert [state for state, _, _ in registrar.states] == ["registered", "registered"]


def test_failures_back_off_and_recover() -> None:
    registrar = Registrar(*[status(500)] * 4, granted(1_000))
    registrar.run(60.0)
    gaps = [later - sooner for sooner, later in pairwise(registrar.times)]
    for gap, expected in zip(gaps, (2, 4, 8, 16), strict=True):
        assert expected * 0.8 <= gap <= expected * 1.2
    assert [state for state, _, _ in registrar.states] == ["failed"] * 4 + ["registered"]


def test_back_off_is_bounded() -> None:
    registrar = Registrar(status(403))
    registrar.run(5_000.0)
    gaps = [later - sooner for sooner, later in pairwise(registrar.times)]
    assert max(gaps) <= 144.0
    assert len(gaps) > 30


def test_retry_after_is_honoured() -> None:
    registrar = Registrar(status(503, ("Retry-After", "77 (busy);duration=3")), granted(60))
    registrar.run(100.0)
    assert registrar.times == pytest.approx([0, 77])


def test_a_timeout_is_a_failure_without_a_status() -> None:
    registrar = Registrar(lambda request: None)
    registrar.run(33.0)
    assert registrar.states == [("failed", None, 0)]


def test_a_transport_error_is_a_failure_without_a_status() -> None:
    registrar = Registrar(lambda request: None)
    registrar.agent.ua.transport_failed(REGISTRAR, "connection refused", 0.1)
    registrar.network.flush(registrar.agent)
    assert registrar.states == [("failed", None, 0)]
    assert registrar.agent.of(RegistrationChanged)[0].phrase == "connection refused"


def test_stop_removes_the_binding() -> None:
    registrar = Registrar(granted(60))
    registrar.run(1.0)
    registrar.agent.do(registrar.registration.stop)
    registrar.run(100.0)
    assert registrar.requests[-1][1].get("Expires") == "0"
    assert registrar.states == [("registered", 200, 60), ("unregistered", 200, 0)]
    assert registrar.agent.leftovers == (0, 0, 0, 0)
    assert registrar.agent.ua.context.registrations == set()


def test_stop_waits_for_the_pending_register() -> None:
    registrar = Registrar(granted(60))
    registrar.agent.do(registrar.registration.stop)
    registrar.agent.do(registrar.registration.stop)
    assert len(registrar.requests) == 1
    registrar.run(100.0)
    assert [request.get("Expires") for _, request in registrar.requests] == ["100", "0"]
    assert registrar.states == [("unregistered", 200, 0)]


def test_stop_while_failed_sends_nothing() -> None:
    registrar = Registrar(status(403))
    registrar.run(1.0)
    registrar.agent.do(registrar.registration.stop)
    registrar.run(500.0)
    assert len(registrar.requests) == 1
    assert registrar.states[-1] == ("unregistered", None, 0)
    assert registrar.agent.leftovers == (0, 0, 0, 0)


def test_stop_ends_when_the_registrar_does_not_answer() -> None:
    registrar = Registrar(granted(60), lambda request: None)
    registrar.run(1.0)
    registrar.agent.do(registrar.registration.stop)
    registrar.run(100.0)
    assert registrar.states[-1][0] == "unregistered"
    assert registrar.agent.leftovers == (0, 0, 0, 0)


@pytest.mark.parametrize("field", ["aor", "registrar"])
@pytest.mark.parametrize("uri", ["", "tel:+1", "nonsense"])
def test_bad_uris_raise_parse_error(field: str, uri: str) -> None:
    with pytest.raises(ParseError):
        Registrar(granted(60), **{field: uri})


def test_register_request_can_be_parsed() -> None:
    registrar = Registrar(granted(60))
    assert parse(registrar.requests[0][1].encode()) == registrar.requests[0][1]


@pytest.mark.parametrize(
    "contact",
    ['sip:desk@192.0.2.9;+sip.instance="<urn:uuid:1>";expires=3000', "<sip:desk@192.0.2.9", "x"],
)
def test_the_contact_of_another_device_takes_nothing_from_what_is_granted(contact: str) -> None:
    def answer(request: Request) -> Response:
        ours = f"{request.get('Contact')};expires=10"
        fields = [("Contact", contact), ("Contact", ours), ("Expires", "500")]
        return response_to(request, 200, to_tag="r", headers=fields)

    registrar = Registrar(answer)
    registrar.run(9.0)
    assert registrar.states[0] == ("registered", 200, 10)
    assert registrar.times == pytest.approx([0, 8])


def test_where_our_contact_cannot_be_read_expires_counts() -> None:
    registrar = Registrar(status(200, ("Contact", "nonsense"), ("Expires", "30")))
    registrar.run(1.0)
    assert registrar.states == [("registered", 200, 30)]


def test_a_binding_holds_until_it_is_over() -> None:
    registrar = Registrar(granted(30), status(503, ("Retry-After", "600")))
    registrar.run(100.0)
    assert registrar.states == [("registered", 200, 30), ("failed", 503, 6), ("failed", 503, 0)]
    assert len(registrar.times) == 2


def test_a_refresh_that_succeeds_later_leaves_no_lapse() -> None:
    registrar = Registrar(granted(30), status(503), granted(60))
    registrar.run(40.0)
    assert [state for state, _, _ in registrar.states] == ["registered", "failed", "registered"]


TCP_REGISTRAR = REGISTRAR._replace(transport="tcp")


def test_lost_connection_is_registered_over_at_once() -> None:
    registrar = Registrar(granted(3600), hop=TCP_REGISTRAR)
    registrar.run(10.0)
    ua = registrar.agent.ua
    ua.transport_failed(TCP_REGISTRAR._replace(port=5062), "another's", 10.0)
    registrar.run(11.0)
    assert len(registrar.requests) == 1
    ua.transport_failed(TCP_REGISTRAR, "connection reset by peer", 11.0)
    registrar.run(12.0)
    assert len(registrar.requests) == 2
    # A registrar that closes each connection is not asked again and again.
    ua.transport_failed(TCP_REGISTRAR, "connection closed by the peer", 12.0)
    ua.transport_failed(TCP_REGISTRAR, "connection closed by the peer", 12.5)
    registrar.run(40.0)
    assert len(registrar.requests) == 2
    registrar.run(42.0)
    assert len(registrar.requests) == 3
    assert {state for state, _, _ in registrar.states} == {"registered"}


def test_datagram_that_is_lost_is_no_lost_connection() -> None:
    registrar = Registrar(granted(3600))
    registrar.run(10.0)
    registrar.agent.ua.transport_failed(REGISTRAR, "connection refused", 10.0)
    registrar.run(20.0)
    assert len(registrar.requests) == 1


def test_what_a_registrar_says_of_routes_is_told() -> None:
    def answer(request: Request) -> Response:
        fields = [
            ("Contact", f"{request.get('Contact')};expires=60"),
            ("Service-Route", "<sip:home.example.com;lr>"),
            ("Path", "<sip:edge.example.com;lr>"),
        ]
        return response_to(request, 200, to_tag="r", headers=fields)

    registrar = Registrar(answer, granted(60))
    registrar.run(50.0)
    assert registrar.requests[0][1].get("Supported") == "path"
    first, second = [event.binding for event in registrar.agent.of(RegistrationChanged)]
    assert first is not None and second is not None
    assert first.hop == REGISTRAR
    assert first.service_route == ("<sip:home.example.com;lr>",)
    assert first.path == ("<sip:edge.example.com;lr>",)
    # Each answer counts by itself: one without any takes it back (RFC 3608 section 6.3).
    assert second.service_route == ()


def test_the_route_of_an_outbound_proxy() -> None:
    loose = RegistrarHost(
        "sip:example.com", "sip:alice@example.com", "sip:one.example", ("<sip:one.example;lr>",)
    )
    strict = RegistrarHost(
        "sip:example.com", "sip:alice@example.com", "sip:one.example", ("<sip:one.example>",)
    )
    for host, uri, route in (
        (loose, "sip:example.com", "<sip:one.example;lr>"),
        (strict, "sip:one.example", "<sip:example.com>"),
    ):
        single = SimulatedNetwork().agent("192.0.2.1")
        account = Account("sip:alice@example.com", "sip:example.com", hosts=(host,))
        single.ua.register(account, 0.0)
        (lookup,) = single.ua.take_lookups()
        lookup.found((OLD,), 0.0)
        ((hop, data),) = single.ua.take_output()
        request = parse(data)
        assert isinstance(request, Request)
        assert hop == OLD
        assert request.uri.encode() == uri
        assert request.get("Route") == route
        assert request.to.uri.encode() == "sip:alice@example.com"
