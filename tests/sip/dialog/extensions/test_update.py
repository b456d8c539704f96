"""A session is refreshed by UPDATE (RFC 3311, RFC 4028 section 7.4): what its answers lead to."""

import pytest

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.events import Cause
from sip.hop import Hop
from sip.message.message import Request, response_to
from tests.support.sip.network import SimulatedAgent, SimulatedNetwork, audio, pair


def answered_call(
    network: SimulatedNetwork, alice: SimulatedAgent, bob: SimulatedAgent, **fields: object
) -> Session:
    """A call that bob answers."""
    call = alice.invite(bob, **fields)
    network.run(until=network.now + 0.1)
    bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
    network.run(until=network.now + 0.1)
    assert call.state == "confirmed"
    return call


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_that_finds_no_call_ends_it(status: int) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 100.1)
    update = network.messages("UPDATE")[0]
    assert isinstance(update, Request)
    answer = response_to(update, status).encode()
    network.inject("192.0.2.1", answer, bob.hop)
    network.run(until=network.now + 0.1)
    assert alice.ends(call)[0].cause.status == status


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_refuses_update_gets_a_reinvite(status: int) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 100.1)
    update = network.messages("UPDATE")[0]
    assert isinstance(update, Request)
    network.inject("192.0.2.1", response_to(update, status).encode(), bob.hop)
    network.run(until=network.now + 0.1)
    assert len(network.sent("INVITE")) == 2


def test_a_refused_refresh_is_tried_again_until_the_session_expires() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    answered: set[str] = set()
    while alice.ends(call) == [] and network.now < 400:
        network.run(until=network.now + 1.0)
        for update in network.messages("UPDATE"):
            assert isinstance(update, Request)
            if (branch := str(update.via.branch)) not in answered:
                answered.add(branch)
                network.inject("192.0.2.1", response_to(update, 500).encode(), bob.hop)
    assert len(answered) in (3, 4)
    assert alice.ends(call)[0].cause == Cause(408, "session timer expired", "timeout")


def test_a_challenged_refresh_is_sent_again_with_credentials() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    answered_call(network, alice, bob, session_expires_s=200, credentials=Credentials("u", "p"))
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 100.1)
    update = network.messages("UPDATE")[0]
    assert isinstance(update, Request)
    challenge = [("Proxy-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')]
    network.inject("192.0.2.1", response_to(update, 407, headers=challenge).encode(), bob.hop)
    network.run(until=network.now + 0.1)
    again = network.messages("UPDATE")[1]
    assert again.get("Proxy-Authorization")
    assert again.get("Session-Expires") == update.get("Session-Expires")


def test_a_refused_interval_is_raised() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 100.1)
    update = network.messages("UPDATE")[0]
    assert isinstance(update, Request)
    network.inject(
        "192.0.2.1", response_to(update, 422, headers=[("Min-SE", "600")]).encode(), bob.hop
    )
    network.run(until=network.now + 0.1)
    again = network.messages("UPDATE")[1]
    assert again.get("Session-Expires") == "600;refresher=uac"
    assert again.get("Min-SE") == "600"


def test_a_refresh_without_an_answer_ends_the_session() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 140.0)
    assert alice.ends(call)[0].cause == Cause(408, "UPDATE not answered", "timeout")


def test_a_refresh_that_cannot_be_sent_ends_the_session() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network, "tcp")
    call = answered_call(network, alice, bob, session_expires_s=200)
    network.agents.pop(bob.hop.host)
    network.run(until=network.now + 100.1)
    alice.ua.transport_failed(Hop("tcp", "192.0.2.2", 5060), "connection refused", network.now)
    network.flush(alice)
    assert alice.ends(call)[0].cause == Cause(503, "UPDATE not answered", "transport")
