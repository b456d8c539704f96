"""Registrars of several hosts: which is asked, and when the next."""

import pytest

from sip.events import RegistrationChanged
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.registration.registration import SILENT_S, RegistrarHost
from tests.support.sip.registrar import NEW, OLD, Answer, Registrar, granted, status


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
