"""Sessions of an earlier process: ended by the next one, and what the peers send meanwhile."""

import msgspec
import pytest

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.errors import ParseError
from sip.events import Ended, Failed
from sip.hop import Hop, Transport
from sip.message.message import Request, Response, response_to
from sip.saved import SavedSession
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    call_to_nobody,
    clean,
    established,
    pair,
    within,
)

REASON = 'Q.850;cause=41;text="Temporary failure"'


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> Transport:
    value: Transport = request.param
    return value


def restart(agent: SimulatedAgent, *, credentials: Credentials | None = None) -> list[Session]:
    """Crash, and let the next process hang up what is left."""
    sessions = agent.crash(credentials=credentials)
    for session in sessions:
        agent.do(session.hangup, reason=REASON)
    return sessions


def requests(network: SimulatedNetwork, method: str) -> list[Request]:
    return [message for message in network.messages(method) if isinstance(message, Request)]


def answer(
    network: SimulatedNetwork, agent: SimulatedAgent, request: Request, status: int, **fields: str
) -> None:
    """Let the second host respond to a request."""
    headers = [(name.replace("_", "-"), value) for name, value in fields.items()]
    response = response_to(request, status, to_tag="far", headers=headers)
    network.inject(agent.hop.host, response.encode(), Hop("udp", "192.0.2.2", 5060))
    network.run(until=network.now + 0.05)


