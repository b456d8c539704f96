"""Forked 2xx responses: the first is kept, the others end."""

import pytest

from sip.dialog.ack import MAX_FORKS
from sip.dialog.session import Session
from sip.events import Answered, Failed, Progress
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    call_to_nobody,
    clean,
    inject,
)


class TestForking:
    """A proxy that forks makes several 2xx of one INVITE; here by hand."""

    def two_answers(
        self,
    ) -> tuple[SimulatedNetwork, SimulatedAgent, Session, list[Request | Response]]:
        network = SimulatedNetwork()
        alice, _, call, invite = call_to_nobody(network)
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

    def test_first_fork_is_kept_and_the_other_is_acknowledged_and_ended(self) -> None:
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

    def test_ack_follows_the_route_set_and_target(self) -> None:
        _, _, _, messages = self.two_answers()
        ack = next(
            message
            for message in messages
            if isinstance(message, Request) and message.method == "ACK"
        )
        assert ack.uri.encode() == "sip:bob@192.0.2.30"
        assert ack.get_all("Route") == ["<sip:192.0.2.51;lr>", "<sip:192.0.2.50;lr>"]

    def answered_by_hand(
        self, *answers: tuple[int, str, str]
    ) -> tuple[SimulatedNetwork, SimulatedAgent, Session]:
        """alice's call, answered with these of (status, To tag, Contact)."""
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        for status, tag, contact in answers:
            answer = response_to(
                invite, status, to_tag=tag, headers=[("Contact", contact)], body=b""
            )
            network.inject("192.0.2.1", answer.encode(), bob.hop)
        network.run(until=0.1)
        return network, alice, call

    @pytest.mark.parametrize("is_cancelled", [False, True])
    @pytest.mark.parametrize("provisional", [[], [(180, "one", "<sip:192.0.2.30>")]])
    def test_2xx_with_unreadable_contact_is_acknowledged_and_ended(
        self, provisional: list[tuple[int, str, str]], is_cancelled: bool
    ) -> None:
        network, alice, call = self.answered_by_hand(*provisional)
        if is_cancelled:
            alice.do(call.hangup)
        invite = network.messages("INVITE")[0]
        assert isinstance(invite, Request)
        answer = response_to(invite, 200, to_tag="one", headers=[("Contact", "<sip:[::>")])
        for _ in range(2):
            network.inject("192.0.2.1", answer.encode(), Hop("udp", "192.0.2.2", 5060))
        network.run(until=1.0)
        requests = [m for _, _, _, m in network.log if isinstance(m, Request)]
        ended = [(m.method, m.to.tag, m.uri.encode()) for m in requests if m.method != "CANCEL"][1:]
        assert ended[:3] == [
            ("ACK", "one", "sip:bob@192.0.2.2"),
            ("BYE", "one", "sip:bob@192.0.2.2"),
            ("ACK", "one", "sip:bob@192.0.2.2"),
        ]
        cause = alice.only(Failed).cause
        assert cause.origin == "local"
        assert is_cancelled or "cannot be read" in cause.phrase
        network.run()
        clean(alice)

    def test_forks_beyond_the_limit_are_ignored(self) -> None:
        ringing = [(180, f"tag{number}", "<sip:192.0.2.30>") for number in range(100)]
        _, alice, _ = self.answered_by_hand(*ringing)
        assert alice.ua.dialog_count == MAX_FORKS
        answers = [(200, f"tag{number}", "<sip:192.0.2.30>") for number in range(100)]
        network, alice, call = self.answered_by_hand(*ringing, *answers)
        assert len(network.messages("ACK")) == MAX_FORKS
        assert len(network.messages("BYE")) == MAX_FORKS
        alice.do(call.hangup)
        network.run()
        clean(alice)

    def test_each_early_dialog_is_counted_and_answers_bye(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
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
