"""Reliable provisional responses of both sides, and their PRACKs (RFC 3262)."""

import pytest

from sip.dialog.extensions.reliable_responses import parse_rack, parse_rseq
from sip.dialog.session import Session
from sip.errors import ParseError
from sip.events import Answered, Cause, Failed, MediaChanged, Progress
from sip.message.message import Request, Response, response_to
from sip.message.uri import parse_uri
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    call_to_nobody,
    clean,
    inject,
    pair,
)

BOB = audio(4002, "192.0.2.2")


def ringing(network: SimulatedNetwork) -> tuple[SimulatedAgent, SimulatedAgent, Session]:
    """A call that has come to bob."""
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=0.1)
    return alice, bob, call


def methods(network: SimulatedNetwork) -> list[str | int]:
    return [m.method if isinstance(m, Request) else m.status for _, _, _, m in network.log]


class TestOurs:
    """We ring: the caller sends PRACKs."""

    def test_a_180_is_repeated_until_its_prack(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _ = ringing(network)
        network.drop = lambda sender, m: isinstance(m, Request) and m.method == "PRACK"
        bob.do(bob.incoming.ring)
        network.run(until=8.0)
        assert [round(at - 0.1, 1) for at in network.sent(180)] == [0.0, 0.5, 1.5, 3.5, 7.5]
        network.drop = lambda sender, m: False
        network.run(until=30.0)
        assert len(network.sent(180)) == 5
        assert len(alice.of(Progress)) == 1
        bob.do(bob.incoming.accept, BOB)
        network.run(until=31.0)
        assert alice.only(Answered) and bob.only(Answered)

    def test_responses_come_in_order_and_each_once(self) -> None:
        network = SimulatedNetwork(duplication=0.5, delay_s=(0.01, 0.3), seed=3)
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.4)
        for status in (180, 181, 182, 183):
            bob.do(bob.incoming.ring, status=status)
        network.run(until=20.0)
        assert [one.status for one in alice.of(Progress)] == [180, 181, 182, 183]
        rseqs = [int(m.get("RSeq") or 0) for s in (180, 181, 182, 183) for m in network.messages(s)]
        assert sorted(set(rseqs)) == list(range(rseqs[0], rseqs[0] + 4))

    def test_without_a_prack_the_call_ends(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _ = ringing(network)
        network.drop = lambda sender, m: isinstance(m, Request) and m.method == "PRACK"
        bob.do(bob.incoming.ring)
        network.run(until=40.0)
        assert len(network.sent(504)) == 1
        assert bob.only(Failed).cause == Cause(408, "no PRACK", "timeout")
        assert alice.only(Failed).cause.status == 504
        network.run()
        clean(alice, bob)

    def test_our_description_in_a_183(self) -> None:
        """The answer goes in the 183; the 200 waits for its PRACK and repeats nothing."""
        network = SimulatedNetwork()
        alice, bob, call = ringing(network)
        network.drop = lambda sender, m: (
            isinstance(m, Request) and m.method == "PRACK" and network.now < 0.4
        )
        bob.do(bob.incoming.ring, status=183, audio=BOB)
        bob.do(bob.incoming.accept, BOB)
        network.run(until=0.5)
        assert network.sent(200) == []
        network.run(until=3.0)
        progress = alice.only(Progress)
        assert progress.audio is not None
        assert (progress.audio.host, progress.audio.port) == ("192.0.2.2", 4002)
        invite_200 = next(m for m in network.messages(200) if m.cseq.method == "INVITE")
        assert invite_200.body == b""
        assert alice.only(Answered).audio.port == 4002
        assert bob.only(Answered).audio.port == 4000
        alice.do(call.hangup)
        network.run()
        clean(alice, bob)

    def test_a_caller_without_100rel_gets_the_description_twice(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.ua.context.supported = []
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring, status=183, audio=BOB)
        bob.do(bob.incoming.accept, BOB)
        network.run(until=0.2)
        (progress,), (ok,) = network.messages(183), network.messages(200)
        assert progress.get("RSeq") is None
        assert progress.body == ok.body != b""
        assert network.sent("PRACK") == []

    def test_a_late_prack_after_the_200_is_accepted(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _ = ringing(network)
        bob.do(bob.incoming.ring)
        bob.do(bob.incoming.accept, BOB)
        network.run(until=1.0)
        assert network.sent(481) == []
        assert methods(network).count("PRACK") == 1
        assert alice.only(Answered)

    def test_an_offerless_invite_that_requires_100rel(self) -> None:
        """Without a description no provisional response may be sent; with one it is the offer."""
        for is_early in (False, True):
            network = SimulatedNetwork()
            alice, bob = pair(network)
            alice.invite(bob, late_offer=True, headers=(("Require", "100rel"),))
            network.run(until=0.1)
            bob.do(bob.incoming.ring)
            assert network.sent(180) == []
            if is_early:
                bob.do(bob.incoming.ring, status=183, audio=BOB)
                network.run(until=0.2)
                (prack,) = network.messages("PRACK")
                assert b"m=audio 4000" in prack.body
            bob.do(bob.incoming.accept, BOB)
            network.run(until=1.0)
            assert alice.only(Answered).audio.port == 4002
            assert bob.only(Answered).audio.port == 4000
            (ack,) = network.messages("ACK")
            assert (ack.body == b"") == is_early

    def test_a_prack_for_nothing_is_refused(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call = ringing(network)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        (first,) = network.messages("PRACK")
        rseq, cseq, method = (first.get("RAck") or "").split()
        for number, (rack, status) in enumerate(
            [
                (f"{rseq} {cseq} {method}", 481),  # acknowledged before
                (f"{int(rseq) + 1} {cseq} {method}", 481),
                (f"{rseq} {int(cseq) + 1} {method}", 481),
                (f"{rseq} {cseq} BYE", 481),
                ("1 2", 400),
                ("x y INVITE", 400),
                ("99999999999 1 INVITE", 400),
                ("", 400),
            ]
        ):
            answer = _prack(network, alice, bob, rack, 100 + number)
            assert answer.status == status, rack
        assert call.state == "early"

    def test_an_offer_in_a_prack_is_answered(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _ = ringing(network)
        network.agents.pop(alice.hop.host)
        bob.do(bob.incoming.ring, status=183, audio=BOB)
        rseq = network.messages(183)[0].get("RSeq")
        offer = OfferAnswer(7).make_offer(audio(4444))
        answer = _prack(network, alice, bob, f"{rseq} 1 INVITE", 2, offer)
        assert answer.status == 200
        assert b"m=audio 4002" in answer.body
        bob.do(bob.incoming.accept, BOB)
        assert bob.incoming.media.negotiated is not None
        assert bob.incoming.media.negotiated.port == 4444

    def test_an_unusable_offer_in_a_prack_is_refused_and_the_call_goes_on(self) -> None:
        network = SimulatedNetwork()
        alice, bob, _ = ringing(network)
        network.agents.pop(alice.hop.host)
        bob.do(bob.incoming.ring, status=183, audio=BOB)
        rseq = network.messages(183)[0].get("RSeq")
        answer = _prack(
            network, alice, bob, f"{rseq} 1 INVITE", 2, b"v=0\r\nm=video 9 RTP/AVP 31\r\n"
        )
        assert (answer.status, answer.get("Warning")) == (488, '304 - "no audio stream is offered"')
        bob.do(bob.incoming.accept, BOB)
        assert network.messages(200)[-1].cseq.method == "INVITE"

    def test_a_cancelled_call_repeats_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call = ringing(network)
        network.drop = lambda sender, m: isinstance(m, Request) and m.method == "PRACK"
        bob.do(bob.incoming.ring)
        alice.do(call.hangup)
        network.run()
        assert len(network.sent(180)) == 1
        clean(alice, bob)

    def test_an_update_before_the_answer(self) -> None:
        """RFC 3311: once the offer of the INVITE is answered, either side may offer anew."""
        network = SimulatedNetwork()
        alice, bob, _call = ringing(network)
        bob.do(bob.incoming.ring, status=183, audio=BOB)
        network.run(until=0.2)
        called = bob.incoming
        offer = OfferAnswer(7).make_offer(audio(5555))
        data = _request(alice, called, "UPDATE", 50, offer)
        (ok,) = inject(network, data, alice, bob)
        assert (ok.status, b"m=audio 4002" in ok.body) == (200, True)
        assert bob.only(MediaChanged).audio.port == 5555
        bob.do(called.accept, BOB)
        network.run(until=1.0)
        assert bob.only(Answered).audio.port == 5555


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
        from sip.auth.digest import Credentials

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


def _prack(
    network: SimulatedNetwork,
    alice: SimulatedAgent,
    bob: SimulatedAgent,
    rack: str,
    number: int,
    body: bytes = b"",
) -> Response:
    data = _request(alice, bob.incoming, "PRACK", number, body, ("RAck", rack))
    answers = inject(network, data, alice, bob)
    return next(one for one in answers if one.cseq.method == "PRACK")


def _request(
    alice: SimulatedAgent,
    called: Session,
    method: str,
    number: int,
    body: bytes = b"",
    *more: tuple[str, str],
) -> bytes:
    """A request of the caller within the early dialog of the called side."""
    dialog = called.in_dialog
    fields = [
        ("Via", f"SIP/2.0/UDP {alice.hop.host};branch=z9hG4bK{method}{number}"),
        ("From", dialog.remote),
        ("To", dialog.local),
        ("Call-ID", called.call_id),
        ("CSeq", f"{number} {method}"),
        *more,
        *([("Content-Type", "application/sdp")] if body else []),
    ]
    return Request(method, dialog.target, fields, body).encode()


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


def test_numbers_are_read() -> None:
    ok = Response(180, None, [("Require", "foo, 100REL"), ("RSeq", " 12 ")])
    assert parse_rseq(ok) == 12
    assert parse_rseq(Response(180, None, [("RSeq", "12")])) is None
    prack = Request("PRACK", parse_uri("sip:a@b"), [("RAck", "12  314 INVITE")])
    assert parse_rack(prack) == (12, 314, "INVITE")
    with pytest.raises(ParseError):
        parse_rack(Request("PRACK", parse_uri("sip:a@b"), [("RAck", "12 314 IN@VITE")]))
