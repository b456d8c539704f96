"""Requests and responses outside sessions, bad input, floods (RFC 3261 section 8.2)."""

import random
from collections import Counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog.uac import Invitation
from sip.dialog.uas import UasSession
from sip.events import Answered, Cause, Ended, ExtensionsRefused, Failed, IncomingInvite
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.policy import Admission, EveryPeer
from sip.rate_limit import IN_DIALOG, RateLimit, SourceRates
from sip.registration.registration import Account
from sip.user_agent import Bounds, UserAgent
from tests.support.examples import at_most
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    inject,
    pair,
    within,
)

PEER = Hop("udp", "192.0.2.2", 5060)


def agent(rate_limit: RateLimit | None = None, bounds: Bounds | None = None) -> UserAgent:
    return UserAgent(
        local={"udp": ("192.0.2.1", 5060)},
        rng=random.Random(1),
        rates=None if rate_limit is None else SourceRates(rate_limit),
        bounds=bounds,
    )


def raw(
    method: str = "OPTIONS",
    *,
    uri: str = "sip:ringback@192.0.2.1",
    branch: str = "z9hG4bK1",
    to: str = "<sip:ringback@192.0.2.1>",
    call_id: str = "c1",
    extra: str = "",
    body: str = "",
) -> bytes:
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.2:5060;branch={branch}\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:x@192.0.2.2>;tag=x1\r\n"
        f"To: {to}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def ask(ua: UserAgent, data: bytes, source: Hop = PEER) -> list[tuple[Hop, Response]]:
    ua.receive(data, source, 0.0)
    answers = []
    for hop, sent in ua.take_output():
        message = parse(sent)
        assert isinstance(message, Response)
        answers.append((hop, message))
    return answers


def status(ua: UserAgent, data: bytes) -> int:
    ua.receive(data, PEER, 0.0)
    ((_, sent),) = ua.take_output()
    assert sent.startswith(b"SIP/2.0 ")
    return int(sent[8:11])


def nothing_kept(ua: UserAgent) -> bool:
    return (ua.session_count, ua.transaction_count, ua.timer_count) == (0, 0, 0)


