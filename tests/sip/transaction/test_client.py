"""Client transaction machines against exact timers (RFC 3261 17.1, RFC 6026)."""

import pytest

from sip.hop import Hop
from sip.message.message import Request
from sip.message.parser import parse
from sip.transaction.client import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    PROCEEDING,
    TRYING,
    InviteClientTransaction,
    NonInviteClientTransaction,
)
from sip.transaction.transaction import TERMINATED, IllegalEvent
from tests.support.sip.transaction_layer import (
    TCP,
    UDP,
    RecordingLayer,
    RecordingUser,
    request,
    response,
)


def invite(hop: Hop = UDP) -> tuple[InviteClientTransaction, RecordingLayer, RecordingUser]:
    layer, user = RecordingLayer(), RecordingUser()
    transaction = InviteClientTransaction(layer, user, request(), "z9hG4bKtest", hop)
    transaction.start(0.0)
    return transaction, layer, user


def bye(hop: Hop = UDP) -> tuple[NonInviteClientTransaction, RecordingLayer, RecordingUser]:
    layer, user = RecordingLayer(), RecordingUser()
    transaction = NonInviteClientTransaction(layer, user, request("BYE"), "z9hG4bKtest", hop)
    transaction.start(0.0)
    return transaction, layer, user


class TestInviteCalling:
    def test_timer_a_doubles_without_cap_until_timer_b(self) -> None:
        transaction, layer, user = invite()
        layer.advance(31.99)
        assert layer.times() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert [again for _, _, again in layer.sent] == [False] + [True] * 6
        assert (transaction.state, user.failures) == (CALLING, [])
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])
        assert layer.forgotten == [transaction]
        assert len(layer.timers) == 0

    def test_a_reliable_transport_retransmits_nothing_but_times_out(self) -> None:
        transaction, layer, user = invite(TCP)
        layer.advance(32.0)
        assert layer.times() == [0]
        assert user.failures == ["timeout"]
        assert transaction.state is TERMINATED

    def test_transport_error_ends_it_at_once(self) -> None:
        transaction, layer, user = invite()
        transaction.transport_failed(0.1)
        assert (transaction.state, user.failures) == (TERMINATED, ["transport"])
        assert len(layer.timers) == 0

    @pytest.mark.parametrize(
        ("status", "state"),
        [(100, PROCEEDING), (180, PROCEEDING), (200, ACCEPTED), (486, COMPLETED)],
    )
    def test_any_response_stops_a_and_b(self, status: int, state: str) -> None:
        transaction, layer, user = invite()
        transaction.receive(response(transaction.request, status), 0.2)
        assert (transaction.state, user.statuses) == (state, [status])
        sent = len(layer.sent)
        layer.advance(31.0)
        assert len(layer.sent) == sent
        assert user.failures == []


class TestInviteProceeding:
    def test_it_waits_as_long_as_the_peer_rings(self) -> None:
        transaction, layer, user = invite()
        for at in (1.0, 2.0, 3.0):
            transaction.receive(response(transaction.request, 180), at)
        layer.advance(1_000.0)
        assert (transaction.state, user.statuses) == (PROCEEDING, [180, 180, 180])
        assert len(layer.timers) == 0

    def test_transport_error_is_not_about_the_invite(self) -> None:
        transaction, _, user = invite()
        transaction.receive(response(transaction.request, 180), 1.0)
        transaction.transport_failed(2.0)
        assert (transaction.state, user.failures) == (PROCEEDING, [])


