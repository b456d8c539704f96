"""Dialogs: route sets, where requests go, sequence numbers (RFC 3261 section 12)."""

import pytest

from sip.dialog.dialog import Dialog, dialog_of_uac, dialog_of_uas
from sip.errors import ParseError
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.message.parser import parse
from sip.message.uri import parse_uri

FALLBACK = Hop("udp", "192.0.2.99", 5060)


def invite(*fields: tuple[str, str]) -> Request:
    message = Request(
        "INVITE",
        parse_uri("sip:bob@example.com"),
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("From", '"Alice" <sip:alice@example.com>;tag=a1'),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "c1"),
            ("CSeq", "41 INVITE"),
            *fields,
        ],
    )
    parsed = parse(message.encode())
    assert isinstance(parsed, Request)
    return parsed


def caller(*routes: str, contact: str = "<sip:bob@192.0.2.2:5070>") -> Dialog:
    fields = [("Contact", contact), *(("Record-Route", route) for route in routes)]
    ok = parse(response_to(invite(), 200, to_tag="b1", headers=fields).encode())
    assert isinstance(ok, Response)
    return dialog_of_uac(invite(), ok, FALLBACK)


class TestMaking:
    def test_dialog_of_the_calling_side(self) -> None:
        dialog = caller()
        assert dialog.call_id == "c1"
        assert dialog.local == '"Alice" <sip:alice@example.com>;tag=a1'
        assert dialog.remote == "<sip:bob@example.com>;tag=b1"
        assert (dialog.remote_tag, dialog.local_cseq, dialog.remote_cseq) == ("b1", 41, None)
        assert dialog.hop == Hop("udp", "192.0.2.2", 5070)

    def test_dialog_of_the_called_side(self) -> None:
        request = invite(
            ("Contact", "<sip:alice@192.0.2.1>"),
            ("Record-Route", "<sip:192.0.2.51;lr>, <sip:192.0.2.52;lr>"),
        )
        dialog = dialog_of_uas(request, "b2", FALLBACK)
        assert dialog.local == "<sip:bob@example.com>;tag=b2"
        assert dialog.remote == '"Alice" <sip:alice@example.com>;tag=a1'
        assert (dialog.remote_tag, dialog.local_cseq, dialog.remote_cseq) == ("a1", 0, 41)
        assert dialog.routes == ["<sip:192.0.2.51;lr>", "<sip:192.0.2.52;lr>"]

    def test_uri_headers_of_contact_are_not_in_the_request_uri(self) -> None:
        dialog = caller(contact="<sip:bob@192.0.2.2;x=1?Subject=y>")
        bye = parse(dialog.request("BYE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", []).encode())
        assert bye.start_line() == "BYE sip:bob@192.0.2.2;x=1 SIP/2.0"

    def test_without_contact_the_target_is_request_uri_or_from(self) -> None:
        ok = response_to(invite(), 200, to_tag="b1")
        assert dialog_of_uac(invite(), ok, FALLBACK).target.encode() == "sip:bob@example.com"
        assert dialog_of_uas(invite(), "b", FALLBACK).target.encode() == "sip:alice@example.com"

    @pytest.mark.parametrize("field", ["Contact", "Record-Route"])
    def test_unreadable_contact_or_record_route_raises_parse_error(self, field: str) -> None:
        with pytest.raises(ParseError):
            dialog_of_uas(invite((field, "<sip:")), "b", FALLBACK)


class TestRouting:
    def test_loose_routing(self) -> None:
        dialog = caller("<sip:192.0.2.51;lr>", "<sip:192.0.2.52:5099;lr>")
        request = dialog.request("BYE", "SIP/2.0/UDP x;branch=z9hG4bK2", [])
        assert request.uri.encode() == "sip:bob@192.0.2.2:5070"
        assert request.get_all("Route") == ["<sip:192.0.2.52:5099;lr>", "<sip:192.0.2.51;lr>"]
        assert dialog.hop == Hop("udp", "192.0.2.52", 5099)

    def test_strict_routing(self) -> None:
        dialog = caller("<sip:192.0.2.51;lr>", "<sip:strict@192.0.2.52;x=y?Subject=z>")
        request = dialog.request("BYE", "SIP/2.0/UDP x;branch=z9hG4bK2", [])
        assert request.uri.encode() == "sip:strict@192.0.2.52;x=y"
        assert request.get_all("Route") == ["<sip:192.0.2.51;lr>", "<sip:bob@192.0.2.2:5070>"]
        assert dialog.hop == Hop("udp", "192.0.2.52", 5060)

    def test_next_hop_with_a_name_falls_back_to_the_hop_of_the_dialog(self) -> None:
        assert caller(contact="<sip:bob@phone.example.com>").hop == FALLBACK

    def test_named_hop_is_the_uri_of_the_next_hop(self) -> None:
        assert caller().named_hop is None
        assert caller(contact="<tel:+441632960000>").named_hop is None
        assert str(caller(contact="<sip:bob@a.example.com>").named_hop) == "sip:bob@a.example.com"
        assert caller(contact="<sip:bob@a.example.com;maddr=192.0.2.3>").named_hop is None
        route = "<sip:proxy.example.com:5099;lr>"
        assert str(caller(route).named_hop) == "sip:proxy.example.com:5099;lr"
        assert caller("<sip:192.0.2.51;lr>", contact="<sip:bob@a.example.com>").named_hop is None

    @pytest.mark.parametrize(
        ("contact", "found", "hop"),
        [
            ("sip:bob@a.example.com", Hop("tcp", "192.0.2.9", 5060), Hop("tcp", "192.0.2.9", 5060)),
            ("sip:bob@a.example.com:5070", None, Hop("udp", FALLBACK.host, 5070)),
            ("sip:bob@a.example.com;transport=tcp", None, Hop("tcp", FALLBACK.host, 5060)),
            ("sip:bob@a.example.com;transport=tls", None, Hop("tls", FALLBACK.host, 5061)),
            ("sips:bob@a.example.com", None, Hop("tls", FALLBACK.host, 5061)),
            ("sip:bob@a.example.com;transport=sctp", None, None),
            ("sip:bob@a.example.com", None, None),
            ("sip:bob@a.example.com", FALLBACK, None),
        ],
    )
    def test_reroute_to_another_hop(self, contact: str, found: Hop | None, hop: Hop | None) -> None:
        dialog = caller(contact=f"<{contact}>")
        assert dialog.reroute(found) == (hop is not None)
        assert dialog.hop == (hop or FALLBACK)

    @pytest.mark.parametrize("host", ["[2001:db8::2]", "192.0.2.2;transport=sctp"])
    def test_unusable_family_or_transport_falls_back_to_the_hop_of_the_dialog(
        self, host: str
    ) -> None:
        dialog = caller(contact=f"<sip:bob@{host}>")
        assert dialog.hop == FALLBACK
        request = dialog.request("BYE", "SIP/2.0/UDP x;branch=z9hG4bK2", [])
        assert request.uri.encode() == f"sip:bob@{host}"

    def test_target_refresh_keeps_the_route_set(self) -> None:
        dialog = caller("<sip:192.0.2.51;lr>")
        dialog.refresh(invite(("Contact", "<sip:new@192.0.2.77>")))
        request = dialog.request("BYE", "SIP/2.0/UDP x;branch=z9hG4bK2", [])
        assert request.uri.encode() == "sip:new@192.0.2.77"
        assert request.get_all("Route") == ["<sip:192.0.2.51;lr>"]
        assert dialog.hop == Hop("udp", "192.0.2.51", 5060)

    def test_a_refresh_without_contact_changes_nothing(self) -> None:
        dialog = caller()
        dialog.refresh(invite())
        assert dialog.hop == Hop("udp", "192.0.2.2", 5070)


