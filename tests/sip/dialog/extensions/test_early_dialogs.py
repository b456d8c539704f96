"""Early dialogs of calls of ours, and the PRACKs for their responses (RFC 3262 section 4)."""

import pytest

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.events import Answered, Failed, Progress
from sip.message.message import Request, response_to
from sip.message.uri import parse_uri
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    call_to_nobody,
    inject,
    pair,
)

BOB = audio(4002, "192.0.2.2")


class TestTheirs:
    """The called side rings reliably: we send PRACKs."""

    @staticmethod
    def provisional(
        invite: Request, status: int, rseq: object, *, tag: str = "b", body: bytes = b""
    ) -> bytes:
        fields = [("Require", "100rel"), ("RSeq", str(rseq)), ("Contact", "<sip:b@192.0.2.2>")]
        if body:
            fields.append(("Content-Type", "application/sdp"))
        return response_to(invite, status, to_tag=tag, headers=fields, body=body).encode()

    def send(self, network: SimulatedNetwork, bob: SimulatedAgent, data: bytes) -> None:
        network.inject("192.0.2.1", data, bob.hop)
        network.run(until=network.now + 0.01)

    def test_responses_are_taken_in_their_order(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _, invite = call_to_nobody(network)
        for status, rseq in [(180, 7), (180, 7), (183, 9), (182, 8), (183, 9), (183, 8)]:
            self.send(network, bob, self.provisional(invite, status, rseq))
        assert [one.status for one in alice.of(Progress)] == [180, 182, 183]
        pracks = network.messages("PRACK")
        assert [one.get("RAck") for one in pracks[:3]] == [
            "7 1 INVITE",
            "8 1 INVITE",
            "9 1 INVITE",
        ]
        assert [one.cseq.number for one in pracks[:3]] == [2, 3, 4]
        assert all(isinstance(one, Request) and str(one.uri) == "sip:b@192.0.2.2" for one in pracks)

    def test_each_fork_has_numbers_of_its_own(self) -> None:
        network = SimulatedNetwork()
        _alice, bob, _, invite = call_to_nobody(network)
        self.send(network, bob, self.provisional(invite, 180, 100, tag="one"))
        self.send(network, bob, self.provisional(invite, 180, 5, tag="two"))
        self.send(network, bob, self.provisional(invite, 183, 6, tag="two"))
        pracks = [
            (one.to.tag, one.get("RAck"), one.cseq.number) for one in network.messages("PRACK")
        ]
        assert pracks == [
            ("one", "100 1 INVITE", 2),
            ("two", "5 1 INVITE", 2),
            ("two", "6 1 INVITE", 3),
        ]

    def test_what_follows_has_higher_numbers(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        answer, _ = OfferAnswer(9).receive_offer(invite.body, BOB)
        self.send(network, bob, self.provisional(invite, 183, 1, body=answer))
        fields = [("Contact", "<sip:b@192.0.2.2>")]
        self.send(network, bob, response_to(invite, 200, to_tag="b", headers=fields).encode())
        assert alice.only(Answered).audio.port == 4002
        alice.do(call.hangup)
        (bye,) = network.messages("BYE")
        assert bye.cseq.number == 3
        assert network.messages("ACK")[0].cseq.number == 1

    @pytest.mark.parametrize("rseq", ["0", "", "x", "4294967296", "-1"])
    def test_a_number_that_is_none_is_not_acknowledged(self, rseq: str) -> None:
        network = SimulatedNetwork()
        _alice, bob, call, invite = call_to_nobody(network)
        self.send(network, bob, self.provisional(invite, 180, rseq))
        assert network.sent("PRACK") == []
        self.send(network, bob, self.provisional(invite, 180, 4))
        assert len(network.sent("PRACK")) == 1
        assert call.state == "early"

    def test_a_challenged_prack_is_sent_again_with_credentials(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.agents.pop(bob.hop.host)
        alice.invite(bob, credentials=Credentials("u", "p"))
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        self.send(network, bob, self.provisional(invite, 180, 1))
        (prack,) = network.messages("PRACK")
        assert isinstance(prack, Request)
        challenge = [("Proxy-Authenticate", 'Digest realm="x", nonce="n", qop="auth"')]
        self.send(network, bob, response_to(prack, 407, headers=challenge).encode())
        again = network.messages("PRACK")[1]
        assert again.get("RAck") == prack.get("RAck")
        assert again.get("Proxy-Authorization")

    def test_a_refused_prack_changes_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        self.send(network, bob, self.provisional(invite, 180, 1))
        (prack,) = network.messages("PRACK")
        assert isinstance(prack, Request)
        self.send(network, bob, response_to(prack, 481).encode())
        assert call.state == "early"
        assert alice.of(Failed) == []

    def test_an_update_of_the_called_side_before_the_answer(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        theirs = OfferAnswer(9)
        answer, _ = theirs.receive_offer(invite.body, BOB)
        update = _request_of_peer(call, "UPDATE", 1, OfferAnswer(9).make_offer(audio(6000)))
        self.send(network, bob, self.provisional(invite, 180, 1))
        (pending,) = inject(network, update, bob, alice)
        assert pending.status == 491
        self.send(network, bob, self.provisional(invite, 183, 2, body=answer))
        update = _request_of_peer(call, "UPDATE", 2, OfferAnswer(9).make_offer(audio(6000)))
        (ok,) = inject(network, update, bob, alice)
        assert ok.status == 200 and b"m=audio 4000" in ok.body
        fields = [("Contact", "<sip:b@192.0.2.2>"), ("Content-Type", "application/sdp")]
        self.send(
            network,
            bob,
            response_to(invite, 200, to_tag="b", headers=fields, body=answer).encode(),
        )
        assert alice.only(Answered).audio.port == 6000

    def test_an_offer_in_a_reliable_response_is_answered_by_the_prack(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.agents.pop(bob.hop.host)
        alice.invite(bob, late_offer=True)
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        assert invite.body == b""
        offer = OfferAnswer(9).make_offer(BOB)
        self.send(network, bob, self.provisional(invite, 183, 1, body=offer))
        (prack,) = network.messages("PRACK")
        assert b"m=audio 4000" in prack.body
        assert prack.get("Content-Type") == "application/sdp"
        fields = [("Contact", "<sip:b@192.0.2.2>")]
        self.send(network, bob, response_to(invite, 200, to_tag="b", headers=fields).encode())
        assert network.messages("ACK")[0].body == b""
        assert alice.only(Answered).audio.port == 4002

    def test_an_offer_in_the_2xx_is_answered_by_the_ack(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob, late_offer=True)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, BOB)
        network.run(until=0.2)
        assert b"m=audio 4000" in network.messages("ACK")[0].body
        assert (alice.only(Answered).audio.port, bob.only(Answered).audio.port) == (4002, 4000)

    @pytest.mark.parametrize("body", [b"", b"v=0\r\nm=video 9 RTP/AVP 31\r\n"])
    def test_a_2xx_whose_offer_cannot_be_used_is_ended(self, body: bytes) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.agents.pop(bob.hop.host)
        alice.invite(bob, late_offer=True)
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        fields = [("Contact", "<sip:b@192.0.2.2>"), ("Content-Type", "application/sdp")]
        ok = response_to(invite, 200, to_tag="b", headers=fields, body=body)
        self.send(network, bob, ok.encode())
        assert alice.only(Failed).cause.status == 488
        assert [len(network.sent(one)) for one in ("ACK", "BYE")] == [1, 1]

    def test_a_fork_that_is_over_takes_its_early_media_with_it(self) -> None:
        """199 Early Dialog Terminated (RFC 6228)."""
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        answer, _ = OfferAnswer(9).receive_offer(invite.body, BOB)
        self.send(network, bob, self.provisional(invite, 183, 1, tag="one", body=answer))
        self.send(network, bob, self.provisional(invite, 180, 1, tag="two"))
        for tag in ("two", "one", "one"):
            self.send(network, bob, response_to(invite, 199, to_tag=tag).encode())
        assert [one.status for one in alice.of(Progress)] == [183, 180, 199]
        assert call.dialog_count == 0


def _request_of_peer(call: Session, method: str, number: int, body: bytes) -> bytes:
    """A request of the called side within its early dialog."""
    fields = [
        ("Via", f"SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{method}{number}"),
        ("From", "<sip:bob@192.0.2.2>;tag=b"),
        ("To", f"<sip:alice@192.0.2.1>;tag={call.local_tag}"),
        ("Call-ID", call.call_id),
        ("CSeq", f"{number} {method}"),
        ("Contact", "<sip:b@192.0.2.2>"),
        ("Content-Type", "application/sdp"),
    ]
    return Request(method, parse_uri("sip:ringback@192.0.2.1"), fields, body).encode()