class TestInviteCompleted:
    def test_the_ack(self) -> None:
        transaction, layer, _ = invite()
        transaction.receive(response(transaction.request, 486), 1.0)
        ack = parse(layer.sent[-1][1])
        assert isinstance(ack, Request)
        original = transaction.request
        assert ack.method == "ACK"
        assert ack.uri == original.uri
        assert ack.get_all("Via") == original.get_all("Via")
        assert ack.get_all("Route") == original.get_all("Route")
        assert ack.get("From") == original.get("From")
        assert ack.get("To") == "<sip:bob@example.com>;tag=bob"
        assert ack.call_id == "call-1"
        assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")
        assert ack.max_forwards == 70

    def test_retransmitted_finals_are_acked_again_and_not_passed_up(self) -> None:
        transaction, layer, user = invite()
        for at in (1.0, 1.5, 2.5):
            transaction.receive(response(transaction.request, 486), at)
        assert len(layer.sent) == 4
        assert len({data for _, data, _ in layer.sent[1:]}) == 1
        assert user.statuses == [486]

    def test_late_provisional_and_2xx_are_ignored(self) -> None:
        transaction, layer, user = invite()
        transaction.receive(response(transaction.request, 486), 1.0)
        transaction.receive(response(transaction.request, 180), 1.1)
        transaction.receive(response(transaction.request, 200), 1.2)
        assert (user.statuses, len(layer.sent), transaction.state) == ([486], 2, COMPLETED)

    def test_timer_d(self) -> None:
        transaction, layer, user = invite()
        transaction.receive(response(transaction.request, 486), 1.0)
        layer.advance(32.99)
        assert transaction.state == COMPLETED
        layer.advance(33.0)
        assert transaction.state is TERMINATED
        assert user.failures == []

    def test_timer_d_is_zero_on_a_reliable_transport(self) -> None:
        transaction, layer, user = invite(TCP)
        transaction.receive(response(transaction.request, 486), 1.0)
        assert transaction.state is TERMINATED
        assert user.statuses == [486]
        assert len(layer.sent) == 2
        assert layer.forgotten == [transaction]

    def test_transport_error_of_the_ack(self) -> None:
        transaction, _, user = invite()
        transaction.receive(response(transaction.request, 486), 1.0)
        transaction.transport_failed(1.1)
        assert (transaction.state, user.failures) == (TERMINATED, ["transport"])


class TestInviteAccepted:
    @pytest.mark.parametrize("hop", [UDP, TCP])
    def test_every_2xx_is_passed_up_until_timer_m(self, hop: Hop) -> None:
        transaction, layer, user = invite(hop)
        transaction.receive(response(transaction.request, 200), 1.0)
        transaction.receive(response(transaction.request, 200), 20.0)
        layer.advance(32.99)
        assert (transaction.state, user.statuses) == (ACCEPTED, [200, 200])
        layer.advance(33.0)
        assert transaction.state is TERMINATED
        assert len(layer.sent) == 1

    def test_the_request_is_not_held_for_as_long_as_the_call(self) -> None:
        transaction, layer, _ = invite()
        transaction.receive(response(transaction.request, 200), 1.0)
        assert hasattr(transaction, "request")  # another 2xx, of a fork, is acknowledged by it
        layer.advance(33.0)
        assert not hasattr(transaction, "request")
        assert transaction.data == b""

    def test_other_responses_and_transport_errors_are_ignored(self) -> None:
        transaction, _, user = invite()
        transaction.receive(response(transaction.request, 200), 1.0)
        transaction.receive(response(transaction.request, 180), 1.1)
        transaction.receive(response(transaction.request, 486), 1.2)
        transaction.transport_failed(1.3)
        assert (transaction.state, user.statuses, user.failures) == (ACCEPTED, [200], [])


