"""2xx responses and ACKs that are lost (RFC 3261 13.2.2.4, 13.3.1.4)."""

import pytest

from sip.events import Answered, Cause, Ended, Failed
from sip.hop import Transport
from sip.message.message import Request, Response
from tests.support.sip.network import SimulatedNetwork, audio, clean, established, pair


class TestLostMessages:
    def test_ack_is_sent_again_for_each_retransmitted_2xx(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        acks = 0

        def drop_two_acks(sender: str, message: Request | Response) -> bool:
            nonlocal acks
            if isinstance(message, Request) and message.method == "ACK":
                acks += 1
                return acks <= 2
            return False

        network.drop = drop_two_acks
        alice.invite(bob)
        network.run(until=1.0)
        bob.do(bob.incoming.accept, audio())
        network.run(until=10.0)
        assert network.sent(200) == pytest.approx([1.0, 1.5, 2.5])
        assert len(network.sent("ACK")) == 3
        assert len({message.encode() for message in network.messages("ACK")}) == 1
        assert len(alice.of(Answered)) == len(bob.of(Answered)) == 1

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_2xx_without_ack_is_retransmitted_up_to_t2_then_bye_is_sent(
        self, transport: Transport
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        network.drop = lambda sender, message: (
            isinstance(message, Request) and message.method == "ACK"
        )
        alice.invite(bob)
        network.run(until=1.0)
        bob.do(bob.incoming.accept, audio())
        network.run(until=32.9)
        expected = [1, 1.5, 2.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5, 32.5]
        assert network.sent(200, "192.0.2.2") == pytest.approx(expected)
        network.run()
        assert network.sent("BYE", "192.0.2.2")[0] == pytest.approx(33.0)
        assert bob.only(Failed).cause == Cause(408, "no ACK", "timeout")
        assert alice.only(Ended).cause.origin == "remote"
        clean(alice, bob)

    def test_bye_ends_an_early_dialog_when_every_2xx_is_lost(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.drop = lambda sender, message: (
            isinstance(message, Response)
            and message.status == 200
            and message.cseq.method == "INVITE"
        )
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        bob.do(bob.incoming.accept, audio())
        network.run()
        assert alice.only(Failed).cause.origin == "remote"
        assert bob.only(Failed).cause.origin == "timeout"
        clean(alice, bob)

    def test_a_bye_without_answer_ends_after_timer_f(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        network.agents.pop("192.0.2.2")
        alice.do(call.hangup)
        network.run(until=32.1)
        assert alice.of(Ended) == []
        network.run()
        assert alice.only(Ended).cause.origin == "local"
        clean(alice)