class TestOutsideDialogs:
    def test_options(self) -> None:
        ua = agent()
        ((hop, ok),) = ask(ua, raw())
        assert (hop, ok.status) == (PEER, 200)
        assert ok.get_list("Allow") == [
            "INVITE",
            "ACK",
            "CANCEL",
            "BYE",
            "OPTIONS",
            "INFO",
            "UPDATE",
            "PRACK",
            "REFER",
            "NOTIFY",
        ]
        assert ok.get("Accept") == "application/sdp, multipart/mixed"
        assert ok.get("Accept-Encoding") == "identity"
        assert ok.get("Accept-Language") == "en"
        assert ok.get("Supported") == "100rel, 199, norefersub, replaces, timer"
        assert ok.to.tag
        assert nothing_kept(ua)

    def test_a_retransmission_gets_the_same_stateless_answer(self) -> None:
        ua = agent()
        assert ask(ua, raw())[0][1] == ask(ua, raw())[0][1]

    @pytest.mark.parametrize("method", ["REGISTER", "MESSAGE", "SUBSCRIBE", "ABC"])
    def test_methods_that_are_not_allowed(self, method: str) -> None:
        ua = agent()
        ((_, refusal),) = ask(ua, raw(method))
        assert (refusal.status, refusal.get("Allow")) == (
            405,
            "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY",
        )
        assert ua.counters.refused_methods == 1
        assert nothing_kept(ua)

    @pytest.mark.parametrize(
        "method", ["BYE", "INFO", "UPDATE", "PRACK", "CANCEL", "INVITE", "OPTIONS"]
    )
    def test_an_unknown_dialog(self, method: str) -> None:
        ua = agent()
        assert status(ua, raw(method, to="<sip:ringback@192.0.2.1>;tag=old")) == 481
        assert ua.counters.unknown_dialog == 1
        assert nothing_kept(ua)

    @pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "CANCEL"])
    def test_in_dialog_methods_without_a_tag(self, method: str) -> None:
        assert status(agent(), raw(method)) == 481

    def test_a_stray_ack_gets_no_answer(self) -> None:
        ua = agent()
        assert ask(ua, raw("ACK", to="<sip:ringback@192.0.2.1>;tag=old")) == []
        assert ua.counters.unmatched_acks == 1

    @pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "BYE"])
    def test_required_extensions(self, method: str) -> None:
        ua = agent()
        ((_, refusal),) = ask(
            ua, raw(method, extra="Require: 100rel, foo\r\nRequire: bar, timer\r\n")
        )
        assert (refusal.status, refusal.get("Unsupported")) == (420, "foo, bar")
        assert nothing_kept(ua)

    def test_a_peer_that_requires_an_extension_is_told_of(self) -> None:
        ua = agent()
        ask(ua, raw("INVITE", extra="Require: 100rel, join, answermode\r\n"))
        (event,) = ua.take_events()
        assert isinstance(event, ExtensionsRefused)
        assert (event.source, event.extensions) == (PEER, ("join", "answermode"))
        ask(ua, raw("BYE", extra="Require: answermode\r\n"))
        assert ua.take_events() == []
        assert ua.counters.missing_extensions == 2

    @pytest.mark.parametrize(
        ("method", "uri"),
        [("INVITE", "http://example.com"), ("OPTIONS", "tel:+441234"), ("BYE", "tel:+441234")],
    )
    def test_other_uri_schemes(self, method: str, uri: str) -> None:
        assert status(agent(), raw(method, uri=uri)) == 416

    def test_a_call_to_a_telephone_number(self) -> None:
        ua = agent()
        assert status(ua, raw("INVITE", uri="tel:+441234")) == 100
        (event,) = ua.take_events()
        assert isinstance(event, IncomingInvite)
        assert event.request.uri.encode() == "tel:+441234"

    def test_stray_responses_are_dropped(self) -> None:
        ua = agent()
        ok = (
            parse(raw())
            .encode()
            .replace(b"OPTIONS sip:ringback@192.0.2.1 SIP/2.0", b"SIP/2.0 200 OK")
        )
        assert ask(ua, ok) == []
        assert ua.counters.unmatched_responses == 1

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            (b"192.0.2.1:5060;", b"192.0.2.77:5060;"),
            (b"192.0.2.1:5060;", b"192.0.2.1:5099;"),
            (b"\r\nFrom:", b"\r\nVia: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK8\r\nFrom:"),
        ],
    )
    def test_responses_without_our_via_are_dropped(self, right: bytes, wrong: bytes) -> None:
        ua = agent()
        offer = audio(4000)
        ua.invite(Invitation("sip:bob@192.0.2.2", PEER, "sip:alice@192.0.2.1", offer), 0.0)
        ((_, invite),) = ua.take_output()
        request = parse(invite)
        assert isinstance(request, Request)
        busy = response_to(request, 486, to_tag="b").encode()
        ua.receive(busy.replace(right, wrong), PEER, 0.1)
        assert (ua.take_output(), ua.take_events()) == ([], [])
        assert ua.counters.unmatched_responses == 1
        ua.receive(busy, PEER, 0.2)
        assert [type(event) for event in ua.take_events()] == [Failed]


class TestWhereResponsesGo:
    @pytest.mark.parametrize(
        ("via", "hop", "stamp"),
        [
            ("192.0.2.2:5060;rport", Hop("udp", "192.0.2.2", 7777), "rport=7777"),
            ("10.0.0.1:5099;rport", Hop("udp", "192.0.2.2", 7777), "received=192.0.2.2"),
            ("10.0.0.1:5099", Hop("udp", "192.0.2.2", 5099), "received=192.0.2.2"),
            ("phone.example.com", Hop("udp", "192.0.2.2", 5060), "received=192.0.2.2"),
            ("192.0.2.2", Hop("udp", "192.0.2.2", 5060), "192.0.2.2"),
        ],
    )
    def test_udp(self, via: str, hop: Hop, stamp: str) -> None:
        data = raw().replace(b"192.0.2.2:5060", via.encode())
        ((to, ok),) = ask(agent(), data, Hop("udp", "192.0.2.2", 7777))
        assert to == hop
        assert stamp in (ok.get("Via") or "")

    def test_tcp(self) -> None:
        source = Hop("tcp", "192.0.2.2", 40_000)
        ((to, _),) = ask(agent(), raw(), source)
        assert to == source


