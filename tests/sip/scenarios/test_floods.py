"""Floods of requests: bounded, without a trace, and no other source suffers."""

import random
from collections import Counter
from typing import cast

import pytest

from sip.dialog.uas import UasSession
from sip.events import Ended, Failed, IncomingInvite
from sip.hop import Hop
from sip.message.message import Request
from sip.policy import Admission, EveryPeer
from sip.rate_limit import IN_DIALOG, RateLimit
from sip.user_agent import Bounds, UserAgent
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    inject,
    within,
)
from tests.support.sip.user_agent import PEER, agent, ask, nothing_kept, raw, status


class TestFloods:
    def test_one_address_over_its_rate_does_not_stop_another(self) -> None:
        ua = agent(RateLimit(messages_per_s=100, burst=50))
        flooder = Hop("udp", "192.0.2.66", 5060)
        answered = sum(bool(ask(ua, raw(call_id=f"f{i}"), flooder)) for i in range(1_000))
        assert answered == 50
        assert ua.counters.rate_limited == 950
        assert status(ua, raw()) == 200

    def test_calls_that_are_not_admitted_leave_no_trace(self) -> None:
        asked: list[tuple[str, float]] = []

        class Policy(EveryPeer):
            def admits(self, invite: Request, source: Hop, now: float) -> Admission:
                asked.append((source.host, now))
                return "ignore"

        ua = UserAgent(local={"udp": ("192.0.2.1", 5060)}, rng=random.Random(1), policy=Policy())
        assert ask(ua, raw("INVITE", extra="Contact: <sip:x@192.0.2.2>\r\n")) == []
        assert asked == [(PEER.host, 0.0)]
        assert ua.counters.rate_limited == 1 and nothing_kept(ua)
        assert status(ua, raw("OPTIONS")) == 200

    @pytest.mark.parametrize("name", [b"Call-ID:", b"call-id: ", b"i:", b"I :"])
    def test_messages_of_known_calls_pass_an_exceeded_rate_limit(self, name: bytes) -> None:
        network = SimulatedNetwork()
        alice = network.agent("192.0.2.1", rate_limit=RateLimit(messages_per_s=0.001, burst=4))
        bob = network.agent("192.0.2.2")
        call, _called = established(network, alice, bob)
        for i in range(100):
            network.inject("192.0.2.1", raw(call_id=f"f{i}", branch=f"z9hG4bK{i}"), bob.hop)
        network.run(until=network.now + 1)
        assert alice.ua.counters.rate_limited > 90
        bye = within(call, "BYE").replace(b"\r\nCall-ID: ", b"\r\n" + name)
        inject(network, bye, bob, alice)
        assert alice.only(Ended).cause.origin == "remote"
        assert call.state == "terminated"

    def test_a_party_of_a_call_does_not_fill_the_table_that_all_calls_share(self) -> None:
        network = SimulatedNetwork()
        alice, bob = network.agent("192.0.2.1"), network.agent("192.0.2.2")
        call, _called = established(network, alice, bob)
        kept = alice.ua.transaction_count
        codes = Counter[int]()
        for number in range(100, 2_100):
            for answer in inject(network, within(call, "INFO", number=number), bob, alice):
                codes[answer.status] += 1
                assert answer.status != 503 or answer.get("Retry-After") == "10"
        assert codes.keys() == {200, 503}
        assert codes[200] == IN_DIALOG.burst and codes.total() == 2_000
        assert alice.ua.transaction_count - kept <= IN_DIALOG.burst
        assert alice.ua.counters.overloaded == codes[503]
        network.run(until=network.now + 1.0)
        (answer,) = inject(network, within(call, "INFO", number=3_000), bob, alice)
        assert answer.status == 200
        for number in range(3_001, 3_100):
            inject(network, within(call, "INFO", number=number), bob, alice)
        (answer,) = inject(network, within(call, "BYE", number=4_000), bob, alice)
        assert answer.status == 200 and call.state == "terminated"

    def test_calls_that_come_in_are_bounded(self) -> None:
        ua = agent(bounds=Bounds(incoming_sessions=10))
        codes = [
            status(ua, raw("INVITE", call_id=f"c{i}", branch=f"z9hG4bK{i}")) for i in range(30)
        ]
        assert codes == [100] * 10 + [503] * 20
        assert ua.session_count == 10
        assert ua.counters.overloaded == 20

    def test_calls_that_are_never_acknowledged_cost_little_and_not_for_long(self) -> None:
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        bob.on_event = lambda event: (
            bob.do(cast(UasSession, event.session).accept, audio())
            if isinstance(event, IncomingInvite)
            else None
        )
        for number in range(3_000):  # a hundred a second, from the address of a trunk
            forged = raw("INVITE", call_id=f"f{number}", branch=f"z9hG4bKf{number}")
            network.inject("192.0.2.1", forged, PEER, after_s=number / 100)
        most = 0
        for at in range(1, 31):
            network.run(until=float(at))
            most = max(most, len(bob.of(IncomingInvite)) - len(bob.of(Failed)))
        assert most <= 64
        assert len(bob.of(IncomingInvite)) <= 64 + 5 * 30 + 5
        real = raw("INVITE", call_id="real", branch="z9hG4bKreal")
        network.inject("192.0.2.1", real, PEER, after_s=1.0)
        network.run(until=network.now + 1.5)
        assert bob.of(IncomingInvite)[-1].request.call_id == "real"
        assert bob.ua.counters.gave_way > 0
        network.run()
        clean(bob)

    def test_a_caller_amid_a_flood_is_taken_when_it_asks_again(self) -> None:
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        bob.on_event = lambda event: (
            bob.do(cast(UasSession, event.session).accept, audio())
            if isinstance(event, IncomingInvite)
            else None
        )
        for number in range(10_000):  # a thousand a second
            forged = raw("INVITE", call_id=f"f{number}", branch=f"z9hG4bKf{number}")
            network.inject("192.0.2.1", forged, PEER, after_s=number / 1_000)
        real = raw("INVITE", call_id="real", branch="z9hG4bKreal")
        for after_s in (5.0, 5.5, 6.5):
            network.inject("192.0.2.1", real, PEER, after_s=after_s)
        network.run(until=7.0)
        assert "real" in [event.request.call_id for event in bob.of(IncomingInvite)]

    def test_transactions_are_bounded(self) -> None:
        ua = agent(bounds=Bounds(transactions=5))
        for i in range(50):
            ask(ua, raw("INVITE", call_id=f"c{i}", branch=f"z9hG4bK{i}"))
        assert ua.transaction_count == 5

    def test_a_flood_of_other_requests_keeps_nothing(self) -> None:
        ua = agent()
        for i in range(2_000):
            method = ("OPTIONS", "REGISTER", "BYE", "CANCEL", "FOO")[i % 5]
            ask(ua, raw(method, branch=f"z9hG4bK{i}", call_id=f"c{i}"))
        assert nothing_kept(ua)
