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
        unknown_source = request("ACK", branch="1", to_tag="eve")
        assert transactions.server_for(ack, server_key(ack)) is invite
        assert transactions.server_for(unknown_source, server_key(unknown_source)) is None

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


class TestIcmpErrors:
    """An ICMP error counts only for what it quotes: anybody may cause or forge one."""

    def sent(self) -> tuple[Transactions, RecordingUser, bytes]:
        transactions, user = layer(), RecordingUser()
        invite = request(branch="z9hG4bKunguessable")
        transactions.start_client(user, invite, "z9hG4bKunguessable", UDP, 0.0)
        ((_, data),) = transactions.output
        return transactions, user, data

    def test_one_that_quotes_a_request_of_ours(self) -> None:
        transactions, user, data = self.sent()
        also_there = RecordingUser()
        other = request("OPTIONS", branch="z9hG4bKother")
        transactions.start_client(also_there, other, "z9hG4bKother", UDP, 0.0)
        assert transactions.transport_failed(UDP, "refused", 0.1, data[:300])
        assert user.failures == also_there.failures == ["transport"]

    @pytest.mark.parametrize(
        "quoted",
        [
            b"",
            b"INVITE sip:bob@h SIP/2.0\r\n",
            b"INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKguessed\r\n",
            b"INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKunguess",
            b"OPTIONS sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKunguessable\r\n",
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKunguessable\r\n",
        ],
    )
    def test_one_that_quotes_nothing_of_ours(self, quoted: bytes) -> None:
        transactions, user, _ = self.sent()
        assert not transactions.transport_failed(UDP, "refused", 0.1, quoted)
        assert user.failures == []
        assert len(transactions) == 1

    def test_one_of_another_destination(self) -> None:
        transactions, user, data = self.sent()
        elsewhere = Hop("udp", "203.0.113.1", 5060)
        assert not transactions.transport_failed(elsewhere, "refused", 0.1, data)
        here = RecordingUser()
        options = request("OPTIONS", branch="z9hG4bKother")
        transactions.start_client(here, options, "z9hG4bKother", elsewhere, 0.0)
        assert not transactions.transport_failed(elsewhere, "refused", 0.1, data)
        assert user.failures == here.failures == []

    def test_one_that_quotes_a_response_concerns_its_request_alone(self) -> None:
        transactions, user, _ = self.sent()
        served = []
        for branch in ("z9hG4bKa", "z9hG4bKb"):
            asked = request("BYE", branch=branch)
            server = transactions.start_server(asked, server_key(asked), UDP)
            server.respond(response(asked, 200), 0.0)
            served.append(server)
        data = transactions.output[-1][1]
        assert transactions.transport_failed(UDP, "refused", 0.1, data[:200])
        assert [server.state for server in served] == ["completed", "terminated"]
        assert user.failures == []