class TestInvite:
    @pytest.mark.parametrize(
        ("extra", "body", "code"),
        [
            ("Content-Type: text/plain\r\n", "hello", 415),
            ("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "v=0", 415),
        ],
    )
    def test_bodies_we_cannot_read(self, extra: str, body: str, code: int) -> None:
        ua = agent()
        assert status(ua, raw("INVITE", extra=extra, body=body)) == code
        assert nothing_kept(ua)

    def test_a_body_that_may_be_ignored_is(self) -> None:
        ua = agent()
        extra = "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n"
        invite = raw("INVITE", extra=extra, body="hello")
        assert status(ua, invite) == 100
        (event,) = ua.take_events()
        assert isinstance(event, IncomingInvite)
        assert event.request.body == b""

    def test_accepting_an_unusable_offer_sends_488(self) -> None:
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        extra = "Contact: <sip:192.0.2.2>\r\nContent-Type: application/sdp\r\n"
        network.inject("192.0.2.1", raw("INVITE", extra=extra, body="rubbish"), PEER)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio())
        assert network.sent(488) == [0.1]
        (refusal,) = network.messages(488)
        reason = "the session description does not begin with v=0"
        assert refusal.get("Warning") == f'399 - "{reason}"'
        assert bob.only(Failed).cause == Cause(488, reason, "local")
        network.run()
        clean(bob)

    @pytest.mark.parametrize("field", ["Contact", "Record-Route"])
    def test_unreadable_fields(self, field: str) -> None:
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        network.inject("192.0.2.1", raw("INVITE", extra=f"{field}: <sip:\r\n"), PEER)
        network.run()
        assert len(network.messages(400)) == 11
        assert bob.of(IncomingInvite) == []
        clean(bob)

    def test_merged_invite_gets_482(self) -> None:
        ua = agent()
        assert status(ua, raw("INVITE")) == 100
        assert status(ua, raw("INVITE", branch="z9hG4bKfork")) == 482
        assert len([e for e in ua.take_events() if isinstance(e, IncomingInvite)]) == 1

    def test_refused_invite_may_be_sent_to_us_again(self) -> None:
        """A proxy that forks serially keeps CSeq and From tag, and changes the request URI."""
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        network.inject("192.0.2.1", raw("INVITE"), PEER)
        network.run(until=0.1)
        bob.do(bob.incoming.reject, 404)
        again = raw("INVITE", branch="z9hG4bKnext", uri="sip:other@192.0.2.1")
        network.inject("192.0.2.1", again, PEER)
        network.inject("192.0.2.1", raw("INVITE", branch="z9hG4bKfork"), PEER, after_s=0.1)
        network.run(until=40.0)
        assert len(bob.of(IncomingInvite)) == 2
        # The first has timed out meanwhile, but what is served now still has but one way.
        network.inject("192.0.2.1", raw("INVITE", branch="z9hG4bKlate"), PEER)
        network.run(until=41.0)
        assert len(network.sent(482)) == 2
        bob.do(bob.of(IncomingInvite)[1].session.hangup)
        network.run()
        clean(bob)

    def test_a_retransmission_is_not_a_second_call(self) -> None:
        ua = agent()
        assert status(ua, raw("INVITE")) == 100
        assert status(ua, raw("INVITE")) == 100
        assert len(ua.take_events()) == 1
        assert ua.counters.retransmissions_received == 1

    def test_invite_of_an_rfc_2543_peer(self) -> None:
        """No branch at all, and the ACK finds its INVITE all the same."""
        network = SimulatedNetwork()
        bob = network.agent("192.0.2.1")
        invite = raw("INVITE").replace(b";branch=z9hG4bK1", b"")
        network.inject("192.0.2.1", invite, PEER)
        network.inject("192.0.2.1", invite, PEER, after_s=0.05)
        network.run(until=0.1)
        bob.do(bob.incoming.reject, 486)
        (busy,) = network.messages(486)
        ack = invite.replace(b"INVITE", b"ACK").replace(
            b"To: <sip:ringback@192.0.2.1>", b"To: " + (busy.get("To") or "").encode()
        )
        network.inject("192.0.2.1", ack, PEER)
        network.run()
        assert len(network.messages(486)) == 1
        assert bob.ua.counters.unmatched_acks == 0
        clean(bob)

    def test_cancel_of_an_answered_call_changes_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        cancel = network.messages("INVITE")[0].encode().replace(b"INVITE", b"CANCEL")
        network.inject("192.0.2.2", cancel.replace(b"Allow: CANCEL", b"Allow: INVITE"), alice.hop)
        network.run(until=network.now + 0.1)
        assert len(network.messages(200)) == 2
        assert call.state == "confirmed"


