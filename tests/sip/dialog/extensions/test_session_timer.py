"""Session timers: who refreshes, by what, at which interval, and what ends a call (RFC 4028)."""

import pytest

from sip.dialog.extensions.session_timer import SessionTimer, read_session_expires
from sip.dialog.session import Session
from sip.events import Answered, Cause, Ended, Failed, IncomingInvite, MediaChanged
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.uri import parse_uri
from sip.policy import EveryPeer
from sip.sdp.offer_answer import LocalAudio
from sip.transaction.timers import TimerHeap
from tests.support.sip.network import (
    SimulatedAgent,
    SimulatedNetwork,
    audio,
    call_to_nobody,
    established,
    inject,
    pair,
    within,
)


def request(*fields: tuple[str, str], method: str = "INVITE") -> Request:
    return Request(method, parse_uri("sip:a@192.0.2.1"), fields)


class NoSession:
    """Does nothing when it is due."""

    def refresh(self, now: float) -> None: ...

    def expire(self, now: float) -> None: ...


def timer(expires_s: int = 1800) -> SessionTimer:
    return SessionTimer(TimerHeap(), expires_s, NoSession())


def expires(message: Request | Response) -> str | None:
    return message.get("Session-Expires")


def answered_call(
    network: SimulatedNetwork, alice: SimulatedAgent, bob: SimulatedAgent, **fields: object
) -> Session:
    """A call that bob answers."""
    call = alice.invite(bob, **fields)
    network.run(until=network.now + 0.1)
    bob.do(bob.incoming.accept, bob_audio())
    network.run(until=network.now + 0.1)
    assert call.state == "confirmed"
    return call


def bob_audio() -> LocalAudio:
    return audio(4002, "192.0.2.2")


class TestRead:
    @pytest.mark.parametrize(
        ("value", "read"),
        [
            ("1800", (1800, None)),
            ("1800;refresher=uac", (1800, "uac")),
            ("90 ; refresher=UAS;x=y", (90, "uas")),
            ("0", (0, None)),
            ("10000000000", (10**10, None)),
            ("9" * 40, (10**20, None)),
            ("1800;refresher=me", (1800, None)),
            ("1800;;", (1800, None)),
            ("", (None, None)),
            ("soon", (None, None)),
            ("-1", (None, None)),
            ("1e3", (None, None)),
        ],
    )
    def test_session_expires(self, value: str, read: tuple[int | None, str | None]) -> None:
        assert read_session_expires(request(("Session-Expires", value))) == read
        assert read_session_expires(request(("x", value))) == read


class TestAnswer:
    """What our 2xx says, after the table of RFC 4028 section 9."""

    @pytest.mark.parametrize(
        ("asked", "supported", "min_se", "answer"),
        [
            ("1800", "timer", None, "1800;refresher=uac"),
            ("1800;refresher=uas", "timer", None, "1800;refresher=uas"),
            ("1800;refresher=uac", "timer", None, "1800;refresher=uac"),
            # A proxy asked for it, and the caller knows no timers: we refresh.
            ("600", "", None, "600;refresher=uas"),
            # Longer than we want, but not shorter than the Min-SE.
            ("7200", "timer", None, "1800;refresher=uac"),
            ("7200", "timer", "3600", "3600;refresher=uac"),
            ("10000000000", "timer", None, "1800;refresher=uac"),
            # The caller asks for none: we do.
            (None, "timer", None, "1800;refresher=uac"),
            (None, "timer", "3600", "3600;refresher=uac"),
            # ... but not a caller who would not understand.
            (None, "", None, None),
            ("garbage", "", None, None),
            ("20", "", None, None),
        ],
    )
    def test_interval_and_refresher(
        self, asked: str | None, supported: str, min_se: str | None, answer: str | None
    ) -> None:
        fields = [("Supported", supported)]
        fields += [("Session-Expires", asked)] if asked is not None else []
        fields += [("Min-SE", min_se)] if min_se is not None else []
        told = dict(timer().answer(request(*fields), 0.0))
        assert told.get("Session-Expires") == answer
        assert ("Require" in told) == (answer is not None and "timer" in supported)

    def test_who_wants_no_timer_grants_one(self) -> None:
        off = timer(0)
        assert off.request_fields() == []
        assert off.answer(request(("Supported", "timer")), 0.0) == []
        fields = dict(off.answer(request(("Session-Expires", "500"), ("Supported", "timer")), 0.0))
        assert fields["Session-Expires"] == "500;refresher=uac"
        longest = request(("Session-Expires", "10000000000"), ("Supported", "timer"))
        assert dict(off.answer(longest, 0.0))["Session-Expires"] == "86400;refresher=uac"

    @pytest.mark.parametrize("asked", ["0", "1", "89"])
    def test_an_interval_that_is_too_small_is_refused(self, asked: str) -> None:
        small = request(("Session-Expires", asked), ("Supported", "timer"))
        assert timer().objection(small) == [("Min-SE", "90")]
        assert timer(30).objection(small) == (None if asked == "89" else [("Min-SE", "30")])

    @pytest.mark.parametrize("asked", ["90", "10000000000", "x"])
    def test_other_intervals_are_not_refused(self, asked: str) -> None:
        asks = request(("Session-Expires", asked), ("Supported", "timer"))
        assert timer().objection(asks) is None


