"""CANCEL, deferred and crossing, and what the called side does before it answers."""

import pytest

from sip.events import Answered, Cause, Ended, Failed, IncomingInvite
from sip.hop import Transport
from sip.message.message import Response
from sip.transaction.timers import TimerValues
from tests.support.sip.network import SimulatedNetwork, audio, clean, pair


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> Transport:
    value: Transport = request.param
    return value


class TestCancel:
    def test_cancel_while_ringing(self, transport: Transport) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network, transport)
        call = alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        alice.do(call.hangup, reason='SIP;cause=200;text="Call completed elsewhere"')
        assert call.state == "terminating"
        network.run()
        cancel = network.messages("CANCEL")[0]
        invite = network.messages("INVITE")[0]
        assert cancel.get("Via") == invite.get("Via")
        assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        assert alice.only(Failed).cause == Cause(487, "Request Terminated", "local")
        assert bob.only(Failed).cause.origin == "remote"
        assert bob.only(Failed).cause.status == 487
        clean(alice, bob)

    def test_cancel_waits_for_a_provisional_response(self) -> None:
        network = SimulatedNetwork(delay_s=(0.3, 0.3))
        alice, bob = pair(network)
        call = alice.invite(bob)
        alice.do(call.hangup)
        network.run(until=0.55)
        assert network.sent("CANCEL") == []
        network.run()
        assert network.sent("CANCEL")[0] == pytest.approx(0.6)
        assert alice.only(Failed).cause.origin == "local"
        clean(alice, bob)

    def test_invite_without_any_response_times_out(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        network.agents.pop("192.0.2.2")
        call = alice.invite(bob)
        alice.do(call.hangup)
        network.run()
        assert network.sent("CANCEL") == []
        assert alice.only(Failed).cause.origin == "local"
        clean(alice)

    def test_cancel_that_crosses_the_200_ends_in_ack_and_bye(self, transport: Transport) -> None:
        network = SimulatedNetwork(delay_s=(0.05, 0.05))
        alice, bob = pair(network, transport)
        call = alice.invite(bob)
        network.run(until=0.2)
        bob.do(bob.incoming.accept, audio(4002))
        alice.do(call.hangup)
        network.run()
        assert len(network.sent("CANCEL")) == len(network.sent("BYE")) == 1
        assert alice.only(Failed).cause.origin == "local"
        assert alice.of(Answered) == []
        assert [type(event) for event in bob.events] == [IncomingInvite, Answered, Ended]
        clean(alice, bob)

    def test_200_without_provisional_response_after_hangup_ends_in_bye(self) -> None:
        network = SimulatedNetwork(delay_s=(0.05, 0.05))
        network.drop = lambda sender, message: (
            isinstance(message, Response) and message.status == 100
        )
        alice, bob = pair(network)
        call = alice.invite(bob)
        bob.on_event = lambda event: (
            bob.do(bob.incoming.accept, audio()) if isinstance(event, IncomingInvite) else None
        )
        alice.do(call.hangup)
        network.run()
        assert network.sent("CANCEL") == []
        assert len(network.sent("BYE")) == 1
        assert alice.only(Failed).cause.origin == "local"
        clean(alice, bob)

    def test_invite_without_final_response_after_cancel_is_given_up(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=1.0)
        network.agents.pop("192.0.2.2")
        alice.do(call.hangup)
        network.run()
        assert network.now == pytest.approx(33.0)
        assert alice.only(Failed).cause.origin == "local"
        clean(alice)

    def test_a_bye_after_cancel_whose_200s_were_lost_leaves_no_transaction(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run(until=0.2)
        network.drop = lambda sender, message: (
            sender == bob.hop.host and isinstance(message, Response) and message.status == 200
        )
        bob.do(bob.incoming.accept, audio(4002))
        network.run(until=10.0)
        alice.do(call.hangup)
        network.run()  # bob gives up waiting for the ACK, and says BYE
        assert alice.only(Failed).cause == Cause(487, "Request Terminated", "local")
        assert not alice.of(Ended)
        clean(alice, bob)

    def test_timer_c_ends_a_call_that_rings_too_long(self) -> None:
        network = SimulatedNetwork()
        alice = network.agent("192.0.2.1", timers=TimerValues(timer_c_s=190.0))
        bob = network.agent("192.0.2.2")
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run()
        assert network.sent("CANCEL") == pytest.approx([190.02])
        assert alice.only(Failed).cause.origin == "local"
        clean(alice, bob)

    def test_a_call_may_ring_for_longer_than_timer_c(self) -> None:
        network = SimulatedNetwork()
        alice = network.agent("192.0.2.1", timers=TimerValues(timer_c_s=100.0))
        bob = network.agent("192.0.2.2")
        alice.invite(bob, ring_s=150.0)
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run()
        assert network.sent("CANCEL") == pytest.approx([150.02])
        clean(alice, bob)

    def test_timer_c_rejects_an_unanswered_incoming_call(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run()
        assert network.sent(480) == pytest.approx([200.01])
        assert bob.only(Failed).cause.status == alice.only(Failed).cause.status == 480
        clean(alice, bob)

    @pytest.mark.parametrize(
        ("expires", "status", "at"),
        [("30", 487, 30.01), ("0", 480, 200.01), ("x", 480, 200.01), ("300", 480, 200.01)],
    )
    def test_expires_below_timer_c_ends_the_invite(
        self, expires: str, status: int, at: float
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob, headers=(("Expires", expires),))
        network.run(until=0.1)
        bob.do(bob.incoming.ring)
        network.run()
        assert network.sent(status) == pytest.approx([at])
        origin = "remote" if status == 487 else "local"
        assert bob.only(Failed).cause.origin == origin
        assert alice.only(Failed).cause.status == status
        clean(alice, bob)

    def test_answered_invite_does_not_expire(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob, headers=(("Expires", "30"),))
        network.run(until=1.0)
        bob.do(bob.incoming.accept, audio())
        network.run(until=60.0)
        assert call.state == "confirmed"

    def test_the_called_side_hangs_up_before_answering(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.1)
        bob.do(bob.incoming.hangup)
        network.run()
        assert alice.only(Failed).cause.status == 480
        assert bob.only(Failed).cause.origin == "local"
        clean(alice, bob)

    def test_the_called_side_hangs_up_before_the_ack(self) -> None:
        network = SimulatedNetwork(delay_s=(0.1, 0.1))
        alice, bob = pair(network)
        alice.invite(bob)
        network.run(until=0.5)
        bob.do(bob.incoming.accept, audio())
        bob.do(bob.incoming.hangup)
        network.run()
        assert network.sent("BYE")[0] == pytest.approx(0.7)
        assert bob.only(Failed).cause.origin == "local"
        assert [type(event) for event in alice.events] == [Answered, Ended]
        clean(alice, bob)