class TestBadInput:
    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\0\0\0", b"\r\n"])
    def test_keep_alives(self, data: bytes) -> None:
        ua = agent()
        assert ask(ua, data) == []
        assert (ua.counters.keep_alives, ua.counters.malformed) == (1, 0)

    @pytest.mark.parametrize(
        "data",
        [
            b"hello",
            b"\xff\xfe\xfd",
            b"OPTIONS sip:x SIP/2.0\r\n\r\n",
            raw().replace(b"Via", b"Vio"),
            b"SIP/2.0 200 OK\r\n\r\n",
            raw("ACK").replace(b"CSeq: 1", b"CSeq: x"),
            # A damaged response: refusing it could go on for ever.
            raw().replace(b"OPTIONS sip:ringback@192.0.2.1 SIP/2.0", b"SIX/2.0 400 Bad"),
        ],
    )
    def test_unanswerable_messages_are_dropped_and_counted(self, data: bytes) -> None:
        ua = agent()
        assert ask(ua, data) == []
        assert ua.counters.malformed == 1

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (raw().replace(b"CSeq: 1", b"CSeq: x"), 400),
            (raw().replace(b"Call-ID: c1\r\n", b""), 400),
            (raw().replace(b" SIP/2.0\r\nVia", b" SIP/9.0\r\nVia"), 505),
            (raw().replace(b"Content-Length: 0", b"Content-Length: 9"), 400),
        ],
    )
    def test_answerable_malformed_requests_are_answered(self, data: bytes, code: int) -> None:
        ua = agent()
        assert status(ua, data) == code
        assert ua.counters.malformed == 1
        assert nothing_kept(ua)

    @given(
        st.binary(max_size=300)
        | st.builds(
            lambda data, place, noise: data[:place] + noise + data[place + len(noise) :],
            st.sampled_from(
                [
                    raw(),
                    raw(
                        "INVITE", extra="Contact: <sip:a@192.0.2.2>\r\nRecord-Route: <sip:p;lr>\r\n"
                    ),
                    raw("BYE", to="<sip:x>;tag=y"),
                    raw("CANCEL"),
                    b"SIP/2.0 200 OK" + raw()[40:],
                ]
            ),
            st.integers(0, 400),
            st.binary(max_size=12),
        )
    )
    def test_no_datagram_ever_raises(self, data: bytes) -> None:
        ua = agent()
        for _ in range(2):
            ua.receive(data, PEER, 0.0)
        assert all(sent.startswith(b"SIP/2.0 ") for _, sent in ua.take_output())
        for now in (0.5, 1.0, 40.0, 300.0, 400.0):
            ua.handle_timers(now)
        assert nothing_kept(ua)

    @given(
        seed=st.integers(0, 2**32),
        noise=st.binary(min_size=1, max_size=6),
        place=st.floats(0, 1),
    )
    @at_most(60)
    def test_random_bytes_during_a_call_never_raise_and_leave_no_state(
        self, seed: int, noise: bytes, place: float
    ) -> None:
        """Every datagram of a call is followed by a damaged copy."""
        network = SimulatedNetwork(seed)
        alice, bob = pair(network)

        def damage(sender: str, message: Request | Response) -> bool:
            data = message.encode()
            at = int(place * len(data))
            broken = data[:at] + noise + data[at + len(noise) :]
            receiver, source = (bob, alice) if sender == alice.hop.host else (alice, bob)
            network.inject(receiver.hop.host, broken, source.hop, after_s=0.02)
            return False

        network.drop = damage
        bob.on_event = lambda event: (
            bob.do(event.session.accept, audio(4002))  # type: ignore[attr-defined]
            if isinstance(event, IncomingInvite)
            else None
        )
        call = alice.invite(bob)
        network.run(until=5.0)
        alice.do(call.hangup)
        network.run(until=10.0)
        for session in bob.ua.context.sessions():
            bob.do(session.hangup)
        network.run()
        clean(alice, bob)


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


