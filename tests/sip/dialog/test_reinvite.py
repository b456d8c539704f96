"""re-INVITE and UPDATE both ways, glare, refusals (RFC 3261 14, RFC 3311)."""

import pytest

from sip.events import Cause, Ended, MediaChanged, MediaRefused
from sip.message.message import Request, response_to
from sip.message.parser import parse
from sip.sdp.offer_answer import LocalAudio, OfferAnswer
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    inject,
    pair,
    within,
)

HOLD = LocalAudio("192.0.2.1", 4000, direction="sendonly")


def _offer(connection: str, media: str) -> bytes:
    return f"v=0\r\no=- 1 1 {connection}\r\ns=-\r\nc={connection}\r\nt=0 0\r\n{media}\r\n".encode()


class TestReinvite:
    def test_hold_and_resume(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, HOLD)
        network.run(until=1.0)
        assert alice.only(MediaChanged).audio.direction == "sendonly"
        assert bob.only(MediaChanged).audio.direction == "recvonly"
        alice.do(call.reinvite, audio())
        network.run(until=2.0)
        assert [event.audio.direction for event in bob.of(MediaChanged)] == ["recvonly", "sendrecv"]
        alice.do(call.hangup)
        network.run()
        clean(alice, bob)

    def test_reinvite_of_the_called_side(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        _, called = established(network, alice, bob)
        bob.do(called.reinvite, audio(4444, "192.0.2.2"))
        network.run(until=1.0)
        assert alice.only(MediaChanged).audio.port == 4444
        assert bob.only(MediaChanged).audio.host == "192.0.2.1"

    def test_second_reinvite_waits_for_the_first(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, HOLD)
        alice.do(call.reinvite, audio(4100))
        alice.do(call.reinvite, audio(4200))
        network.run(until=1.0)
        assert [event.audio.port for event in bob.of(MediaChanged)] == [4000, 4200]
        assert network.sent(491) == []

    def test_after_glare_both_offers_are_made(self) -> None:
        network = SimulatedNetwork(delay_s=(0.05, 0.05))
        alice, bob = pair(network)
        call, called = established(network, alice, bob)
        start = network.now
        alice.do(call.reinvite, audio(4100, "192.0.2.1"))
        bob.do(called.reinvite, audio(4300, "192.0.2.2"))
        network.run(until=start + 10.0)
        assert len(network.sent(491)) == 2
        retries = network.sent("INVITE", "192.0.2.1")[2:]
        # The caller made the Call-ID and waits 2.1 to 4 s, the called side 0 to 2 s.
        assert 2.1 <= retries[-1] - start - 0.1 <= 4.0
        assert 0.0 <= network.sent("INVITE", "192.0.2.2")[1] - start - 0.1 <= 2.0
        assert [event.audio.port for event in alice.of(MediaChanged)] == [4300, 4300]
        assert [event.audio.port for event in bob.of(MediaChanged)] == [4000, 4100]
        alice.do(call.hangup)
        network.run()
        clean(alice, bob)

    def test_hangup_while_a_retry_after_glare_waits(self) -> None:
        network = SimulatedNetwork(delay_s=(0.05, 0.05))
        alice, bob = pair(network)
        call, called = established(network, alice, bob)
        alice.do(call.reinvite, audio(4100))
        bob.do(called.reinvite, audio(4300))
        network.run(until=network.now + 0.11)
        alice.do(call.hangup)
        network.run()
        assert len(alice.ends(call)) == len(bob.ends(called)) == 1
        clean(alice, bob)

    def test_refused_reinvite_leaves_the_session_unchanged(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, LocalAudio("192.0.2.1", 4000, codecs=("PCMA",)))
        invite = network.messages("INVITE")[-1]
        assert isinstance(invite, Request)
        network._flying.clear()
        refusal = response_to(invite, 488).encode()
        network.inject("192.0.2.1", refusal, bob.hop)
        network.run(until=network.now + 0.1)
        assert alice.only(MediaRefused).status == 488
        assert call.state == "confirmed"
        alice.do(call.reinvite, HOLD)
        network.run(until=network.now + 1)
        assert alice.only(MediaChanged).audio.direction == "sendonly"

    @pytest.mark.parametrize("answer", [b"", b"rubbish", _offer("IN IP4 a", "m=video 9 RTP/AVP 1")])
    def test_an_answer_that_cannot_be_used_leaves_the_session_unchanged(
        self, answer: bytes
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, HOLD)
        invite = network.messages("INVITE")[-1]
        assert isinstance(invite, Request)
        network._flying.clear()
        ok = response_to(invite, 200, headers=[("Contact", "<sip:192.0.2.2>")], body=answer)
        for _ in range(2):  # the second is acknowledged again, and changes nothing
            network.inject("192.0.2.1", ok.encode(), bob.hop)
        network.run(until=network.now + 0.1)
        assert len(network.sent("ACK", "192.0.2.1")) == 3
        assert alice.only(MediaRefused).status == 488
        assert call.state == "confirmed" and call.local_audio == audio()

    def test_ours_waits_until_the_one_of_the_peer_is_acknowledged(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        contact = "<sip:192.0.2.2>"
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        before = len(network.sent("INVITE", "192.0.2.1"))
        theirs = within(call, "INVITE", number=50, Contact=contact, body=body)
        inject(network, theirs, bob, alice)
        alice.do(call.reinvite, HOLD)
        assert len(network.sent("INVITE", "192.0.2.1")) == before
        inject(network, within(call, "ACK", number=50), bob, alice)
        network.run(until=network.now + 5)
        assert len(network.sent("INVITE", "192.0.2.1")) == before + 1
        assert [event.audio.direction for event in alice.of(MediaChanged)][-1] == "sendonly"

    def test_481_ends_the_session_with_a_bye(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, called = established(network, alice, bob)
        bob.ua.context.forget_session(called)
        alice.do(call.reinvite, HOLD)
        network.run(until=network.now + 1)
        assert len(network.sent("BYE", "192.0.2.1")) == 1
        assert alice.only(Ended).cause.status == 481
        assert alice.only(Ended).cause.origin == "remote"

    def test_unanswered_reinvite_ends_the_session(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        network.agents.pop("192.0.2.2")
        alice.do(call.reinvite, HOLD)
        begun = network.now
        network.run(until=begun + 32.1)  # the owner need not wait for the BYE, too, to time out
        assert alice.only(Ended).cause == Cause(408, "re-INVITE not answered", "timeout")
        assert call.state == "terminating"
        network.run()
        assert network.now > begun + 60
        assert len(alice.of(Ended)) == 1
        clean(alice)

    def test_received_reinvite_without_offer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        contact = "<sip:192.0.2.2>"
        (ok,) = inject(network, within(call, "INVITE", number=50, Contact=contact), bob, alice)
        assert ok.status == 200
        assert b"m=audio 4000" in ok.body
        answer, _ = OfferAnswer(5).receive_offer(ok.body, audio(4777, "192.0.2.2"))
        inject(network, within(call, "ACK", number=50, body=answer), bob, alice)
        assert alice.only(MediaChanged).audio.port == 4777
        before = len(network.sent(200))
        network.run(until=network.now + 5)
        assert len(network.sent(200)) == before

    def test_received_reinvite_without_ack_ends_the_session(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        contact = "<sip:192.0.2.2>"
        inject(network, within(call, "INVITE", number=50, Contact=contact), bob, alice)
        network.agents.pop("192.0.2.2")
        network.run(until=network.now + 32.1)
        assert alice.only(Ended).cause == Cause(408, "no ACK", "timeout")
        network.run()
        assert len(alice.of(Ended)) == 1
        clean(alice)

    @pytest.mark.parametrize(
        ("body", "code", "reason"),
        [
            (_offer("IN IP4 192.0.2.2", "m=video 9 RTP/AVP 31"), 304, "no audio stream is offered"),
            (b"rubbish", 399, "the session description does not begin with v=0"),
            (
                _offer("IN IP4 phone..example.com", "m=audio 4000 RTP/AVP 0"),
                301,
                "the audio address phone..example.com is not an IPv4 address",
            ),
            (
                _offer("IN IP6 2001:db8::2", "m=audio 4000 RTP/AVP 0"),
                301,
                "the audio address 2001:db8::2 is not an IPv4 address",
            ),
        ],
    )
    def test_received_reinvite_with_unusable_offer_is_refused(
        self, body: bytes, code: int, reason: str
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (refusal,) = inject(network, within(call, "INVITE", body=body), bob, alice)
        assert refusal.status == 488
        assert refusal.get("Warning") == f'{code} - "{reason}"'
        assert call.state == "confirmed"
        assert alice.of(MediaChanged) == []

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    @pytest.mark.parametrize(
        ("header", "answer"),
        [
            ({"Content_Type": "text/plain"}, ("Accept", "application/sdp, multipart/mixed")),
            (
                {"Content_Type": "application/sdp", "Content_Encoding": "gzip"},
                ("Accept-Encoding", "identity"),
            ),
        ],
    )
    def test_received_offer_in_an_unsupported_body_is_refused(
        self, method: str, header: dict[str, str], answer: tuple[str, str]
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        data = within(call, method, body=b"--x\r\n", **header)  # type: ignore[arg-type]
        (refusal,) = inject(network, data, bob, alice)
        assert refusal.status == 415
        assert answer in refusal.headers()
        assert call.state == "confirmed"

    def test_reinvite_received_before_the_ack_is_refused(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.drop = lambda sender, message: (
            isinstance(message, Request) and message.method == "ACK"
        )
        call = alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=0.2)
        assert bob.incoming.state == "accepted"
        data = within(bob.incoming, "INVITE", body=network.messages("INVITE")[0].body)
        (refusal,) = inject(network, data, alice, bob)
        assert refusal.status == 500
        assert 0 <= int(refusal.get("Retry-After") or "x") <= 10
        assert call.state == "confirmed"


class TestUpdate:
    def test_update_with_an_offer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        data = within(call, "UPDATE", body=body, Contact="<sip:192.0.2.2>")
        (ok,) = inject(network, data, bob, alice)
        assert (ok.status, ok.content_type) == (200, "application/sdp")
        assert alice.only(MediaChanged).audio.port == 4888

    def test_update_during_our_offer_gets_491(self) -> None:
        network = SimulatedNetwork(delay_s=(1.0, 1.0))
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=4.0)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=8.0)
        alice.do(call.reinvite, HOLD)
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        (refusal,) = inject(network, within(call, "UPDATE", body=body), bob, alice)
        assert refusal.status == 491

    def test_update_during_the_offer_of_the_first_invite_gets_491(self) -> None:
        """Only what a 2xx answers is answered for good; until then our offer is out."""
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        assert call.state == "early"
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        update = within(bob.incoming, "UPDATE", body=body)
        # As bob would send it to alice.
        invite, ringing = network.messages("INVITE")[0], network.messages(180)[0]
        sent = parse(update)
        sent.set("From", ringing.get("To") or "")
        sent.set("To", invite.get("From") or "")
        (refusal,) = inject(network, sent.encode(), bob, alice)
        assert refusal.status == 491
        assert alice.of(MediaChanged) == []
