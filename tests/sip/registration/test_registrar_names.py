"""Registrars that are known by name: looked up, silent, unavailable."""

from sip.events import RegistrationChanged
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.registration.registration import SILENT_S
from tests.support.sip.registrar import NEW, OLD, Answer, Registrar, granted, status


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
