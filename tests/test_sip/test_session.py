"""Within a session: re-INVITE both ways, glare, UPDATE, INFO, digest, lost dialogs, forks."""

import random

import pytest

from sip.authorization import credentials_of
from sip.digest import Credentials
from sip.events import (
    Answered,
    Cause,
    Ended,
    Failed,
    IncomingInvite,
    Info,
    MediaChanged,
    MediaRefused,
    Progress,
)
from sip.hop import Hop
from sip.message import Request, Response, response_to
from sip.offer_answer import LocalAudio, OfferAnswer
from sip.parser import parse
from sip.session import Session
from sip.uac import Invitation
from sip.user_agent import UserAgent

from .simulation import Agent, Network, audio
from .test_uac_uas import clean, established, pair

HOLD = LocalAudio("192.0.2.1", 4000, direction="sendonly")


def within(
    session: Session, method: str, *, number: int = 100, body: bytes = b"", **headers: str
) -> bytes:
    """A request that the peer of `session` might send within the dialog."""
    dialog = session.in_dialog
    fields = [
        ("Via", f"SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{method}{number}"),
        ("Max-Forwards", "70"),
        ("From", dialog.remote),
        ("To", dialog.local),
        ("Call-ID", session.call_id),
        ("CSeq", f"{number} {method}"),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    return Request(method, dialog.target, fields, body).encode()


def inject(network: Network, data: bytes, sender: Agent, receiver: Agent) -> list[Response]:
    """Let `receiver` have a datagram; the responses it gives at once."""
    before = len(network.log)
    network.inject(receiver.hop.host, data, sender.hop)
    network.run(until=network.now)
    return [
        message
        for _, host, _, message in network.log[before:]
        if host == receiver.hop.host and isinstance(message, Response)
    ]


class TestReinvite:
    def test_hold_and_resume(self) -> None:
        network = Network()
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

    def test_by_the_called_side(self) -> None:
        network = Network()
        alice, bob = pair(network)
        _, called = established(network, alice, bob)
        bob.do(called.reinvite, audio(4444, "192.0.2.2"))
        network.run(until=1.0)
        assert alice.only(MediaChanged).audio.port == 4444
        assert bob.only(MediaChanged).audio.host == "192.0.2.1"

    def test_a_second_one_waits_for_the_first(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, HOLD)
        alice.do(call.reinvite, audio(4100))
        alice.do(call.reinvite, audio(4200))
        network.run(until=1.0)
        assert [event.audio.port for event in bob.of(MediaChanged)] == [4000, 4200]
        assert network.sent(491) == []

    def test_glare_ends_with_both_offers_made(self) -> None:
        network = Network(delay_s=(0.05, 0.05))
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

    def test_hanging_up_while_a_retry_waits(self) -> None:
        network = Network(delay_s=(0.05, 0.05))
        alice, bob = pair(network)
        call, called = established(network, alice, bob)
        alice.do(call.reinvite, audio(4100))
        bob.do(called.reinvite, audio(4300))
        network.run(until=network.now + 0.11)
        alice.do(call.hangup)
        network.run()
        assert len(alice.ends(call)) == len(bob.ends(called)) == 1
        clean(alice, bob)

    def test_refused_leaves_the_session_as_it_was(self) -> None:
        network = Network()
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

    def test_481_ends_the_session_with_a_bye(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, called = established(network, alice, bob)
        bob.ua.core.discard(called)
        alice.do(call.reinvite, HOLD)
        network.run(until=network.now + 1)
        assert len(network.sent("BYE", "192.0.2.1")) == 1
        assert alice.only(Ended).cause.status == 481
        assert alice.only(Ended).cause.origin == "remote"

    def test_without_answer_it_ends_the_session(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        network.agents.pop("192.0.2.2")
        alice.do(call.reinvite, HOLD)
        network.run()
        assert alice.only(Ended).cause == Cause(408, "re-INVITE not answered", "timeout")
        clean(alice)

    def test_received_without_offer(self) -> None:
        network = Network()
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

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 31\r\n", 488),
            (b"rubbish", 488),
        ],
    )
    def test_received_with_an_offer_of_no_use(self, body: bytes, status: int) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (refusal,) = inject(network, within(call, "INVITE", body=body), bob, alice)
        assert refusal.status == status
        assert call.state == "confirmed"

    def test_received_before_our_2xx_was_acknowledged(self) -> None:
        network = Network()
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


class TestTargetRefresh:
    def test_later_requests_go_to_the_new_contact(self) -> None:
        network = Network()
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


class TestUpdate:
    def test_with_an_offer(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        data = within(call, "UPDATE", body=body, Contact="<sip:192.0.2.2>")
        (ok,) = inject(network, data, bob, alice)
        assert (ok.status, ok.content_type) == (200, "application/sdp")
        assert alice.only(MediaChanged).audio.port == 4888

    def test_glare_with_our_offer(self) -> None:
        network = Network(delay_s=(1.0, 1.0))
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=4.0)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=8.0)
        alice.do(call.reinvite, HOLD)
        body = OfferAnswer(9).make_offer(audio(4888, "192.0.2.2"))
        (refusal,) = inject(network, within(call, "UPDATE", body=body), bob, alice)
        assert refusal.status == 491


