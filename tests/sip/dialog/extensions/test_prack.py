"""Reliable provisional responses of both sides, and their PRACKs (RFC 3262)."""

import pytest

from sip.dialog.extensions.prack import parse_rack, parse_rseq
from sip.dialog.session import Session
from sip.errors import ParseError
from sip.events import Answered, Cause, Failed, MediaChanged, Progress
from sip.message.message import Request, Response
from sip.message.uri import parse_uri
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
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


def test_numbers_are_read() -> None:
    ok = Response(180, None, [("Require", "foo, 100REL"), ("RSeq", " 12 ")])
    assert parse_rseq(ok) == 12
    assert parse_rseq(Response(180, None, [("RSeq", "12")])) is None
    prack = Request("PRACK", parse_uri("sip:a@b"), [("RAck", "12  314 INVITE")])
    assert parse_rack(prack) == (12, 314, "INVITE")
    with pytest.raises(ParseError):
        parse_rack(Request("PRACK", parse_uri("sip:a@b"), [("RAck", "12 314 IN@VITE")]))
