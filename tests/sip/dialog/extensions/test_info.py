"""An INFO that we send within a dialog (RFC 6086)."""

import pytest

from sip.errors import SipError
from sip.message.message import Request, response_to
from tests.support.sip.network import SimulatedNetwork, audio, pair


def test_an_info_has_its_body_and_a_refusal_changes_nothing() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=network.now + 0.1)
    with pytest.raises(SipError, match="not confirmed"):
        alice.do(call.send_info, "text/plain", b"too early")
    bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
    network.run(until=network.now + 0.1)
    network.agents.pop(bob.hop.host)
    alice.do(call.send_info, "text/plain", b"hello")
    network.run(until=network.now + 0.1)
    (info,) = network.messages("INFO")
    assert isinstance(info, Request)
    assert (info.body, info.get("Content-Type")) == (b"hello", "text/plain")
    network.inject("192.0.2.1", response_to(info, 415).encode(), bob.hop)
    network.run(until=network.now + 60)
    assert call.state == "confirmed"


def test_an_info_that_finds_no_call_ends_it() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=network.now + 0.1)
    bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
    network.run(until=network.now + 0.1)
    network.agents.pop(bob.hop.host)
    alice.do(call.send_info, "text/plain", b"hello")
    network.run(until=network.now + 0.1)
    (info,) = network.messages("INFO")
    assert isinstance(info, Request)
    network.inject("192.0.2.1", response_to(info, 481).encode(), bob.hop)
    network.run(until=network.now + 0.1)
    assert alice.ends(call)[0].cause.status == 481
