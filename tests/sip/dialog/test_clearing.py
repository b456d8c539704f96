"""When a target may be called again after a call to it was cancelled."""

import math

from sip.dialog.clearing import Clearing
from sip.message.message import Request
from tests.support.sip.network import SimulatedNetwork, audio, call_to_nobody, pair

BOB = "sip:bob@192.0.2.2"


def test_a_final_response_is_waited_for_but_not_for_ever() -> None:
    clearing = Clearing()
    assert clearing.wait_s(BOB, 0.0) is None
    clearing.cancelled(BOB, "a", until=2.0)
    clearing.cancelled(BOB, "b", until=3.0)
    assert clearing.wait_s(BOB, 1.0) == 2.0
    assert clearing.wait_s("sip:other@192.0.2.2", 1.0) is None
    clearing.over(BOB, "b")
    assert clearing.wait_s(BOB, 1.0) == 1.0
    assert clearing.wait_s(BOB, 2.0) is None
    clearing.over(BOB, "a")
    assert clearing.wait_s(BOB, 1.0) is None


def test_a_bye_is_waited_for_as_long_as_it_takes() -> None:
    clearing = Clearing()
    clearing.cancelled(BOB, "a", until=2.0)
    clearing.answered(BOB, "a")
    clearing.answered(BOB, "unknown")
    assert clearing.wait_s(BOB, 30.0) == math.inf
    clearing.over(BOB, "unknown")
    clearing.over(BOB, "a")
    assert clearing.wait_s(BOB, 30.0) is None


def test_a_2xx_that_crosses_the_cancel_keeps_the_target_until_its_bye_is_answered() -> None:
    network = SimulatedNetwork(delay_s=(0.05, 0.05))
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=0.2)
    bob.do(bob.incoming.ring)
    network.run(until=0.4)
    bob.do(bob.incoming.accept, audio(4002))
    alice.do(call.hangup)
    assert alice.ua.clearing_s(BOB, network.now) is not None
    # The answer to the BYE takes its time.
    network.drop = lambda sender, message: (
        sender == "192.0.2.2" and not isinstance(message, Request) and network.now < 3.0
    )
    network.run(until=2.9)
    assert len(network.sent("BYE")) > 1
    assert alice.ua.clearing_s(BOB, network.now) == math.inf
    network.run(until=8.0)
    assert alice.ua.clearing_s(BOB, network.now) is None


def test_a_refused_invite_clears_its_target() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    call = alice.invite(bob)
    network.run(until=0.2)
    bob.do(bob.incoming.ring)
    network.run(until=0.3)
    alice.do(call.hangup)
    assert alice.ua.clearing_s(BOB, network.now) is not None
    network.run(until=0.4)
    assert alice.ua.clearing_s(BOB, network.now) is None


def test_a_phone_that_is_gone_does_not_block_its_target_for_long() -> None:
    network = SimulatedNetwork()
    alice, _bob, call, _invite = call_to_nobody(network)
    alice.do(call.hangup)
    assert alice.ua.clearing_s(BOB, network.now) == 2.0
    network.run(until=2.0)
    assert alice.ua.clearing_s(BOB, network.now) is None