class TestLargeRequests:
    def caller(self, **local: tuple[str, int]) -> UserAgent:
        return UserAgent(local=local or {"udp": ("192.0.2.1", 5060)}, rng=random.Random(1))  # type: ignore[arg-type]

    def invite(self, ua: UserAgent, target: str = "sip:bob@192.0.2.2", size: int = 1_000) -> Hop:
        invitation = Invitation(
            target=target,
            hop=PEER,
            from_uri="sip:a@192.0.2.1",
            audio=audio(),
            headers=(("X-Context", "x" * size),),
        )
        ua.invite(invitation, 0.0)
        ((hop, data),) = ua.take_output()
        assert f"SIP/2.0/{hop.transport.upper()}".encode() in data
        return hop

    def test_large_requests_go_over_tcp_if_we_listen_on_it(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both) == PEER._replace(transport="tcp")

    def test_small_requests_stay_on_udp(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both, size=100) == PEER

    def test_an_explicit_transport_is_kept(self) -> None:
        both = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(both, "sip:bob@192.0.2.2;transport=udp") == PEER

    def test_large_requests_stay_on_udp_without_tcp(self) -> None:
        assert self.invite(self.caller()) == PEER

    def test_peer_without_tcp_gets_large_requests_over_udp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        ua.transport_failed(self.invite(ua), "connection refused", 0.01)
        ((hop, _),) = ua.take_output()
        assert hop == PEER
        assert ua.take_events() == []
        ua.transport_failed(PEER, "unreachable", 0.02)
        (failed,) = ua.take_events()
        assert isinstance(failed, Failed)
        assert failed.cause.origin == "transport"
        assert nothing_kept(ua)

    def test_peer_that_drops_what_comes_over_tcp_gets_large_requests_over_udp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        assert self.invite(ua).transport == "tcp"
        ua.handle_timers(1.4)
        assert ua.take_output() == []
        ua.handle_timers(1.5)
        ((hop, data),) = ua.take_output()
        assert hop == PEER
        assert data.startswith(b"INVITE") and b"SIP/2.0/UDP" in data
        # It is remembered for a while, and UDP sends again what is lost.
        assert self.invite(ua) == PEER
        ua.handle_timers(2.0)
        assert PEER in [hop for hop, _ in ua.take_output()]

    def test_call_that_was_given_up_is_not_sent_once_more(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        hop = self.invite(ua)
        (session,) = ua.context.sessions()
        session.hangup(0.01)
        ua.transport_failed(hop, "connection refused", 0.02)
        assert ua.take_output() == []
        assert nothing_kept(ua)

    def test_requests_of_every_method_go_over_tcp(self) -> None:
        ua = self.caller(udp=("192.0.2.1", 5060), tcp=("192.0.2.1", 5060))
        long = "x" * 1_300
        account = Account(f"sip:{long}@192.0.2.2", "sip:192.0.2.2")
        ua.register(account, 0.0)
        ((hop, data),) = ua.take_output()
        assert hop.transport == "tcp"
        assert data.startswith(b"REGISTER") and b"Via: SIP/2.0/TCP" in data
        ua.transport_failed(hop, "connection refused", 0.1)
        ((hop, data),) = ua.take_output()
        assert hop.transport == "udp" and b"Via: SIP/2.0/UDP" in data


def test_close_drops_all_state_without_events() -> None:
    network = SimulatedNetwork()
    alice, bob = pair(network)
    established(network, alice, bob)
    alice.invite(bob)
    alice.ua.close()
    assert alice.leftovers == (0, 0, 0, 0)
    assert alice.ua.take_output() == []
    assert alice.ua.take_event() is None
    assert len(alice.of(Answered)) == 1
