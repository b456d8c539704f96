"""Requests to a peer whose Contact or Route is a name, once the way it called by is gone."""

import pytest

from sip.dialog.next_hop import Lookup
from sip.dialog.session import Session
from sip.events import Cause, Ended, MediaChanged
from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import SipUri
from tests.support.sip.network import SimulatedNetwork, audio, clean, established, within

CALLED_FROM = Hop("tcp", "192.0.2.1", 40000)
FOUND = Hop("tcp", "192.0.2.9", 5070)


class Call:
    """A call of alice, who is `pbx.example.com`, to bob, over a connection that is lost."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork()
        self.alice = self.network.agent("192.0.2.1", transport="tcp")
        self.bob = self.network.agent("192.0.2.2", transport="tcp")
        self.alice.ua.context.local.share({"tcp": ("pbx.example.com", 5070)})
        self.alice.hop = CALLED_FROM
        _, self.session = established(self.network, self.alice, self.bob)
        assert self.session.in_dialog.hop == CALLED_FROM

    def fails(self, hop: Hop) -> None:
        """What bob sent to `hop` cannot be delivered."""
        self.bob.ua.transport_failed(hop, "connection refused", self.network.now)
        self.network.flush(self.bob)

    def lookup(self) -> Lookup:
        (lookup,) = self.bob.ua.take_lookups()
        return lookup

    def answer(self, lookup: Lookup, hop: Hop | None) -> None:
        lookup.found(() if hop is None else (hop,), self.network.now)
        self.network.flush(self.bob)

    def moved(self) -> None:
        """Alice is found at another address."""
        self.network.agents[FOUND.host] = self.alice
        self.alice.hop = FOUND

    def sent(self, method: str) -> list[str]:
        """The hosts that bob sent these requests to."""
        return [
            to
            for _, sender, to, message in self.network.log
            if sender == self.bob.hop.host
            and isinstance(message, Request)
            and message.method == method
        ]


@pytest.fixture
def call() -> Call:
    return Call()


def hung_up(call: Call) -> Session:
    """The BYE goes by the connection, which is gone."""
    call.network.drop = lambda sender, message: getattr(message, "method", "") == "BYE"
    call.bob.do(call.session.hangup)
    call.network.run(until=call.network.now)
    call.network.drop = lambda sender, message: False
    call.fails(CALLED_FROM)
    return call.session


def test_bye_goes_to_the_resolved_contact(call: Call) -> None:
    session = hung_up(call)
    lookup = call.lookup()
    assert (lookup.uri.host, lookup.near) == ("pbx.example.com", CALLED_FROM)
    assert call.bob.ends(session) == []
    call.moved()
    call.answer(lookup, FOUND)
    call.network.run()
    assert call.sent("BYE") == [CALLED_FROM.host, FOUND.host]
    assert call.bob.ends(session) == [Ended(session, Cause(None, "hung up", "local"))]
    assert call.alice.only(Ended).cause.origin == "remote"
    clean(call.alice, call.bob)


def test_unresolved_name_falls_back_to_the_host_that_called(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), None)
    assert session.in_dialog.hop == Hop("tcp", CALLED_FROM.host, 5070)
    call.network.run()
    assert len(call.bob.ends(session)) == 1
    clean(call.alice, call.bob)


def test_name_is_looked_up_once_for_each_request(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), FOUND)
    call.fails(FOUND)
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(session)) == 1
    call.network.run()
    clean(call.bob)


def test_name_that_resolves_to_the_lost_hop_ends_the_session(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), CALLED_FROM)
    assert call.sent("BYE") == [CALLED_FROM.host]
    assert len(call.bob.ends(session)) == 1
    call.network.run()
    clean(call.bob)


def test_numeric_next_hop_is_not_looked_up(call: Call) -> None:
    call.session.in_dialog.retarget(SipUri("sip", CALLED_FROM.host, port=CALLED_FROM.port))
    session = hung_up(call)
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(session)) == 1


def test_timeout_does_not_start_a_lookup(call: Call) -> None:
    call.network.drop = lambda sender, message: sender == call.bob.hop.host
    call.bob.do(call.session.hangup)
    call.network.run()
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(call.session)) == 1


def test_target_refresh_during_the_lookup_wins(call: Call) -> None:
    hung_up(call)
    lookup = call.lookup()
    update = within(call.session, "UPDATE", Contact="<sip:alice@192.0.2.7;transport=tcp>")
    call.network.inject(call.bob.hop.host, update, FOUND)
    call.network.run(until=call.network.now)
    call.answer(lookup, FOUND)
    assert call.sent("BYE") == [CALLED_FROM.host, "192.0.2.7"]


def test_bye_received_during_the_lookup_ends_the_session(call: Call) -> None:
    session = hung_up(call)
    lookup = call.lookup()
    call.network.inject(call.bob.hop.host, within(session, "BYE"), FOUND)
    call.network.run(until=call.network.now)
    assert len(call.bob.ends(session)) == 1
    call.moved()
    call.answer(lookup, FOUND)
    call.network.run()
    assert len(call.bob.ends(session)) == 1
    clean(call.bob)


def reinvited(call: Call) -> Lookup:
    call.network.drop = lambda sender, message: getattr(message, "method", "") == "INVITE"
    call.bob.do(call.session.reinvite, audio(4100, "192.0.2.2"))
    call.network.run(until=call.network.now)
    call.network.drop = lambda sender, message: False
    call.fails(CALLED_FROM)
    return call.lookup()


def test_reinvite_goes_to_the_resolved_contact(call: Call) -> None:
    lookup = reinvited(call)
    call.moved()
    call.answer(lookup, FOUND)
    call.network.run(until=call.network.now + 1.0)
    assert call.sent("INVITE") == [CALLED_FROM.host, FOUND.host]
    assert call.sent("ACK") == [FOUND.host]
    assert call.alice.only(MediaChanged).audio.port == 4100
    call.bob.do(call.session.hangup)
    call.network.run()
    assert call.sent("BYE") == [FOUND.host]
    clean(call.alice, call.bob)


def test_reinvite_that_cannot_be_sent_ends_the_session(call: Call) -> None:
    lookup = reinvited(call)
    call.answer(lookup, CALLED_FROM)
    call.fails(CALLED_FROM)
    call.answer(call.lookup(), CALLED_FROM)
    assert [event.cause.status for event in call.bob.of(Ended)] == [503]
    call.network.run()
    clean(call.bob)


def test_ended_session_sends_no_reinvite_after_the_lookup(call: Call) -> None:
    lookup = reinvited(call)
    call.network.inject(call.bob.hop.host, within(call.session, "BYE"), FOUND)
    call.network.run(until=call.network.now)
    call.answer(lookup, FOUND)
    assert call.sent("INVITE") == [CALLED_FROM.host]
    call.network.run()
    clean(call.bob)


def test_closed_user_agent_keeps_no_lookup(call: Call) -> None:
    hung_up(call)
    call.bob.ua.close()
    assert call.bob.ua.take_lookups() == []
