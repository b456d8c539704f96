"""A REFER of ours (RFC 3515): the outcome is what the peer tells by NOTIFY, never its 202."""

import pytest

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.errors import SipError
from sip.events import ReferralEnded, Referred
from sip.message.message import Request, Response, response_to
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    clean,
    established,
    inject,
    pair,
    within,
)

CAROL = "sip:carol@192.0.2.3"


def referring(
    network: SimulatedNetwork, **deadline: float
) -> tuple[SimulatedAgent, SimulatedAgent, Session]:
    """A call whose peer was sent a REFER; the test answers in its place."""
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    network.agents.pop(bob.hop.host)
    alice.do(call.refer, CAROL, deadline.get("deadline_s", 20.0))
    return alice, bob, call


def answer(network: SimulatedNetwork, bob: SimulatedAgent, status: int, **headers: str) -> None:
    refer = network.messages("REFER")[-1]
    assert isinstance(refer, Request)
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    network.inject("192.0.2.1", response_to(refer, status, headers=fields).encode(), bob.hop)
    network.run(until=network.now)


def notify(
    network: SimulatedNetwork,
    sides: tuple[SimulatedAgent, SimulatedAgent, Session],
    body: str,
    *,
    number: int = 100,
    event: str = "refer",
    state: str = "active;expires=60",
) -> int:
    """Let the peer tell how it goes; the status of our answer."""
    alice, bob, call = sides
    data = within(
        call,
        "NOTIFY",
        number=number,
        body=body.encode(),
        Event=event,
        Subscription_State=state,
        Content_Type="message/sipfrag;version=2.0",
    )
    (response,) = inject(network, data, bob, alice)
    return response.status


def test_the_outcome_is_what_the_peer_tells() -> None:
    network = SimulatedNetwork()
    sides = alice, bob, call = referring(network)
    (refer,) = network.messages("REFER")
    assert refer.get("Refer-To") == f"<{CAROL}>"
    assert refer.get("Referred-By") == "<sip:alice@192.0.2.1>"
    answer(network, bob, 202)
    assert alice.of(ReferralEnded) == []
    assert notify(network, sides, "SIP/2.0 100 Trying\r\n") == 200
    assert notify(network, sides, "SIP/2.0 180 Ringing\r\n", number=101) == 200
    assert alice.of(ReferralEnded) == []
    assert notify(network, sides, "SIP/2.0 200 OK\r\n", number=102, state="terminated") == 200
    ended = alice.only(ReferralEnded)
    assert (ended.session, ended.status, ended.phrase) == (call, 200, "OK")
    # It is over: nobody waits for another outcome.
    assert notify(network, sides, "SIP/2.0 486 Busy\r\n", number=103) == 481
    assert len(alice.of(ReferralEnded)) == 1


def test_the_outcome_may_come_before_the_202() -> None:
    network = SimulatedNetwork()
    sides = alice, bob, call = referring(network)
    number = network.messages("REFER")[0].cseq.number
    assert notify(network, sides, "SIP/2.0 603 Decline", event=f"refer; id={number}") == 200
    answer(network, bob, 202)
    assert alice.only(ReferralEnded).status == 603
    # Another may follow.
    alice.do(call.refer, CAROL, 20.0)


@pytest.mark.parametrize("event", ["refer;id=99999", "presence", "refer-x"])
def test_what_is_not_about_it(event: str) -> None:
    network = SimulatedNetwork()
    sides = alice, bob, _ = referring(network)
    answer(network, bob, 202)
    assert notify(network, sides, "SIP/2.0 200 OK", event=event) == 481
    assert alice.of(ReferralEnded) == []


@pytest.mark.parametrize("body", ["", "hello", "SIP/2.0 999 No", "SIP/3.0 200 OK"])
def test_a_subscription_that_ends_without_an_outcome(body: str) -> None:
    network = SimulatedNetwork()
    sides = alice, bob, _ = referring(network)
    answer(network, bob, 202)
    assert notify(network, sides, body) == 200
    assert alice.of(ReferralEnded) == []
    assert notify(network, sides, body, number=101, state="Terminated;reason=timeout") == 200
    assert alice.only(ReferralEnded).status == 487


def test_a_202_alone_is_no_success() -> None:
    network = SimulatedNetwork()
    alice, bob, call = referring(network, deadline_s=10.0)
    answer(network, bob, 202)
    network.run(until=network.now + 9.0)
    assert alice.of(ReferralEnded) == []
    network.run(until=network.now + 2.0)
    assert alice.only(ReferralEnded).status == 408
    assert call.state == "confirmed"


@pytest.mark.parametrize("status", [403, 405, 501, 603])
def test_a_peer_that_refuses(status: int) -> None:
    network = SimulatedNetwork()
    alice, bob, call = referring(network)
    answer(network, bob, status)
    assert alice.only(ReferralEnded).status == status
    assert call.state == "confirmed"


def test_a_peer_that_answers_nothing() -> None:
    network = SimulatedNetwork()
    alice, _, call = referring(network, deadline_s=60.0)
    network.run(until=network.now + 33.0)
    assert alice.only(ReferralEnded).status == 408
    assert call.state == "confirmed"


def test_a_challenge_is_answered() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    call.use_credentials(Credentials("u", "p"))
    network.agents.pop(bob.hop.host)
    alice.do(call.refer, CAROL, 20.0)
    answer(network, bob, 401, WWW_Authenticate='Digest realm="x", nonce="n", qop="auth"')
    again = network.messages("REFER")[1]
    assert again.get("Authorization") and again.get("Refer-To") == f"<{CAROL}>"
    number = again.cseq.number
    assert notify(network, (alice, bob, call), "SIP/2.0 200 OK", event=f"refer;id={number}") == 200
    assert alice.only(ReferralEnded).status == 200


def test_one_at_a_time_and_only_in_a_call() -> None:
    network = SimulatedNetwork()
    alice, _, call = referring(network)
    with pytest.raises(SipError):
        alice.do(call.refer, CAROL, 20.0)
    alice.do(call.hangup)
    with pytest.raises(SipError):
        alice.do(call.refer, CAROL, 20.0)
    network.run()
    assert alice.of(ReferralEnded) == []
    clean(alice)


def test_two_endpoints_of_ours_understand_each_other() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call, _ = established(network, alice, bob)
    alice.do(call.refer, f"{CAROL}?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2", 20.0)
    network.run(until=network.now + 0.1)
    referral = bob.only(Referred).referral
    assert (referral.target, referral.replaces) == (CAROL, "a;to-tag=1;from-tag=2")
    bob.do(referral.accept)
    network.run(until=network.now + 0.1)
    assert alice.of(ReferralEnded) == []
    bob.do(referral.notify, status=486, phrase="Busy Here")
    network.run(until=network.now + 0.1)
    ended = alice.only(ReferralEnded)
    assert (ended.status, ended.phrase) == (486, "Busy Here")
    assert all(
        one.status == 200
        for one in network.messages(200)
        if isinstance(one, Response) and one.cseq.method == "NOTIFY"
    )
