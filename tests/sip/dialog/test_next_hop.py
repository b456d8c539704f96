"""Requests to a peer whose Contact or Route is a name, once the way it called by is gone."""

import pytest

from sip.dialog.next_hop import Lookup
from sip.dialog.session import Session
from sip.events import Cause, Ended, MediaChanged
from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import SipUri

from ..simulation import Network, audio, clean, established, within

CALLED_FROM = Hop("tcp", "192.0.2.1", 40000)
FOUND = Hop("tcp", "192.0.2.9", 5070)


class Call:
    """A call of alice, who is `pbx.example.com`, to bob, over a connection that is lost."""

    def __init__(self) -> None:
        self.network = Network()
        self.alice = self.network.agent("192.0.2.1", transport="tcp")
        self.bob = self.network.agent("192.0.2.2", transport="tcp")
        self.alice.ua.context.set_local({"tcp": ("pbx.example.com", 5070)})
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
        lookup.found(hop, self.network.now)
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


def test_a_bye_goes_where_the_contact_leads(call: Call) -> None:
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


def test_a_name_that_leads_nowhere_is_taken_for_the_host_that_called(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), None)
    assert session.in_dialog.hop == Hop("tcp", CALLED_FROM.host, 5070)
    call.network.run()
    assert len(call.bob.ends(session)) == 1
    clean(call.alice, call.bob)


def test_it_is_looked_up_once_for_a_request(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), FOUND)
    call.fails(FOUND)
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(session)) == 1
    call.network.run()
    clean(call.bob)


def test_a_name_that_leads_where_nobody_is_ends_it(call: Call) -> None:
    session = hung_up(call)
    call.answer(call.lookup(), CALLED_FROM)
    assert call.sent("BYE") == [CALLED_FROM.host]
    assert len(call.bob.ends(session)) == 1
    call.network.run()
    clean(call.bob)


def test_without_a_name_there_is_no_other_way(call: Call) -> None:
    call.session.in_dialog.retarget(SipUri("sip", CALLED_FROM.host, port=CALLED_FROM.port))
    session = hung_up(call)
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(session)) == 1


def test_no_answer_is_no_reason_to_look_further(call: Call) -> None:
    call.network.drop = lambda sender, message: sender == call.bob.hop.host
    call.bob.do(call.session.hangup)
    call.network.run()
    assert call.bob.ua.take_lookups() == []
    assert len(call.bob.ends(call.session)) == 1


def test_a_peer_that_says_itself_where_it_is_is_believed(call: Call) -> None:
    hung_up(call)
    lookup = call.lookup()
    update = within(call.session, "UPDATE", Contact="<sip:alice@192.0.2.7;transport=tcp>")
    call.network.inject(call.bob.hop.host, update, FOUND)
    call.network.run(until=call.network.now)
    call.answer(lookup, FOUND)
    assert call.sent("BYE") == [CALLED_FROM.host, "192.0.2.7"]


def test_a_bye_received_meanwhile_ends_it_at_once(call: Call) -> None:
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


def test_a_reinvite_goes_where_the_contact_leads(call: Call) -> None:
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


def test_a_reinvite_that_cannot_be_sent_at_all_ends_the_session(call: Call) -> None:
    lookup = reinvited(call)
    call.answer(lookup, CALLED_FROM)
    call.fails(CALLED_FROM)
    call.answer(call.lookup(), CALLED_FROM)
    assert [event.cause.status for event in call.bob.of(Ended)] == [503]
    call.network.run()
    clean(call.bob)


def test_a_session_that_is_over_sends_no_reinvite(call: Call) -> None:
    lookup = reinvited(call)
    call.network.inject(call.bob.hop.host, within(call.session, "BYE"), FOUND)
    call.network.run(until=call.network.now)
    call.answer(lookup, FOUND)
    assert call.sent("INVITE") == [CALLED_FROM.host]
    call.network.run()
    clean(call.bob)


def test_nothing_is_left_where_the_user_agent_is_closed(call: Call) -> None:
    hung_up(call)
    call.bob.ua.close()
    assert call.bob.ua.take_lookups() == []
