"""Requests and responses outside sessions (RFC 3261 section 8.2)."""

import pytest

from sip.dialog.uac import Invitation
from sip.events import Answered, Cause, ExtensionsRefused, Failed, IncomingInvite
from sip.hop import Hop
from sip.message.message import Request, response_to
from sip.message.parser import parse
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    pair,
)
from tests.support.sip.user_agent import PEER, agent, ask, nothing_kept, raw, status


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