class TestRefresh:
    def test_the_caller_refreshes_by_update_at_half_of_the_interval(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = answered_call(network, alice, bob, session_expires_s=200)
        start = network.now
        ok = network.messages(200)[0]
        assert isinstance(ok, Response)
        assert expires(ok) == "200;refresher=uac"
        assert ok.get_list("Require") == ["timer"]
        network.run(until=start + 350)
        updates = network.messages("UPDATE")
        assert [round(at - start) for at in network.sent("UPDATE")] == [100, 200, 300]
        assert all(one.body == b"" for one in updates)
        assert expires(updates[0]) == "200;refresher=uac"
        assert alice.of(MediaChanged) == bob.of(MediaChanged) == []
        alice.do(call.hangup)
        network.run()
        assert alice.leftovers == bob.leftovers == (0, 0, 0, 0)

    def test_a_peer_that_asks_for_30_s_gets_90_and_is_kept_for_five_minutes(self) -> None:
        """RFC 4028 section 4: 90 s is the least that anybody may ask for."""
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(bob, session_expires_s=30)
        network.run(until=network.now + 0.1)
        asked = network.messages("INVITE")
        assert [expires(one) for one in asked] == ["30", "90"]
        assert bob.ua.context.policy.session_expires_s(alice.hop) == 1800
        bob.do(bob.incoming.accept, bob_audio())
        network.run(until=network.now + 300)
        assert (call.state, bob.incoming.state) == ("confirmed", "confirmed")
        assert len(network.messages("UPDATE")) == 6
        assert alice.of(Ended) == bob.of(Ended) == []

    def test_a_peer_without_update_is_refreshed_by_the_same_offer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        bob.ua.context.capabilities = [("Allow", "INVITE, ACK, BYE, CANCEL")]
        call = answered_call(network, alice, bob, session_expires_s=200)
        network.run(until=network.now + 150)
        first, refresh = network.messages("INVITE")
        assert refresh.body == first.body
        assert expires(refresh) == "200;refresher=uac"
        assert alice.of(MediaChanged) == bob.of(MediaChanged) == []
        assert call.state == "confirmed"

    def test_the_called_side_refreshes_with_its_own_answer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        bob.ua.context.request_fields = [("Allow", "INVITE"), ("User-Agent", "x")]
        alice.ua.context.request_fields = [("Allow", "INVITE"), ("User-Agent", "x")]
        call = alice.invite(bob, session_expires_s=0)
        network.run(until=0.1)
        called = bob.incoming
        called.timer._wanted_s = 200
        # The caller asks that the called side refreshes.
        called.request.set("Session-Expires", "200;refresher=uas")
        bob.do(called.accept, bob_audio())
        network.run(until=150.0)
        answer, refresh = network.messages(200)[0], network.messages("INVITE")[1]
        assert refresh.body == answer.body
        assert expires(refresh) == "200;refresher=uac"
        assert call.state == called.state == "confirmed"
        assert alice.of(MediaChanged) == bob.of(MediaChanged) == []

    def test_a_refresh_keeps_a_hold(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        bob.ua.context.capabilities = [("Allow", "INVITE, ACK, BYE, CANCEL")]
        call = answered_call(network, alice, bob, session_expires_s=200)
        held = b"v=0\r\no=- 9 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
        held += b"m=audio 4002 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"
        inject(network, within(call, "INVITE", body=held, Contact="<sip:192.0.2.2>"), bob, alice)
        inject(network, within(call, "ACK"), bob, alice)
        assert alice.only(MediaChanged).audio.direction == "recvonly"
        network.run(until=network.now + 100.1)
        refresh = network.messages("INVITE")[-1]
        # What was answered to the hold is offered again, to the byte.
        assert refresh.body == network.messages(200)[1].body
        assert b"a=recvonly" in refresh.body and b"101" not in refresh.body

    def test_nobody_refreshes_and_the_call_ends(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = answered_call(network, alice, bob, session_expires_s=300)
        network.agents.pop(alice.hop.host)
        start = network.now
        network.run()
        # A third of the interval, or 32 s, before it is over.
        assert network.sent("BYE", "192.0.2.2")[0] - start == pytest.approx(300 - 32, abs=1)
        assert bob.only(Ended).cause == Cause(408, "session timer expired", "timeout")
        bye = next(one for one in network.messages("BYE"))
        assert bye.get("Reason") == 'SIP;cause=408;text="Session timer expired"'
        assert call.state != "terminated"

    def test_a_refresh_of_the_peer_starts_the_timer_anew(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        for number in range(5):
            (ok,) = inject(
                network,
                within(
                    call,
                    "UPDATE",
                    number=200 + number,
                    Session_Expires="120;refresher=uac",
                    Supported="timer",
                ),
                bob,
                alice,
            )
            assert ok.status == 200
            assert expires(ok) == "120;refresher=uac"
            network.run(until=network.now + 80)
        assert alice.ends(call) == []
        network.agents.pop(bob.hop.host)
        network.run(until=network.now + 100)
        assert alice.ends(call)[0].cause.phrase == "session timer expired"


class TestTooSmall:
    def test_an_invite_is_sent_again_with_the_interval_of_a_422(self) -> None:
        network = SimulatedNetwork()
        _alice, bob, call, invite = call_to_nobody(network)
        refusal = response_to(invite, 422, to_tag="b", headers=[("Min-SE", "4000")])
        network.inject("192.0.2.1", refusal.encode(), bob.hop)
        network.run(until=0.1)
        again = network.messages("INVITE")[1]
        assert (expires(again), again.get("Min-SE")) == ("4000", "4000")
        assert again.cseq.number == invite.cseq.number + 1
        assert call.state == "calling"

    @pytest.mark.parametrize("min_se", ["1800", "90", "", "x", "1000000", "10000000000"])
    def test_a_422_that_would_change_nothing_ends_the_call(self, min_se: str) -> None:
        network = SimulatedNetwork()
        alice, bob, call, invite = call_to_nobody(network)
        call.timer._least_s = 1800
        refusal = response_to(invite, 422, to_tag="b", headers=[("Min-SE", min_se)])
        network.inject("192.0.2.1", refusal.encode(), bob.hop)
        network.run(until=0.1)
        assert alice.only(Failed).cause.status == 422
        assert len(network.sent("INVITE")) == 1

    def test_a_peer_that_refuses_for_ever_is_not_called_for_ever(self) -> None:
        network = SimulatedNetwork()
        alice, bob, call, _ = call_to_nobody(network)
        for least_s in range(100, 4000, 100):
            last = network.messages("INVITE")[-1]
            assert isinstance(last, Request)
            refusal = response_to(last, 422, to_tag="b", headers=[("Min-SE", str(least_s))])
            network.inject("192.0.2.1", refusal.encode(), bob.hop)
            network.run(until=network.now + 0.1)
        assert alice.ends(call)
        assert len(network.sent("INVITE")) < 12

    @pytest.mark.parametrize("asked", ["0", "89"])
    def test_a_call_that_comes_in_is_refused_with_422(self, asked: str) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call = alice.invite(
            bob, session_expires_s=0, headers=(("Session-Expires", asked), ("Min-SE", "1"))
        )
        network.run()
        refusal = network.messages(422)[0]
        assert refusal.get("Min-SE") == "90"
        assert bob.of(IncomingInvite) == []
        assert bob.leftovers == (0, 0, 0, 0)
        assert alice.only(Failed).cause.status == 422
        assert call.state == "terminated"

    def test_ten_thousand_million_seconds_are_granted_as_half_an_hour(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        answered_call(
            network, alice, bob, session_expires_s=0, headers=(("Session-Expires", "10000000000"),)
        )
        (ok,) = network.messages(200)
        assert expires(ok) == "1800;refresher=uac"
        assert alice.of(Answered)

    def test_an_update_with_a_small_interval_changes_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        before = call.timer.interval_s
        data = within(call, "UPDATE", Session_Expires="1", Supported="timer")
        (refusal,) = inject(network, data, bob, alice)
        assert (refusal.status, refusal.get("Min-SE")) == (422, "90")
        assert call.timer.interval_s == before
        assert call.state == "confirmed"


def test_a_peer_whose_2xx_is_too_small_is_not_refreshed_all_the_time() -> None:
    heap = TimerHeap()
    one = SessionTimer(heap, 1800, NoSession())
    ok = Response(200, None, [("Session-Expires", "1;refresher=uac")])
    one.answered(ok, 0.0)
    assert one.interval_s == 90
    assert heap.next_deadline() == 45.0


def test_a_hop_of_a_policy_has_its_own_interval() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)

    class Policy(EveryPeer):
        def session_expires_s(self, peer: Hop, name: str = "") -> int:
            return 600 if peer.host == "192.0.2.1" else 900

    bob.ua.context.policy = Policy()
    answered_call(network, alice, bob)
    (ok,) = network.messages(200)
    assert expires(ok) == "600;refresher=uac"
