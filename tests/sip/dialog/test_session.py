"""Requests within a session: target refresh, INFO, OPTIONS, sequence numbers; what is left."""

import gc
import random
import weakref

from sip.auth.digest import Credentials
from sip.dialog.uac import Invitation
from sip.events import Answered, Ended, IncomingInvite
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.user_agent import UserAgent
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    inject,
    pair,
    within,
)


class TestTargetRefresh:
    def test_requests_after_target_refresh_go_to_the_new_contact(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        data = within(call, "UPDATE", Contact="<sip:bob@192.0.2.77:5099>")
        (ok,) = inject(network, data, bob, alice)
        assert ok.status == 200
        assert ok.contact is not None
        alice.do(call.hangup)
        bye = network.messages("BYE")[-1]
        assert isinstance(bye, Request)
        assert bye.uri.encode() == "sip:bob@192.0.2.77:5099"
        assert network.log[-1][2] == "192.0.2.77"


def test_user_agent_may_call_itself() -> None:
    network = SimulatedNetwork()
    alice = network.agent("192.0.2.1")
    call = alice.invite(alice)
    network.run(until=0.1)
    alice.do(alice.incoming.accept, audio(4002))
    network.run(until=0.2)
    assert len(alice.of(Answered)) == 2
    alice.do(call.hangup)
    network.run()
    assert len(alice.of(Ended)) == 2
    clean(alice)


def test_a_session_that_is_over_is_freed_without_the_garbage_collector() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    sessions = established(network, alice, bob)
    kept = [weakref.ref(session) for session in sessions]
    gc.disable()
    try:
        alice.do(sessions[0].hangup)
        network.run()
        for one in (alice, bob):
            one.events.clear()
        del sessions
        assert [ref() for ref in kept] == [None, None]
    finally:
        gc.enable()


def test_requests_follow_the_outbound_proxy() -> None:
    ua = UserAgent(local={"udp": ("192.0.2.1", 5060)}, rng=random.Random(1))
    proxy = Hop("udp", "192.0.2.60", 5060)
    invitation = Invitation(
        target="sip:bob@example.com?Subject=x",
        hop=proxy,
        from_uri="sip:alice@example.com",
        audio=audio(),
        route=("<sip:192.0.2.60;lr>",),
    )
    ua.invite(invitation, 0.0)
    ((hop, data),) = ua.take_output()
    invite = parse(data)
    assert isinstance(invite, Request)
    assert hop == proxy
    assert invite.uri.encode() == "sip:bob@example.com"
    assert invite.get_all("Route") == ["<sip:192.0.2.60;lr>"]
    assert IncomingInvite not in {type(event) for event in ua.take_events()}


def test_who_was_called_answers_a_challenge_as_well() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    _, called = established(network, alice, bob)
    called.use_credentials(Credentials("bob", "secret"))
    asked: list[Request] = []

    def challenge(sender: str, message: Request | Response) -> bool:
        if not isinstance(message, Request) or message.method != "BYE" or asked:
            return False
        asked.append(message)
        fields = [("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
        refused = response_to(message, 407, headers=fields)
        network.inject(bob.hop.host, refused.encode(), alice.hop)
        return True

    network.drop = challenge
    bob.do(called.hangup)
    network.run()
    first, second = network.messages("BYE")
    assert first.get("Proxy-Authorization") is None
    assert 'username="bob"' in (second.get("Proxy-Authorization") or "")
    assert len(alice.of(Ended)) == 1