class TestOtherRequests:
    @pytest.mark.parametrize("content_type", ["application/dtmf-relay", "application/dtmf"])
    def test_digits_in_info(self, content_type: str) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = b"Signal=5\r\nDuration=160\r\n"
        data = within(call, "INFO", body=body, Content_Type=content_type)
        (ok,) = inject(network, data, bob, alice)
        assert ok.status == 200
        assert alice.only(Info) == Info(call, content_type, body)
        # The same datagram again is a retransmission: answered again, reported once.
        (again,) = inject(network, data, bob, alice)
        assert again.encode() == ok.encode()
        assert len(alice.of(Info)) == 1

    @pytest.mark.parametrize(
        ("header", "body", "status"),
        [
            (("X", "y"), b"", 200),
            (("Content_Type", "application/media_control+xml"), b"<x/>", 415),
            (("Content_Type", "///"), b"x", 415),
            (("Info_Package", "foo"), b"", 469),
        ],
    )
    def test_other_info(self, header: tuple[str, str], body: bytes, status: int) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        name, value = header
        data = within(call, "INFO", body=body, **{name: value})  # type: ignore[arg-type]
        (response,) = inject(network, data, bob, alice)
        assert response.status == status
        assert alice.of(Info) == []

    @pytest.mark.parametrize(
        ("method", "status"),
        [("OPTIONS", 200), ("PRACK", 405), ("REFER", 405), ("NOTIFY", 405), ("FOO", 405)],
    )
    def test_within_the_dialog(self, method: str, status: int) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (response,) = inject(network, within(call, method), bob, alice)
        assert response.status == status
        assert "INVITE" in (response.get("Allow") or "")
        assert call.state == "confirmed"

    def test_a_sequence_number_that_goes_back(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        inject(network, within(call, "INFO", number=100), bob, alice)
        (response,) = inject(network, within(call, "BYE", number=99), bob, alice)
        assert response.status == 500
        assert call.state == "confirmed"

    def test_an_unreadable_contact_changes_nothing(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (response,) = inject(network, within(call, "INVITE", Contact="<sip:"), bob, alice)
        assert response.status == 400
        assert alice.ua.counters.malformed == 1
        alice.do(call.hangup)
        network.run()
        clean(alice, bob)

    def test_a_wrong_tag_is_another_dialog(self) -> None:
        network = Network()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        data = within(call, "BYE").replace(call.local_tag.encode(), b"deadbeef")
        (response,) = inject(network, data, bob, alice)
        assert response.status == 481
        assert call.state == "confirmed"


class TestForking:
    """A proxy that forks makes several 2xx of one INVITE; here by hand."""

    def two_answers(self) -> tuple[Network, Agent, Session, list[Request | Response]]:
        network = Network()
        alice, _ = pair(network)
        network.agents.pop("192.0.2.2")
        call = alice.invite(_)
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        source = Hop("udp", "192.0.2.2", 5060)
        for place, tag in enumerate(("one", "two")):
            host = f"192.0.2.{30 + place}"
            for status in (180, 200, 200):
                body, _agreed = OfferAnswer(3).receive_offer(invite.body, audio(7000 + place, host))
                answer = response_to(
                    invite,
                    status,
                    to_tag=tag,
                    headers=[
                        ("Contact", f"<sip:bob@{host}>"),
                        ("Content-Type", "application/sdp"),
                        ("Record-Route", "<sip:192.0.2.50;lr>, <sip:192.0.2.51;lr>"),
                    ],
                    body=body,
                )
                network.inject("192.0.2.1", answer.encode(), source, after_s=0.1 + place)
        network.run(until=2.0)
        return network, alice, call, [message for _, _, _, message in network.log]

    def test_the_first_is_kept_the_other_acknowledged_and_ended(self) -> None:
        _, alice, call, messages = self.two_answers()
        assert alice.only(Answered).audio.host == "192.0.2.30"
        assert call.remote_tag == "one"
        requests = [message for message in messages if isinstance(message, Request)]
        assert [(request.method, request.to.tag) for request in requests] == [
            ("INVITE", None),
            ("ACK", "one"),
            ("ACK", "one"),
            ("ACK", "two"),
            ("BYE", "two"),
            ("ACK", "two"),
            ("BYE", "two"),
        ]
        assert call.state == "confirmed"

    def test_route_set_and_target(self) -> None:
        _, _, _, messages = self.two_answers()
        ack = next(
            message
            for message in messages
            if isinstance(message, Request) and message.method == "ACK"
        )
        assert ack.uri.encode() == "sip:bob@192.0.2.30"
        assert ack.get_all("Route") == ["<sip:192.0.2.51;lr>", "<sip:192.0.2.50;lr>"]

    def test_each_early_dialog_is_counted_and_answers_bye(self) -> None:
        network = Network()
        alice, bob = pair(network)
        network.agents.pop("192.0.2.2")
        call = alice.invite(bob)
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        for tag in ("one", "two"):
            ringing = response_to(
                invite, 180, to_tag=tag, headers=[("Contact", "<sip:192.0.2.30>")]
            )
            network.inject("192.0.2.1", ringing.encode(), bob.hop)
        network.run(until=0.1)
        assert [event.status for event in alice.of(Progress)] == [180, 180]
        assert alice.ua.dialog_count == 2
        for number, tag in enumerate(("one", "two")):
            bye = Request(
                "BYE",
                invite.uri,
                [
                    ("Via", f"SIP/2.0/UDP 192.0.2.30;branch=z9hG4bKbye{number}"),
                    ("From", f"{invite.get('To')};tag={tag}"),
                    ("To", invite.get("From") or ""),
                    ("Call-ID", call.call_id),
                    ("CSeq", "1 BYE"),
                ],
            )
            (ok,) = inject(network, bye.encode(), bob, alice)
            assert ok.status == 200
            assert alice.ua.dialog_count == 1 - number
        assert alice.only(Failed).cause.origin == "remote"


class Challenger:
    """A called side in front of which a proxy asks for credentials, for every request."""

    def __init__(self, network: Network, *, accepts: bool = True) -> None:
        self.network = network
        self.alice, self.bob = pair(network)
        self.asked: list[str] = []
        self.accepts = accepts
        real = self.bob.ua.receive

        def receive(data: bytes, source: Hop, now: float) -> None:
            message = parse(data)
            if isinstance(message, Request) and message.method not in ("ACK", "CANCEL"):
                signed = message.get("Proxy-Authorization") or ""
                nonce = f'nonce="{message.method}"'
                if nonce not in signed or not self.accepts:
                    self.asked.append(message.method)
                    challenge = f'Digest realm="r", {nonce}, qop="auth", algorithm=SHA-256'
                    refusal = response_to(
                        message, 407, to_tag="proxy", headers=[("Proxy-Authenticate", challenge)]
                    )
                    self.bob.ua.core.transactions.send(source, refusal.encode())
                    return
            real(data, source, now)

        self.bob.ua.receive = receive  # type: ignore[method-assign]

    def invite(self, credentials: Credentials | None) -> Session:
        return self.alice.invite(self.bob, credentials=credentials)


class TestDigest:
    def test_invite_reinvite_and_bye_are_signed(self) -> None:
        network = Network()
        side = Challenger(network)
        alice, bob = side.alice, side.bob
        call = side.invite(Credentials("alice", "secret"))
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=0.2)
        assert call.state == "confirmed"
        alice.do(call.reinvite, HOLD)
        network.run(until=0.3)
        assert alice.only(MediaChanged).audio.direction == "sendonly"
        alice.do(call.hangup)
        network.run()
        # The nonce of an INVITE serves the re-INVITE; BYE, with another, is challenged once.
        assert side.asked == ["INVITE", "BYE"]
        assert bob.only(Ended).cause.origin == "remote"
        first, second = [m for m in network.messages("INVITE") if m.to.tag is None]
        assert (second.cseq.number, second.call_id) == (first.cseq.number + 1, first.call_id)
        assert second.from_.tag == first.from_.tag
        assert second.via.branch != first.via.branch
        ack = next(m for m in network.messages("ACK") if m.cseq.number == second.cseq.number)
        assert isinstance(ack, Request)
        assert isinstance(second, Request)
        assert credentials_of(ack) == credentials_of(second) != []
        clean(alice, bob)

    def test_without_credentials_407_is_the_end(self) -> None:
        network = Network()
        side = Challenger(network)
        side.invite(None)
        network.run()
        assert side.alice.only(Failed).cause.status == 407
        clean(side.alice)

    def test_wrong_credentials_are_tried_once(self) -> None:
        network = Network()
        side = Challenger(network, accepts=False)
        side.invite(Credentials("alice", "wrong"))
        network.run()
        assert side.asked == ["INVITE", "INVITE"]
        assert side.alice.only(Failed).cause.status == 407
        clean(side.alice)

    def test_hung_up_before_the_challenge(self) -> None:
        network = Network()
        side = Challenger(network)
        call = side.invite(Credentials("alice", "secret"))
        side.alice.do(call.hangup)
        network.run()
        assert side.asked == ["INVITE"]
        assert side.alice.only(Failed).cause.origin == "local"
        clean(side.alice)


def test_the_same_user_agent_may_call_itself() -> None:
    network = Network()
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


def test_an_outbound_proxy_is_followed() -> None:
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