class TestNonInvite:
    def test_timer_e_doubles_up_to_t2_until_timer_f(self) -> None:
        transaction, layer, user = bye()
        layer.advance(31.99)
        assert layer.times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert transaction.state == TRYING
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])

    def test_after_a_provisional_timer_e_is_t2_and_f_goes_on(self) -> None:
        transaction, layer, user = bye()
        transaction.receive(response(transaction.request, 100), 0.1)
        assert transaction.state == PROCEEDING
        layer.advance(32.0)
        assert layer.times() == [0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])

    def test_reliable_transport(self) -> None:
        transaction, layer, user = bye(TCP)
        layer.advance(31.0)
        assert layer.times() == [0]
        transaction.receive(response(transaction.request, 200), 31.0)
        assert (transaction.state, user.statuses) == (TERMINATED, [200])

    def test_a_reliable_transport_times_out_too(self) -> None:
        transaction, layer, user = bye(TCP)
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])

    @pytest.mark.parametrize("provisional", [False, True])
    def test_timer_k(self, provisional: bool) -> None:
        transaction, layer, user = bye()
        if provisional:
            transaction.receive(response(request("BYE"), 183), 0.5)
        transaction.receive(response(request("BYE"), 404), 1.0)
        transaction.receive(response(request("BYE"), 404), 1.5)
        transaction.receive(response(request("BYE"), 100), 1.6)
        assert transaction.state == COMPLETED
        assert user.statuses == ([183] if provisional else []) + [404]
        layer.advance(5.99)
        assert transaction.state == COMPLETED
        layer.advance(6.0)
        assert transaction.state is TERMINATED
        assert user.failures == []

    @pytest.mark.parametrize("provisional", [False, True])
    def test_transport_error(self, provisional: bool) -> None:
        transaction, layer, user = bye()
        if provisional:
            transaction.receive(response(transaction.request, 100), 0.1)
        transaction.transport_failed(0.2)
        assert (transaction.state, user.failures) == (TERMINATED, ["transport"])
        assert len(layer.timers) == 0

    def test_transport_error_after_the_final_response_is_ignored(self) -> None:
        transaction, _, user = bye()
        transaction.receive(response(transaction.request, 200), 0.1)
        transaction.transport_failed(0.2)
        assert (transaction.state, user.failures) == (COMPLETED, [])


INVITE_EVENTS = {
    "1xx", "2xx", "300-699", "timer_a", "timer_b", "timer_d", "timer_m", "transport_error",
}  # fmt: skip
NON_INVITE_EVENTS = {"1xx", "200-699", "timer_e", "timer_f", "timer_k", "transport_error"}
LEGAL_TIMERS = {
    (InviteClientTransaction, CALLING): {"timer_a", "timer_b"},
    (InviteClientTransaction, PROCEEDING): set[str](),
    (InviteClientTransaction, ACCEPTED): {"timer_m"},
    (InviteClientTransaction, COMPLETED): {"timer_d"},
    (NonInviteClientTransaction, TRYING): {"timer_e", "timer_f"},
    (NonInviteClientTransaction, PROCEEDING): {"timer_e", "timer_f"},
    (NonInviteClientTransaction, COMPLETED): {"timer_k"},
}


@pytest.mark.parametrize(("machine", "state"), LEGAL_TIMERS)
def test_what_the_network_can_do_has_a_row_and_foreign_timers_are_illegal(
    machine: type[InviteClientTransaction] | type[NonInviteClientTransaction], state: str
) -> None:
    events = INVITE_EVENTS if machine is InviteClientTransaction else NON_INVITE_EVENTS
    timers = LEGAL_TIMERS[machine, state]
    network = {event for event in events if not event.startswith("timer")}
    assert set(machine.TABLE[state]) == network | timers
    for event in events - network - timers:
        transaction = (invite() if machine is InviteClientTransaction else bye())[0]
        transaction.state = state
        with pytest.raises(IllegalEvent, match=event):
            transaction.handle(event, None, 0.0)
        assert transaction.state == state


@pytest.mark.parametrize("event", sorted(INVITE_EVENTS | NON_INVITE_EVENTS))
def test_nothing_is_legal_once_terminated(event: str) -> None:
    for transaction in (invite()[0], bye()[0]):
        transaction.abandon()
        with pytest.raises(IllegalEvent):
            transaction.handle(event, None, 0.0)


def test_abandoning_is_silent() -> None:
    transaction, layer, user = invite()
    transaction.abandon()
    assert len(layer.timers) == 0
    assert layer.forgotten == [transaction]
    assert (user.failures, user.statuses) == ([], [])
