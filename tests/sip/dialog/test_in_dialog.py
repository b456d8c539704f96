"""Requests within a dialog: INFO, OPTIONS, what is refused, and bodies of several parts."""

import pytest

from sip.events import InfoDigit, MediaChanged
from sip.sdp.offer_answer import OfferAnswer
from tests.support.sip.network import (
    SimulatedNetwork,
    audio,
    clean,
    established,
    inject,
    pair,
    within,
)


class TestOtherRequests:
    @pytest.mark.parametrize("content_type", ["application/dtmf-relay", "application/dtmf"])
    def test_digits_in_info(self, content_type: str) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = b"Signal=5\r\nDuration=160\r\n"
        data = within(call, "INFO", body=body, Content_Type=content_type)
        (ok,) = inject(network, data, bob, alice)
        assert ok.status == 200
        assert alice.only(InfoDigit) == InfoDigit(call, "5", 160)
        # The same datagram again is a retransmission: answered again, reported once.
        (again,) = inject(network, data, bob, alice)
        assert again.encode() == ok.encode()
        assert len(alice.of(InfoDigit)) == 1

    @pytest.mark.parametrize("known", ["local_tag", "remote tag", "call_id"])
    def test_digits_of_who_does_not_know_all_of_the_dialog(self, known: str) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        guessed = {
            "local_tag": call.local_tag,
            "remote tag": call.in_dialog.remote.partition("tag=")[2],
            "call_id": call.call_id,
        }[known]
        data = within(call, "INFO", body=b"Signal=5\r\n", Content_Type="application/dtmf-relay")
        (response,) = inject(network, data.replace(guessed.encode(), b"deadbeef"), bob, alice)
        assert response.status == 481
        assert alice.of(InfoDigit) == []
        assert call.state == "confirmed"

    @pytest.mark.parametrize(
        ("header", "body", "status"),
        [
            (("X", "y"), b"", 200),
            (("Content_Type", "application/media_control+xml"), b"<x/>", 415),
            (("Content_Type", "///"), b"x", 415),
            (("Info_Package", "foo"), b"", 469),
            (("Content_Type", "application/dtmf-relay"), b"Signal=16\r\n", 200),
            (("Content_Type", "application/dtmf-relay"), b"Signal=x\r\n", 400),
            (("Content_Type", "application/dtmf"), b"", 400),
        ],
    )
    def test_other_info_bodies(self, header: tuple[str, str], body: bytes, status: int) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        name, value = header
        data = within(call, "INFO", body=body, **{name: value})  # type: ignore[arg-type]
        (response,) = inject(network, data, bob, alice)
        assert response.status == status
        assert alice.of(InfoDigit) == []

    @pytest.mark.parametrize(
        ("method", "status"),
        [("OPTIONS", 200), ("FOO", 405)],
    )
    def test_options_and_unsupported_methods_within_the_dialog(
        self, method: str, status: int
    ) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (response,) = inject(network, within(call, method), bob, alice)
        assert response.status == status
        assert "INVITE" in (response.get("Allow") or "")
        assert call.state == "confirmed"

    def test_decreasing_cseq_gets_500(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        inject(network, within(call, "INFO", number=100), bob, alice)
        (response,) = inject(network, within(call, "BYE", number=99), bob, alice)
        assert response.status == 500
        assert call.state == "confirmed"

    def test_an_unreadable_contact_changes_nothing(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        (response,) = inject(network, within(call, "INVITE", Contact="<sip:"), bob, alice)
        assert response.status == 400
        assert alice.ua.counters.malformed == 1
        alice.do(call.hangup)
        network.run()
        clean(alice, bob)

    def test_request_with_a_wrong_tag_gets_481(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        data = within(call, "BYE").replace(call.local_tag.encode(), b"deadbeef")
        (response,) = inject(network, data, bob, alice)
        assert response.status == 481
        assert call.state == "confirmed"


class TestSeveralParts:
    """The description of a multipart body is used; the other parts are no reason to refuse."""

    BODY = (
        b"--b\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--b\r\n"
        b"Content-Type: application/sdp\r\n\r\n%s\r\n--b--\r\n"
    )

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_an_offer_beside_isup(self, method: str) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = self.BODY % OfferAnswer(5).make_offer(audio(7000, "192.0.2.2"))
        data = within(call, method, body=body, Content_Type="multipart/mixed;boundary=b")
        (ok,) = inject(network, data, bob, alice)
        assert (ok.status, ok.get("Content-Type")) == (200, "application/sdp")
        assert alice.only(MediaChanged).audio.port == 7000

    def test_parts_without_a_description_are_no_offer(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        body = b"--b\r\nContent-Type: application/pidf+xml\r\n\r\n<x/>\r\n--b--\r\n"
        data = within(call, "INVITE", body=body, Content_Type="multipart/mixed;boundary=b")
        (ok,) = inject(network, data, bob, alice)
        assert ok.status == 200
        assert b"m=audio 4000" in ok.body

    def test_parts_that_cannot_be_told_apart(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        call, _ = established(network, alice, bob)
        data = within(call, "INVITE", body=b"x", Content_Type="multipart/mixed")
        (refused,) = inject(network, data, bob, alice)
        assert refused.status == 400
        assert call.state == "confirmed"

    def test_a_call_that_comes_in_with_isup(self) -> None:
        network = SimulatedNetwork()
        alice, bob = pair(network)
        alice.ua.context.supported = []
        call = alice.invite(bob)
        invite = network.messages("INVITE")[0]
        network._flying.clear()
        invite.set("Content-Type", "multipart/mixed;boundary=b")
        invite.body = self.BODY % invite.body
        network.inject(bob.hop.host, invite.encode(), alice.hop)
        network.run(until=0.1)
        bob.do(bob.incoming.accept, audio(4002, "192.0.2.2"))
        network.run(until=0.2)
        assert call.state == bob.incoming.state == "confirmed"
        assert bob.incoming.request.parts[0].body == b"\x01\x02"
