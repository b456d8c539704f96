"""Matching of messages to transactions (RFC 3261 17.1.3, 17.2.3), merged requests, failures."""

import pytest

from sip.counters import Counters
from sip.hop import Hop
from sip.message.message import Request
from sip.transaction.layer import Transactions, server_key
from sip.transaction.timers import TimerHeap, TimerValues
from tests.support.sip.transaction_layer import UDP, RecordingUser, request, response


def layer() -> Transactions:
    return Transactions(TimerHeap(), TimerValues(), Counters())


def changed(method: str = "INVITE", *, branch: str = "z9hG4bKtest", **fields: str) -> Request:
    message = request(method, branch=branch)
    for name, value in fields.items():
        message.set(name.replace("_", "-"), value)
    return message


class TestClientSide:
    def test_by_branch_and_method(self) -> None:
        transactions = layer()
        invite = transactions.start_client(RecordingUser(), request(), "z9hG4bKtest", UDP, 0.0)
        cancel = transactions.start_client(
            RecordingUser(), request("CANCEL"), "z9hG4bKtest", UDP, 0.0
        )
        assert transactions.client_for(response(request(), 200)) is invite
        assert transactions.client_for(response(request("CANCEL"), 200)) is cancel
        assert transactions.client_for(response(request(branch="z9hG4bKother"), 200)) is None
        assert transactions.client_for(response(request("BYE"), 200)) is None

    def test_a_terminated_one_is_forgotten(self) -> None:
        transactions = layer()
        transactions.start_client(RecordingUser(), request(), "z9hG4bKtest", UDP, 0.0).abandon()
        assert len(transactions) == 0
        assert transactions.client_for(response(request(), 200)) is None

    def test_a_failing_hop_fails_what_goes_there(self) -> None:
        transactions = layer()
        here, there = RecordingUser(), RecordingUser()
        transactions.start_client(here, request(), "z9hG4bKtest", UDP, 0.0)
        other = request(branch="z9hG4bKother")
        transactions.start_client(there, other, "z9hG4bKother", UDP._replace(port=9), 0.0)
        transactions.transport_failed(UDP, "unreachable", 0.1)
        assert (here.failures, there.failures) == (["transport"], [])
        assert transactions.failure_reason == "unreachable"
        assert len(transactions) == 1
        transactions.abandon_all()
        assert (len(transactions), len(transactions.timers)) == (0, 0)


class TestServerSide:
    @pytest.mark.parametrize("method", ["INVITE", "ACK"])
    def test_by_branch_sent_by_and_method(self, method: str) -> None:
        transactions = layer()
        invite = transactions.start_server(request(), server_key(request()), UDP)
        again = request(method)
        assert transactions.server_for(again, server_key(again)) is invite

    @pytest.mark.parametrize(
        "other",
        [
            changed(branch="z9hG4bKother"),
            changed(Via="SIP/2.0/UDP 192.0.2.77:5062;branch=z9hG4bKtest"),
            changed(Via="SIP/2.0/UDP 192.0.2.1:5063;branch=z9hG4bKtest"),
            changed("BYE"),
            changed("CANCEL"),
        ],
    )
    def test_what_differs_is_another_transaction(self, other: Request) -> None:
        transactions = layer()
        transactions.start_server(request(), server_key(request()), UDP)
        assert transactions.server_for(other, server_key(other)) is None

    def test_cancel_finds_its_invite(self) -> None:
        transactions = layer()
        invite = transactions.start_server(request(), server_key(request()), UDP)
        assert transactions.invite_for(request("CANCEL")) is invite
        assert transactions.invite_for(request("CANCEL", branch="z9hG4bKother")) is None


class TestBranchless:
    """Peers of RFC 2543: no branch, or one without the cookie."""

    @pytest.mark.parametrize("branch", ["", "1", "z9hG4bK"])
    def test_invite_and_its_retransmission(self, branch: str) -> None:
        transactions = layer()
        first, again = request(branch=branch or "x"), request(branch=branch or "x")
        if not branch:
            for message in (first, again):
                message.set("Via", "SIP/2.0/UDP 192.0.2.1:5062")
        invite = transactions.start_server(first, server_key(first), UDP)
        assert transactions.server_for(again, server_key(again)) is invite

    def test_ack_is_matched_by_the_tag_we_gave(self) -> None:
        transactions = layer()
        invite = transactions.start_server(
            request(branch="1"), server_key(request(branch="1")), UDP
        )
        invite.respond(response(invite.request, 486), 0.0)
        ack = request("ACK", branch="1", to_tag="bob")
        stranger = request("ACK", branch="1", to_tag="eve")
        assert transactions.server_for(ack, server_key(ack)) is invite
        assert transactions.server_for(stranger, server_key(stranger)) is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Call_ID", "other"),
            ("From", "<sip:alice@example.com>;tag=other"),
            ("CSeq", "8 INVITE"),
            ("Via", "SIP/2.0/UDP 192.0.2.1:5062;branch=2"),
            ("To", "<sip:bob@example.com>;tag=x"),
        ],
    )
    def test_each_field_counts(self, name: str, value: str) -> None:
        transactions = layer()
        transactions.start_server(request(branch="1"), server_key(request(branch="1")), UDP)
        other = changed(branch="1", **{name: value})
        assert transactions.server_for(other, server_key(other)) is None

    def test_the_request_uri_counts(self) -> None:
        transactions = layer()
        transactions.start_server(request(branch="1"), server_key(request(branch="1")), UDP)
        other = request(branch="1")
        other.uri = other.from_.uri
        assert transactions.server_for(other, server_key(other)) is None


class TestMerged:
    def test_the_same_invite_by_another_way(self) -> None:
        transactions = layer()
        first = transactions.start_server(request(), server_key(request()), UDP)
        assert transactions.is_merged(request(branch="z9hG4bKfork"))
        assert not transactions.is_merged(changed(CSeq="8 INVITE"))
        first.abandon()
        assert not transactions.is_merged(request(branch="z9hG4bKfork"))
        assert len(transactions) == 0


def test_what_is_sent_is_kept_in_order_and_retransmissions_are_counted() -> None:
    counters = Counters()
    transactions = Transactions(TimerHeap(), TimerValues(), counters)
    hop = Hop("udp", "192.0.2.3", 5060)
    transactions.send(hop, b"1")
    transactions.retransmit(hop, b"2")
    assert transactions.output == [(hop, b"1"), (hop, b"2")]
    assert counters.as_dict()["retransmissions_sent"] == 1


def test_a_moved_transaction_fails_with_its_new_hop() -> None:
    transactions = layer()
    old, new = UDP, UDP._replace(port=9)
    user = RecordingUser()
    transaction = transactions.start_client(user, request(), "z9hG4bKtest", old, 0.0)
    transactions.move(transaction, new)
    transactions.transport_failed(old, "lost", 0.1)
    assert user.failures == []
    transactions.transport_failed(new, "lost", 0.1)
    assert (user.failures, len(transactions)) == (["transport"], 0)
