"""Calls between two user agents: set-up, refusal, both ends hanging up."""

import pytest

from sip.dialog.session import Session
from sip.errors import ParseError, SipError
from sip.events import Answered, Cause, Ended, Failed, IncomingInvite, Progress
from sip.hop import Transport
from sip.message.message import Request, response_to
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    call_to_nobody,
    clean,
    established,
    pair,
)


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> Transport:
    value: Transport = request.param
    return value


def state_of(session: Session) -> str:
    return session.state


@pytest.mark.parametrize(("transport", "moves"), [("wss", True), ("tcp", False)])
def test_a_page_that_was_loaded_again_answers_by_its_new_connection(
    transport: Transport, moves: bool
) -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network, transport)
    call = alice.invite(bob)
    network.run(until=0.1)
    ringing = response_to(bob.only(IncomingInvite).request, 180, to_tag="t")
    again = bob.hop._replace(port=50001)
    network.inject("192.0.2.1", ringing.encode(), again)
    network.run(until=0.2)
    assert call.peer_hop == (again if moves else bob.hop)


class TestSetUp:
    def test_a_call_from_end_to_end(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call = alice.invite(bob, from_display='Al "x" Ice', headers=(("X-Job", "7"),))
        assert state_of(call) == "calling"
        network.run(until=0.1)
        assert state_of(call) == "proceeding"
        invite = bob.only(IncomingInvite).request
        assert invite.from_.display_name == 'Al "x" Ice'
        assert invite.get("X-Job") == "7"
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        assert state_of(call) == "early"
        assert alice.only(Progress).status == 180
        assert alice.only(Progress).audio is None
        bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
        network.run(until=0.3)
        agreed = alice.only(Answered).audio
        assert (agreed.host, agreed.port, agreed.codec) == ("192.0.2.2", 4002, "PCMU")
        agreed = bob.only(Answered).audio
        assert (agreed.host, agreed.port) == ("192.0.2.1", 4000)
        assert call.call_id == bob.incoming.call_id
        assert (call.local_tag, call.remote_tag) == (
            bob.incoming.remote_tag,
            bob.incoming.local_tag,
        )
        alice.do(call.hangup)
        network.run()
        assert alice.only(Ended).cause.origin == "local"
        assert bob.only(Ended).cause.origin == "remote"
        methods = [
            message.method if isinstance(message, Request) else message.status
            for _, _, _, message in network.log
        ]
        assert methods == ["INVITE", 100, 180, "PRACK", 200, 200, "ACK", "BYE", 200]
        clean(alice, bob)

    def test_the_called_side_hangs_up(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call, called = established(network, alice, bob)
        bob.do(called.hangup, reason='Q.850;cause=16;text="bye"')
        network.run()
        assert alice.only(Ended).cause == Cause(
            None, "BYE received", "remote", 'Q.850;cause=16;text="bye"'
        )
        assert bob.only(Ended).cause.origin == "local"
        assert call.state == called.state == "terminated"
        clean(alice, bob)

    def test_both_hang_up_at_once(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call, called = established(network, alice, bob)
        alice.do(call.hangup)
        bob.do(called.hangup)
        network.run()
        assert alice.only(Ended).cause.origin == "local"
        assert bob.only(Ended).cause.origin == "local"
        clean(alice, bob)

    def test_second_hangup_does_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        for _ in range(3):
            alice.do(call.hangup)
        network.run()
        alice.do(call.hangup)
        assert len(network.sent("BYE")) == 1
        assert len(alice.ends(call)) == 1

    def test_rejected_call_fails_with_its_status(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.reject, 486, headers=(("Reason", "Q.850;cause=17"),))
        network.run()
        assert alice.only(Failed).cause == Cause(486, "Busy Here", "remote", "Q.850;cause=17")
        assert bob.only(Failed).cause.origin == "local"
        clean(alice, bob)

    def test_unanswered_invite_times_out(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.agents.pop("192.0.2.2")
        alice.invite(bob)
        network.run()
        assert alice.only(Failed).cause == Cause(408, "Request Timeout", "timeout")
        assert network.now == 32.0
        clean(alice)

    def test_unreachable_is_reported_at_once(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        alice.invite(bob)
        alice.ua.transport_failed(bob.hop, "connection refused", 0.02)
        network.flush(alice)
        assert alice.only(Failed).cause == Cause(503, "connection refused", "transport")
        clean(alice)

    def test_failure_of_another_hop_does_not_affect_the_call(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        alice.ua.transport_failed(alice.hop, "connection refused", 0.0)
        network.run(until=0.1)
        assert alice.of(Failed) == []

    def test_early_media_is_reported_and_the_answer_counts(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        # Our own called side sends no early media: put it into a 183 by hand.
        invite = bob.only(IncomingInvite).request
        body, _ = OfferAnswer(1).receive_offer(invite.body, audio(5000, "192.0.2.7"))
        ringing = response_to(
            invite,
            183,
            to_tag=bob.incoming.local_tag,
            headers=[("Content-Type", "application/sdp"), ("Contact", "<sip:192.0.2.2>")],
            body=body,
        )
        network.inject("192.0.2.1", ringing.encode(), bob.hop)
        network.run(until=0.2)
        early = alice.only(Progress).audio
        assert early is not None
        assert (early.host, early.port) == ("192.0.2.7", 5000)
        bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
        network.run(until=0.3)
        assert alice.only(Answered).audio.port == 4002

    @pytest.mark.parametrize("statuses", [(183,), (183, 180), (180, 183, 182, 180)])
    def test_a_200_without_description_after_early_media(self, statuses: tuple[int, ...]) -> None:
        """The answer of the 183 holds, whatever else rang in between."""
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        body, _ = OfferAnswer(1).receive_offer(invite.body, audio(5000, "192.0.2.7"))
        contact = ("Contact", "<sip:bob@192.0.2.2>")
        for place, status in enumerate((*statuses, 200)):
            described = status == 183
            response = response_to(
                invite,
                status,
                to_tag="b",
                headers=[contact, ("Content-Type", "application/sdp")] if described else [contact],
                body=body if described else b"",
            )
            network.inject("192.0.2.1", response.encode(), bob.hop, after_s=0.1 + place)
        network.run(until=10.0)
        agreed = alice.only(Answered).audio
        assert (agreed.host, agreed.port) == ("192.0.2.7", 5000)
        assert call.state == "confirmed"

    def test_an_offer_in_our_200_is_answered_in_the_ack(self) -> None:
        """A peer that sends INVITE without a description."""
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        offerless = network.messages("INVITE")[0]
        assert isinstance(offerless, Request)
        offerless.body = b""
        offerless.remove("Content-Type")
        network.drop = lambda sender, message: True
        network.agents.pop("192.0.2.1")
        network.run(until=0.001)
        network._flying.clear()
        network.inject("192.0.2.2", offerless.encode(), alice.hop)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002))
        ok = network.messages(200)[0]
        assert b"m=audio 4002" in ok.body
        ack = Request(
            "ACK",
            offerless.uri,
            [
                ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKack"),
                ("From", ok.get("From") or ""),
                ("To", ok.get("To") or ""),
                ("Call-ID", ok.call_id),
                ("CSeq", f"{ok.cseq.number} ACK"),
            ],
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
            b"m=audio 6000 RTP/AVP 8\r\n",
        )
        network.inject("192.0.2.2", ack.encode(), alice.hop)
        network.run(until=0.2)
        agreed = bob.only(Answered).audio
        assert (agreed.port, agreed.codec) == (6000, "PCMA")


class TestBadArguments:
    @pytest.mark.parametrize("target", ["", "bob", "sip:", "sip:a b@192.0.2.2"])
    def test_malformed_target_raises_parse_error(self, target: str) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        with pytest.raises(ParseError):
            alice.invite(bob, target=target)
        clean(alice)

    @pytest.mark.parametrize("header", [("X Y", "1"), ("X", "1\r\nEvil: 2"), ("", "1")])
    def test_malformed_header_raises_value_error(self, header: tuple[str, str]) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        with pytest.raises(ValueError, match=r"header name|line end"):
            alice.invite(bob, headers=(header,))
        clean(alice)

    def test_answering_twice(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        _, called = established(network, alice, bob)
        with pytest.raises(SipError, match="confirmed"):
            bob.do(bob.incoming.ring)
        with pytest.raises(SipError, match="confirmed"):
            bob.do(bob.incoming.accept, audio())
        with pytest.raises(SipError, match="confirmed"):
            bob.do(bob.incoming.reject, 486)
        assert called.state == "confirmed"

    def test_reinvite_before_the_answer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob)
        with pytest.raises(SipError, match="calling"):
            alice.do(call.reinvite, audio())


def test_a_strict_router_on_the_preloaded_route() -> None:
    """It is the request URI, and the target stands at the end of the route (12.2.1.1)."""
    network = SimulatedNetwork()
    alice, bob = pair(network)
    alice.invite(bob, route=("<sip:192.0.2.2;x=y>", "<sip:192.0.2.60;lr>"))
    (invite,) = network.messages("INVITE")
    assert isinstance(invite, Request)
    assert invite.uri.encode() == "sip:192.0.2.2;x=y"
    assert invite.get_all("Route") == ["<sip:192.0.2.60;lr>", "<sip:bob@192.0.2.2>"]


def test_a_redirect_has_its_contacts_in_the_order_of_q() -> None:
    network = SimulatedNetwork()
    alice, bob, _, invite = call_to_nobody(network)
    fields = [
        ("Contact", "<sip:c@a>;q=0.1, <sip:d@a>"),
        ("Contact", "<sip:e@a>;q=0.5"),
        ("Contact", "<sip:"),
    ]
    moved = response_to(invite, 302, to_tag="b", headers=fields).encode()
    network.inject("192.0.2.1", moved, bob.hop)
    network.run(until=0.1)
    assert alice.only(Failed).cause.contacts == ("sip:d@a", "sip:e@a", "sip:c@a")
