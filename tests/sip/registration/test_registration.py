"""The registration client against a registrar written out by hand (RFC 3261 10.2)."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from sip.auth.digest import Credentials
from sip.errors import ParseError
from sip.events import RegistrationChanged
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.registration.registration import SILENT_S, Account, RegistrarHost, Registration
from tests.support.sip.network import SimulatedAgent, SimulatedNetwork

REGISTRAR = Hop("udp", "192.0.2.5", 5060)
Answer = Callable[[Request], Response | None]


def granted(expires_s: int) -> Answer:
    def answer(request: Request) -> Response:
        contact = f"{request.get('Contact')};expires={expires_s}"
        return response_to(request, 200, to_tag="r", headers=[("Contact", contact)])

    return answer


def status(code: int, *fields: tuple[str, str]) -> Answer:
    return lambda request: response_to(request, code, to_tag="r", headers=fields)


class Registrar:
    """Gives the answers in turn, the last one for ever; notes when what was asked."""

    def __init__(self, *answers: Answer, **account: object) -> None:
        self.network = SimulatedNetwork()
        self.agent: SimulatedAgent = self.network.agent("192.0.2.1")
        self.answers = list(answers)
        self.requests: list[tuple[float, Request]] = []
        self.network.drop = self.take
        settings: dict[str, object] = {
            "aor": "sip:alice@example.com",
            "registrar": "sip:example.com",
            "hop": REGISTRAR,
            "expires_s": 100,
            **account,
        }
        self.registration: Registration = self.agent.ua.register(
            Account(**settings),  # type: ignore[arg-type]
            0.0,
        )
        self.network.flush(self.agent)

    def take(self, sender: str, message: Request | Response) -> bool:
        assert isinstance(message, Request)
        self.requests.append((self.network.now, message))
        answer = (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(message)
        if answer is not None:
            self.network.inject("192.0.2.1", answer.encode(), REGISTRAR)
        return True

    def run(self, until: float) -> None:
        self.network.run(until=until)

    @property
    def states(self) -> list[tuple[str, int | None, int]]:
        return [
            (event.state, event.status, event.expires_s)
            for event in self.agent.of(RegistrationChanged)
        ]

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.requests]


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


OLD, NEW = Hop("udp", "192.0.2.50", 5060), Hop("udp", "192.0.2.51", 5060)


class NamedRegistrar(Registrar):
    """A registrar with a name: `leads_to` is where it leads by now; `dead` hops answer nothing."""

    def __init__(self, *answers: Answer, leads_to: tuple[Hop, ...]) -> None:
        self.leads_to = leads_to
        self.dead: set[Hop] = set()
        self.asked: list[float] = []
        self.failed: list[Hop] = []
        self.sent_to: list[tuple[float, str]] = []
        super().__init__(*answers, hop=None)

    def take(self, sender: str, message: Request | Response) -> bool:
        host = self.network.log[-1][2]
        self.sent_to.append((self.network.now, host))
        if any(hop.host == host for hop in self.dead):
            return True
        return super().take(sender, message)

    def run(self, until: float) -> None:
        while self.network.now < until:
            self.look_up()
            self.network.run(until=min(until, self.network.now + 0.5))

    def look_up(self) -> None:
        for lookup in self.agent.ua.take_lookups():
            assert lookup.uri.host == "example.com"
            self.asked.append(self.network.now)
            self.failed += lookup.failed
            lookup.found(self.leads_to, self.network.now)
            self.network.flush(self.agent)

    @property
    def hosts(self) -> list[str]:
        return [host for _, host in self.sent_to]


def test_a_name_is_looked_up_before_each_register() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=(OLD,))
    registrar.run(60.0)
    registrar.leads_to = (NEW,)
    registrar.run(120.0)
    assert registrar.hosts == [OLD.host, OLD.host, NEW.host]
    assert len(registrar.asked) == 3
    assert len({request.call_id for _, request in registrar.requests}) == 1


def test_a_binding_stays_at_the_address_that_has_it() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=(OLD, NEW))
    registrar.run(40.0)
    registrar.leads_to = (NEW, OLD)  # as SRV weights may have it
    registrar.run(120.0)
    assert set(registrar.hosts) == {OLD.host}


def test_the_next_address_is_tried_where_one_is_silent() -> None:
    registrar = NamedRegistrar(granted(600), leads_to=(OLD, NEW))
    registrar.dead.add(OLD)
    registrar.run(SILENT_S - 0.5)
    assert not registrar.states
    registrar.run(SILENT_S + 1.0)
    assert registrar.hosts[-1] == NEW.host
    assert [state for state, *_ in registrar.states] == ["registered"]
    registrar.run(600.0)
    assert registrar.failed == [OLD], "it is tried last for a while"


def test_the_next_address_is_tried_where_one_is_unavailable() -> None:
    registrar = NamedRegistrar(status(503), granted(600), leads_to=(OLD, NEW))
    registrar.run(5.0)
    assert registrar.hosts == [OLD.host, NEW.host]
    assert [state for state, *_ in registrar.states] == ["registered"]


def test_a_refusal_is_not_put_to_another_address() -> None:
    registrar = NamedRegistrar(status(403), leads_to=(OLD, NEW))
    registrar.run(1.0)
    assert registrar.hosts == [OLD.host]
    assert registrar.states == [("failed", 403, 0)]


def test_a_name_that_leads_nowhere_is_looked_up_again() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=())
    registrar.run(1.0)
    assert registrar.states == [("failed", None, 0)]
    assert registrar.agent.of(RegistrationChanged)[0].phrase == "example.com has no address"
    registrar.leads_to = (OLD,)
    registrar.run(5.0)
    assert registrar.states[-1] == ("registered", 200, 60)


def test_an_address_that_is_known_is_used_while_the_name_is_not_answered() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=(OLD,))
    registrar.run(1.0)
    registrar.leads_to = ()
    registrar.run(60.0)
    assert registrar.hosts == [OLD.host, OLD.host]
    assert [state for state, *_ in registrar.states] == ["registered"] * 2


def test_stopping_waits_for_no_name() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=(OLD,))
    registrar.run(1.0)
    registrar.leads_to = ()
    registrar.agent.do(registrar.registration.stop)
    registrar.network.run(until=2.0)
    assert registrar.states[-1] == ("unregistered", 200, 0)
    assert len(registrar.asked) == 1


def test_stopping_before_the_name_was_found_sends_nothing() -> None:
    registrar = NamedRegistrar(granted(60), leads_to=(OLD,))
    registrar.agent.do(registrar.registration.stop)
    registrar.run(5.0)
    assert registrar.hosts == []
    assert registrar.states == [("unregistered", None, 0)]
    assert registrar.agent.leftovers == (0, 0, 0, 0)


def test_an_address_that_is_known_is_sent_to_at_once() -> None:
    registrar = Registrar(granted(60), registrar="sip:192.0.2.9:5070", hop=None)
    registrar.run(1.0)
    assert registrar.agent.ua.take_lookups() == []
    assert registrar.network.log[0][2] == "192.0.2.9"


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


class Cluster(Registrar):
    """A registrar of several hosts. `leads_to` has the address of each; `dead` ones are silent."""

    def __init__(self, *answers: Answer, **account: object) -> None:
        self.leads_to: dict[str, tuple[Hop, ...]] = {"one.example": (OLD,), "two.example": (NEW,)}
        self.dead: set[str] = set()
        self.asked: list[str] = []
        hosts = (
            RegistrarHost("sip:example.com", "sip:alice@example.com", "sip:one.example"),
            RegistrarHost("sip:two.example", "sip:alice@two.example"),
        )
        super().__init__(*answers, hop=None, hosts=hosts, trunk="carrier", **account)

    def take(self, sender: str, message: Request | Response) -> bool:
        host = self.network.log[-1][2]
        assert isinstance(message, Request)
        if host in self.dead:
            return True
        return super().take(sender, message)

    def run(self, until: float) -> None:
        while self.network.now < until:
            for lookup in self.agent.ua.take_lookups():
                self.asked.append(lookup.uri.host)
                lookup.found(self.leads_to.get(lookup.uri.host, ()), self.network.now)
                self.network.flush(self.agent)
            self.network.run(until=min(until, self.network.now + 0.5))

    @property
    def domains(self) -> list[str]:
        """The request URIs that were answered."""
        return [request.uri.encode() for _, request in self.requests]


def test_each_host_is_asked_by_the_uris_that_are_its_own() -> None:
    cluster = Cluster(status(503), granted(600))
    cluster.run(5.0)
    assert cluster.domains == ["sip:example.com", "sip:two.example"]
    assert cluster.requests[1][1].to.uri.encode() == "sip:alice@two.example"
    ((state, _code, _expires_s),) = cluster.states
    binding = cluster.agent.only(RegistrationChanged).binding
    assert state == "registered" and binding is not None
    assert (binding.host, binding.hop) == ("sip:two.example", NEW)


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
def test_the_next_host_is_asked_where_one_cannot_serve(code: int) -> None:
    cluster = Cluster(status(code), granted(600))
    cluster.run(5.0)
    assert [state for state, *_ in cluster.states] == ["registered"]


@pytest.mark.parametrize("code", [403, 404, 486, 600, 603])
def test_a_refusal_is_not_put_to_another_host(code: int) -> None:
    cluster = Cluster(status(code))
    cluster.run(1.0)
    assert cluster.domains == ["sip:example.com"]
    assert cluster.states == [("failed", code, 0)]


def test_the_next_host_is_asked_where_one_is_silent_or_has_no_address() -> None:
    cluster = Cluster(granted(600))
    cluster.dead.add(OLD.host)
    cluster.run(SILENT_S + 1.0)
    assert cluster.domains == ["sip:two.example"]
    nowhere = Cluster(granted(600))
    nowhere.leads_to = {"two.example": (NEW,)}
    nowhere.run(1.0)
    assert nowhere.domains == ["sip:two.example"]
    assert [state for state, *_ in nowhere.states] == ["registered"]


def test_the_last_host_has_the_whole_time_to_answer() -> None:
    cluster = Cluster()
    cluster.dead |= {OLD.host, NEW.host}
    cluster.run(SILENT_S + 31.0)
    assert not cluster.states
    cluster.run(SILENT_S + 33.0)
    assert [state for state, *_ in cluster.states] == ["failed"]


def test_a_binding_stays_at_its_host_and_moves_when_that_fails() -> None:
    cluster = Cluster(status(503), granted(100))
    cluster.run(100.0)
    assert cluster.domains == ["sip:example.com", "sip:two.example", "sip:two.example"]
    cluster.dead.add(NEW.host)
    cluster.run(300.0)
    assert cluster.domains[-1] == "sip:example.com"
    assert cluster.states[-1][0] == "registered"


def test_a_lost_connection_is_registered_over_at_another_host() -> None:
    cluster = Cluster(granted(600))
    cluster.run(1.0)
    cluster.dead.add(OLD.host)
    cluster.agent.do(lambda now: cluster.registration.connection_lost(OLD, now))
    cluster.run(2.0)
    cluster.agent.ua.transport_failed(OLD, "connection refused", cluster.network.now)
    cluster.network.flush(cluster.agent)
    cluster.run(4.0)
    assert cluster.domains == ["sip:example.com", "sip:two.example"]


def test_a_host_that_is_known_to_be_down_is_asked_last() -> None:
    down = {"sip:one.example"}
    cluster = Cluster(granted(600), is_down=down.__contains__)
    cluster.run(1.0)
    assert cluster.domains == ["sip:two.example"]


def test_a_binding_leaves_a_host_that_is_found_to_be_down() -> None:
    down: set[str] = set()
    cluster = Cluster(granted(600), is_down=down.__contains__)
    cluster.run(1.0)
    down.add("sip:two.example")
    cluster.agent.do(lambda now: cluster.registration.host_down("sip:two.example", now))
    cluster.run(5.0)
    assert cluster.domains == ["sip:example.com"], "that host does not have it"
    down.add("sip:one.example")
    down.remove("sip:two.example")
    cluster.agent.do(lambda now: cluster.registration.host_down("sip:one.example", now))
    cluster.run(10.0)
    assert cluster.domains == ["sip:example.com", "sip:two.example"]


def test_a_host_that_is_down_before_the_answer_changes_nothing() -> None:
    cluster = Cluster(lambda request: None)
    cluster.run(1.0)
    cluster.agent.do(lambda now: cluster.registration.host_down("sip:one.example", now))
    cluster.run(2.0)
    assert cluster.asked == ["one.example"]


def test_a_registrar_without_another_host_is_not_asked_sooner() -> None:
    registrar = Registrar(granted(600))
    registrar.run(1.0)
    registrar.agent.do(lambda now: registrar.registration.host_down("sip:example.com", now))
    registrar.run(100.0)
    assert len(registrar.requests) == 1


def test_all_hosts_fail_and_are_asked_again() -> None:
    cluster = Cluster(status(503), status(503), granted(600))
    cluster.run(10.0)
    assert [state for state, *_ in cluster.states] == ["failed", "registered"]
    assert cluster.asked == ["one.example", "two.example", "one.example"]


def test_the_binding_is_removed_at_the_host_that_has_it() -> None:
    cluster = Cluster(status(503), granted(600))
    cluster.run(5.0)
    cluster.agent.do(cluster.registration.stop)
    cluster.run(6.0)
    assert cluster.requests[-1][1].get("Expires") == "0"
    assert cluster.domains[-1] == "sip:two.example"
    assert cluster.states[-1] == ("unregistered", 200, 0)


def test_a_binding_that_cannot_be_removed_is_removed_nowhere_else() -> None:
    cluster = Cluster(granted(600))
    cluster.run(1.0)
    cluster.dead.add(OLD.host)
    cluster.agent.do(cluster.registration.stop)
    cluster.run(60.0)
    assert set(cluster.domains) == {"sip:example.com"}
    assert cluster.states[-1][0] == "unregistered"


def test_a_stop_while_another_host_is_looked_up() -> None:
    cluster = Cluster(status(503), granted(600))
    cluster.leads_to = {"one.example": (OLD,)}
    cluster.run(0.5)
    (lookup,) = cluster.agent.ua.take_lookups()
    cluster.agent.do(cluster.registration.stop)
    lookup.found((NEW,), cluster.network.now)
    cluster.network.flush(cluster.agent)
    cluster.run(10.0)
    assert cluster.states[-1] == ("unregistered", None, 0)
    assert cluster.domains == ["sip:example.com"]


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