class TestConfirmed:
    def test_a_call_of_ours_is_ended_by_bye(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call, called = established(network, alice, bob)
        assert len(alice.kept) == 1
        restart(alice)
        network.run(until=network.now + 0.1)
        (bye,) = requests(network, "BYE")
        assert (bye.call_id, bye.from_.tag, bye.to.tag) == (
            call.call_id,
            call.local_tag,
            called.local_tag,
        )
        assert bye.cseq.number == 2
        assert bye.get("Reason") == REASON
        assert bob.only(Ended).cause.origin == "remote"
        assert alice.kept == {}
        assert alice.events == []
        network.run()
        clean(alice, bob)

    def test_a_call_that_came_in_is_ended_by_bye(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call, called = established(network, alice, bob)
        restart(bob)
        network.run(until=network.now + 0.1)
        (bye,) = requests(network, "BYE")
        assert (bye.from_.tag, bye.to.tag) == (called.local_tag, call.local_tag)
        assert bye.cseq.number == 1
        assert alice.only(Ended).cause.origin == "remote"
        assert bob.kept == {}
        network.run()
        clean(alice, bob)

    def test_nothing_is_sent_for_calls_that_have_ended(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.hangup)
        network.run()
        assert alice.kept == {}
        assert bob.kept == {}
        network.log.clear()
        assert restart(alice) == []
        network.run()
        assert network.log == []

    def test_the_route_set_and_the_remote_target_are_kept(self) -> None:
        network = SimulatedNetwork()
        alice, _bob, _call, invite = call_to_nobody(network)
        ringing = {
            "Contact": "<sip:bob@192.0.2.9:5099>",
            "Record_Route": "<sip:192.0.2.8;lr>, <sip:192.0.2.7;lr>",
            "Content_Type": "application/sdp",
        }
        body, _ = OfferAnswer(1).receive_offer(invite.body, audio(5000))
        headers = [(name.replace("_", "-"), value) for name, value in ringing.items()]
        response = response_to(invite, 200, to_tag="far", headers=headers, body=body)
        network.inject(alice.hop.host, response.encode(), Hop("udp", "192.0.2.2", 5060))
        network.run(until=0.1)
        restart(alice)
        (bye,) = requests(network, "BYE")
        assert bye.uri.encode() == "sip:bob@192.0.2.9:5099"
        assert bye.get_all("Route") == ["<sip:192.0.2.7;lr>", "<sip:192.0.2.8;lr>"]
        assert [to for _, _, to, message in network.log if message == bye] == ["192.0.2.7"]

    def test_a_later_target_and_cseq_are_kept(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        alice.do(call.reinvite, audio(4010))
        network.run(until=network.now + 0.1)
        update = within(call, "UPDATE", Contact="<sip:bob@192.0.2.2:5062>")
        network.inject(alice.hop.host, update, bob.hop)
        network.run(until=network.now + 0.1)
        restart(alice)
        (bye,) = requests(network, "BYE")
        assert bye.cseq.number == 3
        assert bye.uri.encode() == "sip:bob@192.0.2.2:5062"

    def test_a_bye_that_was_not_answered_is_followed_by_one_with_a_higher_cseq(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        network.drop = lambda sender, message: True
        alice.do(call.hangup)
        network.run(until=network.now + 0.1)
        network.drop = lambda sender, message: False
        restart(alice)
        network.run(until=network.now + 0.1)
        assert [bye.cseq.number for bye in requests(network, "BYE")] == [2, 3]
        assert bob.only(Ended)
        assert alice.kept == {}

    def test_a_challenge_is_answered_with_the_owner_s_credentials(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        body, _ = OfferAnswer(1).receive_offer(invite.body, audio(5000))
        headers = [("Contact", "<sip:bob@192.0.2.2>"), ("Content-Type", "application/sdp")]
        response = response_to(invite, 200, to_tag="far", headers=headers, body=body)
        network.inject(alice.hop.host, response.encode(), bob.hop)
        network.run(until=0.1)
        restart(alice, credentials=Credentials("alice", "secret"))
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        answer(network, alice, requests(network, "BYE")[0], 407, Proxy_Authenticate=challenge)
        first, second = requests(network, "BYE")
        assert (first.cseq.number, second.cseq.number) == (2, 3)
        assert 'username="alice"' in (second.get("Proxy-Authorization") or "")
        assert call.call_id == second.call_id

    def test_bytes_that_are_no_text_come_back_as_they_were(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        called_tag = "\udcff\udcfe"
        _, bob, _call, invite = call_to_nobody(network)
        alice = network.agents["192.0.2.1"]
        body, _ = OfferAnswer(1).receive_offer(invite.body, audio(5000))
        headers = [
            ("Contact", "<sip:b\u00fcb@192.0.2.2>"),
            ("Content-Type", "application/sdp"),
        ]
        response = response_to(invite, 200, to_tag="far", headers=headers, body=body)
        data = response.encode().replace(
            b"To: ", f'To: "{called_tag}" '.encode("utf-8", "surrogateescape")
        )
        network.inject(alice.hop.host, data, bob.hop)
        network.run(until=0.1)
        restart(alice)
        (bye,) = requests(network, "BYE")
        assert called_tag in (bye.get("To") or "")

    def test_what_the_phone_sends_is_answered(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        network.agents.pop(bob.hop.host)  # does not answer our BYE
        restart(alice)
        network.run(until=network.now + 0.1)
        for method, number, status in (
            ("OPTIONS", 100, 200),
            ("INVITE", 101, 500),
            ("BYE", 102, 200),
            ("BYE", 102, 200),  # again, as its answer was lost
            ("BYE", 103, 200),
            ("OPTIONS", 104, 481),
        ):
            before = len(network.log)
            network.inject(alice.hop.host, within(call, method, number=number), bob.hop)
            network.run(until=network.now)
            (response,) = [m for *_, m in network.log[before:] if isinstance(m, Response)]
            assert (method, response.status) == (method, status)

    def test_a_bye_that_crosses_ours_is_answered(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        _call, called = established(network, alice, bob)
        sessions = alice.crash()
        bob.do(called.hangup)  # nobody listens yet
        network.agents.pop("192.0.2.1")
        network.run(until=network.now + 0.3)
        network.agents["192.0.2.1"] = alice
        for session in sessions:
            alice.do(session.hangup)
        network.run(until=network.now + 2.0)
        assert 481 not in [m.status for *_, m in network.log if isinstance(m, Response)]
        assert bob.only(Ended).cause.origin == "local"
        network.run()
        clean(alice, bob)


class TestOurInvite:
    @pytest.mark.parametrize("status", [None, 180, 183])
    def test_is_cancelled(self, status: int | None, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call = alice.invite(bob)
        network.run(until=0.1)
        if status is not None:
            bob.do(bob.incoming.ring, status=status)
            network.run(until=0.2)
        restart(alice)
        network.run(until=network.now + 0.1)
        (invite,) = requests(network, "INVITE")
        (cancel,) = requests(network, "CANCEL")
        assert cancel.via.branch == invite.via.branch
        assert (cancel.call_id, cancel.cseq.number) == (call.call_id, 1)
        assert (cancel.from_.tag, cancel.to.tag) == (call.local_tag, None)
        assert cancel.get("Reason") == REASON
        assert bob.only(Failed).cause.status == 487
        assert len(requests(network, "ACK")) == 1
        assert requests(network, "BYE") == []
        assert alice.kept == {}
        network.run()
        clean(alice, bob)

    def test_answered_meanwhile_it_is_acknowledged_and_ended(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        sessions = alice.crash()
        network.agents.pop("192.0.2.1")
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=2.0)
        network.agents["192.0.2.1"] = alice
        for session in sessions:
            alice.do(session.hangup)
        network.run(until=6.0)
        assert len(requests(network, "ACK")) == 1
        (bye,) = requests(network, "BYE")
        assert bye.to.tag == bob.incoming.local_tag
        assert bob.only(Ended).cause.origin == "remote"
        assert alice.kept == {}
        network.run()
        clean(alice, bob)

    def test_answered_and_acknowledged_unknown_to_the_store_it_is_ended_by_bye(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        kept = dict(alice.kept)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=40.0)  # by now the phone knows no INVITE that could be cancelled
        alice.kept = kept
        restart(alice)
        network.run(until=40.5)
        (bye,) = requests(network, "BYE")
        assert bye.to.tag == bob.incoming.local_tag
        assert bob.only(Ended).cause.origin == "remote"
        assert alice.kept == {}
        network.run()
        clean(alice, bob)

    def test_the_same_while_the_phone_still_knows_the_invite(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        kept = dict(alice.kept)
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=0.4)
        alice.kept = kept
        restart(alice)
        network.run(until=3.0)
        assert len(requests(network, "BYE")) == 1
        assert bob.only(Ended).cause.origin == "remote"
        network.run()
        clean(alice, bob)

    def test_a_phone_that_hung_up_unheard_is_answered(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        answer(network, alice, invite, 180, Contact="<sip:bob@192.0.2.2>")
        restart(alice)
        bye = Request(
            "BYE",
            invite.uri,
            [
                ("Via", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKbye"),
                ("From", f"{invite.get('To')};tag=far"),
                ("To", invite.get("From") or ""),
                ("Call-ID", call.call_id),
                ("CSeq", "7 BYE"),
            ],
        )
        network.inject(alice.hop.host, bye.encode(), bob.hop)
        network.run(until=network.now + 0.1)
        assert [m.status for *_, m in network.log if isinstance(m, Response)] == [200]
        assert alice.kept == {}

    def test_a_phone_that_is_gone_is_given_up(self) -> None:
        network = SimulatedNetwork()
        alice, _bob, _call, invite = call_to_nobody(network)
        answer(network, alice, invite, 100)
        restart(alice)
        network.run()
        assert len(requests(network, "BYE")) == 0
        assert alice.kept == {}
        assert network.now < 100.0
        clean(alice)

    def test_a_fork_that_rings_first_after_the_restart_is_kept_and_ended(self) -> None:
        network = SimulatedNetwork()
        alice, _bob, _call, invite = call_to_nobody(network)
        answer(network, alice, invite, 100)
        (session,) = restart(alice)
        answer(network, alice, invite, 183, Contact="<sip:bob@192.0.2.2:5062>")
        assert session.has_dialog("far") and session.dialog_count == 1
        (kept,) = alice.kept.values()
        assert b"far" in kept
        network.run(until=network.now + 40.0)  # the CANCEL and the INVITE stay without an answer
        assert [bye.to.tag for bye in requests(network, "BYE")][:1] == ["far"]
        network.run()
        assert alice.kept == {}
        clean(alice)

    def test_of_two_forks_that_answer_both_are_acknowledged_and_ended(self) -> None:
        network = SimulatedNetwork()
        alice, _bob, _call, invite = call_to_nobody(network)
        answer(network, alice, invite, 100)
        restart(alice)
        for tag in ("one", "two"):
            contact = [("Contact", f"<sip:{tag}@192.0.2.2>")]
            response = response_to(invite, 200, to_tag=tag, headers=contact)
            network.inject(alice.hop.host, response.encode(), Hop("udp", "192.0.2.2", 5060))
            network.run(until=network.now + 0.05)
        assert [bye.to.tag for bye in requests(network, "BYE")] == ["one", "two"]
        assert {ack.to.tag for ack in requests(network, "ACK")} >= {"one", "two"}
        network.run()
        assert alice.kept == {}
        clean(alice)

    @pytest.mark.parametrize(("status", "given_up_at_once"), [(481, True), (200, False)])
    def test_a_phone_that_answers_the_cancel_alone(
        self, status: int, given_up_at_once: bool
    ) -> None:
        network = SimulatedNetwork()
        alice, _bob, _call, invite = call_to_nobody(network)
        answer(network, alice, invite, 100)
        restart(alice)
        network.run(until=network.now + 0.05)
        (cancel, *_) = requests(network, "CANCEL")
        answer(network, alice, cancel, status)
        assert (alice.kept == {}) is given_up_at_once
        network.run()
        assert alice.kept == {} and requests(network, "BYE") == []
        clean(alice)

    def test_a_cancelled_one_is_cancelled_again(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        network.drop = lambda sender, message: True
        alice.do(call.hangup)
        network.run(until=0.3)
        network.drop = lambda sender, message: False
        restart(alice)
        network.run(until=0.5)
        assert bob.only(Failed).cause.status == 487
        assert alice.kept == {}


class TestReceivedInvite:
    def test_a_ringing_call_gets_its_final_response(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        assert len(bob.kept) == 1
        restart(bob)
        network.run(until=0.3)
        cause = alice.only(Failed).cause
        assert (cause.status, cause.reason_header) == (503, REASON)
        assert bob.kept == {}
        network.run()
        clean(alice, bob)

    def test_one_that_does_not_ring_yet_is_not_kept(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        assert bob.kept == {}
        bob.do(bob.incoming.reject, 403)
        network.run()
        assert bob.kept == {}

    def test_a_2xx_without_ack_is_sent_again_and_then_ended(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        # The ACK comes when nobody is there.
        network.drop = lambda sender, message: (
            isinstance(message, Request) and message.method == "ACK"
        )
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=0.25)
        network.drop = lambda sender, message: False
        restart(bob)
        assert requests(network, "BYE") == []
        network.run(until=0.4)
        (bye,) = requests(network, "BYE")
        assert bye.cseq.number == 1
        assert alice.only(Ended).cause.origin == "remote"
        assert bob.kept == {}
        network.run()
        clean(alice, bob)

    def test_without_any_ack_it_is_ended_all_the_same(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002))
        network.drop = lambda sender, message: True
        restart(bob)
        network.run()
        assert bob.kept == {}
        clean(bob)


def test_what_cannot_be_read_is_refused() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    established(network, alice, bob)
    for body in alice.kept.values():
        broken = body.replace(b"sip:", b"\\u0100ip:")
        saved = msgspec.json.decode(broken, type=SavedSession)
        with pytest.raises(ParseError):
            alice.ua.restore(saved, None)