class TestSequenceNumbers:
    def test_local_cseq_grows_except_for_ack(self) -> None:
        dialog = caller()
        via = "SIP/2.0/UDP x;branch=z9hG4bK2"
        numbers = [
            dialog.request("ACK", via, [], number=41).cseq.number,
            dialog.request("INFO", via, []).cseq.number,
            dialog.request("BYE", via, []).cseq.number,
        ]
        assert numbers == [41, 42, 43]

    def test_remote_cseq_may_skip_but_not_decrease(self) -> None:
        dialog = caller()
        seen = []
        for number in (7, 7, 90, 89):
            request = invite()
            request.set("CSeq", f"{number} INVITE")
            seen.append(dialog.in_order(request))
        assert seen == [True, True, True, False]
        assert dialog.remote_cseq == 90


@pytest.mark.parametrize("from_", ["<sip:a@192.0.2.5>;tag=1", "<sip:a@example.com>;tag=1"])
def test_peer_without_contact_is_reached_at_the_source_of_its_message(from_: str) -> None:
    request = invite()
    request.set("From", from_)
    dialog = dialog_of_uas(request, "b1", FALLBACK)
    assert (dialog.hop, dialog.named_hop) == (FALLBACK, None)
    ok = response_to(request, 200, to_tag="b1")
    assert dialog_of_uac(request, ok, FALLBACK).hop == FALLBACK


class TestWhereItMayLead:
    """Contact and Record-Route are the peer's, and lead only to where the policy permits."""

    def dialog(self, contact: str, *permitted: str) -> tuple[Dialog, list[tuple[Hop, Hop]]]:
        asked: list[tuple[Hop, Hop]] = []

        def may_reach(hop: Hop, peer: Hop) -> bool:
            asked.append((hop, peer))
            return hop.host in permitted

        ok = response_to(invite(), 200, to_tag="b1", headers=[("Contact", contact)])
        return dialog_of_uac(invite(), ok, FALLBACK, may_reach), asked

    def test_a_permitted_contact_is_followed(self) -> None:
        dialog, asked = self.dialog("<sip:bob@192.0.2.2:5070>", "192.0.2.2")
        assert dialog.hop == Hop("udp", "192.0.2.2", 5070)
        assert asked == [(dialog.hop, FALLBACK)]

    def test_any_other_leads_to_the_peer_itself(self) -> None:
        dialog, _ = self.dialog("<sip:bob@127.0.0.1:6379;transport=tcp>")
        assert dialog.hop == FALLBACK
        assert dialog.request_uri.encode() == "sip:bob@127.0.0.1:6379;transport=tcp"

    def test_the_peer_itself_is_not_asked_about(self) -> None:
        dialog, asked = self.dialog(f"<sip:bob@{FALLBACK.host}:{FALLBACK.port}>")
        assert dialog.hop == FALLBACK
        assert asked == []

    def test_a_later_contact_is_bound_too(self) -> None:
        dialog, _ = self.dialog("<sip:bob@192.0.2.2>", "192.0.2.2")
        dialog.retarget(parse_uri("sip:bob@203.0.113.1"))
        assert dialog.hop == FALLBACK

    def test_a_name_is_bound_by_where_it_leads(self) -> None:
        dialog, _ = self.dialog("<sip:bob@pbx.example.com>", "192.0.2.2")
        assert not dialog.reroute(Hop("udp", "203.0.113.1", 5060))
        assert dialog.reroute(Hop("udp", "192.0.2.2", 5060))
