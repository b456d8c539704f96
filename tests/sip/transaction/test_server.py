"""Server transaction machines against exact timers (RFC 3261 17.2, RFC 6026)."""

import pytest

from sip.hop import Hop
from sip.transaction.server import (
    ACCEPTED,
    COMPLETED,
    CONFIRMED,
    PROCEEDING,
    TRYING,
    InviteServerTransaction,
    NonInviteServerTransaction,
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


def invite(hop: Hop = UDP) -> tuple[InviteServerTransaction, RecordingLayer, RecordingUser]:
    layer, user = RecordingLayer(), RecordingUser()
    transaction = InviteServerTransaction(layer, "key", request(), hop)
    transaction.user = user
    return transaction, layer, user


def bye(hop: Hop = UDP) -> tuple[NonInviteServerTransaction, RecordingLayer, RecordingUser]:
    layer, user = RecordingLayer(), RecordingUser()
    transaction = NonInviteServerTransaction(layer, "key", request("BYE"), hop)
    transaction.user = user
    return transaction, layer, user


def answer(transaction: InviteServerTransaction | NonInviteServerTransaction, status: int) -> None:
    transaction.respond(response(transaction.request, status), 0.0)


class TestInviteProceeding:
    def test_a_retransmitted_invite_gets_the_last_provisional(self) -> None:
        transaction, layer, _ = invite()
        transaction.receive(request(), 0.1)
        assert layer.sent == []
        answer(transaction, 100)
        answer(transaction, 180)
        transaction.receive(request(), 0.5)
        assert [data[8:11] for _, data, _ in layer.sent] == [b"100", b"180", b"180"]
        assert transaction.state == PROCEEDING
        assert len(layer.timers) == 0

    def test_a_stray_ack_is_ignored(self) -> None:
        transaction, _, user = invite()
        transaction.receive(request("ACK"), 0.1)
        assert (transaction.state, user.acks) == (PROCEEDING, [])

    def test_transport_error_is_reported_and_survived(self) -> None:
        transaction, _, user = invite()
        transaction.transport_failed(0.1)
        assert (transaction.state, user.failures) == (PROCEEDING, ["transport"])


class TestInviteCompleted:
    def test_timer_g_doubles_up_to_t2_until_timer_h(self) -> None:
        transaction, layer, user = invite()
        answer(transaction, 486)
        layer.advance(31.99)
        assert layer.times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert transaction.state == COMPLETED
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])
        assert layer.forgotten == [transaction]

    def test_a_reliable_transport_retransmits_nothing_but_times_out(self) -> None:
        transaction, layer, user = invite(TCP)
        answer(transaction, 486)
        layer.advance(32.0)
        assert layer.times() == [0]
        assert (transaction.state, user.failures) == (TERMINATED, ["timeout"])

    def test_a_retransmitted_invite_gets_the_final_response(self) -> None:
        transaction, layer, _ = invite()
        answer(transaction, 486)
        transaction.receive(request(), 0.1)
        assert [(data[8:11], again) for _, data, again in layer.sent] == [
            (b"486", False),
            (b"486", True),
        ]

    def test_transport_error_is_reported_and_the_timers_go_on(self) -> None:
        transaction, layer, user = invite()
        answer(transaction, 486)
        transaction.transport_failed(0.1)
        assert (transaction.state, user.failures) == (COMPLETED, ["transport"])
        layer.advance(32.0)
        assert transaction.state is TERMINATED


class TestInviteConfirmed:
    def test_the_ack_stops_g_and_h_and_timer_i_absorbs(self) -> None:
        transaction, layer, user = invite()
        answer(transaction, 486)
        transaction.receive(request("ACK"), 0.2)
        assert transaction.state == CONFIRMED
        transaction.receive(request("ACK"), 0.3)
        transaction.receive(request(), 0.4)
        transaction.transport_failed(0.5)
        layer.advance(5.19)
        assert transaction.state == CONFIRMED
        layer.advance(5.2)
        assert transaction.state is TERMINATED
        assert len(layer.sent) == 1
        assert (user.failures, user.acks) == ([], [])

    def test_timer_i_is_zero_on_a_reliable_transport(self) -> None:
        transaction, layer, _ = invite(TCP)
        answer(transaction, 486)
        transaction.receive(request("ACK"), 0.2)
        assert transaction.state is TERMINATED
        assert len(layer.timers) == 0


class TestInviteAccepted:
    @pytest.mark.parametrize("hop", [UDP, TCP])
    def test_timer_l_and_nothing_is_retransmitted_by_the_machine(self, hop: Hop) -> None:
        transaction, layer, user = invite(hop)
        answer(transaction, 200)
        transaction.receive(request(), 0.5)
        layer.advance(31.99)
        assert transaction.state == ACCEPTED
        assert len(layer.sent) == 1
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, [])

    def test_the_user_may_send_the_2xx_again(self) -> None:
        transaction, layer, _ = invite()
        ok = response(transaction.request, 200)
        transaction.respond(ok, 0.0)
        transaction.respond(ok, 0.5)
        assert [again for _, _, again in layer.sent] == [False, True]
        assert layer.sent[0][1] == layer.sent[1][1]

    def test_an_ack_of_the_same_branch_is_passed_up(self) -> None:
        transaction, _, user = invite()
        answer(transaction, 200)
        transaction.receive(request("ACK"), 0.1)
        assert len(user.acks) == 1
        assert transaction.state == ACCEPTED

    def test_transport_error_is_reported(self) -> None:
        transaction, _, user = invite()
        answer(transaction, 200)
        transaction.transport_failed(0.1)
        assert (transaction.state, user.failures) == (ACCEPTED, ["transport"])


class TestNonInvite:
    def test_retransmissions_before_any_response_are_absorbed(self) -> None:
        transaction, layer, _ = bye()
        transaction.receive(request("BYE"), 0.5)
        transaction.transport_failed(0.6)
        assert (transaction.state, layer.sent) == (TRYING, [])

    def test_provisional_then_final(self) -> None:
        transaction, layer, _ = bye()
        answer(transaction, 100)
        assert transaction.state == PROCEEDING
        transaction.receive(request("BYE"), 0.5)
        answer(transaction, 183)
        answer(transaction, 200)
        assert [data[8:11] for _, data, _ in layer.sent] == [b"100", b"100", b"183", b"200"]
        assert transaction.state == COMPLETED

    def test_timer_j(self) -> None:
        transaction, layer, user = bye()
        answer(transaction, 200)
        for at in (0.5, 31.0):
            layer.now = at
            transaction.receive(request("BYE"), at)
        layer.advance(31.99)
        assert transaction.state == COMPLETED
        assert len(layer.sent) == 3
        layer.advance(32.0)
        assert (transaction.state, user.failures) == (TERMINATED, [])

    def test_timer_j_is_zero_on_a_reliable_transport(self) -> None:
        transaction, layer, _ = bye(TCP)
        answer(transaction, 200)
        assert transaction.state is TERMINATED
        assert len(layer.timers) == 0

    @pytest.mark.parametrize("status", [100, 200])
    def test_transport_error_ends_it(self, status: int) -> None:
        transaction, _, user = bye()
        answer(transaction, status)
        transaction.transport_failed(0.1)
        assert (transaction.state, user.failures) == (TERMINATED, ["transport"])


class TestLostConnection:
    """The connection that the INVITE came by is gone (RFC 3261 18.2.2)."""

    def test_later_responses_go_to_the_port_in_via(self) -> None:
        transaction, layer, user = invite(TCP._replace(port=40_000))
        answer(transaction, 180)
        transaction.transport_failed(0.1)
        assert transaction.hop == TCP._replace(port=5062)
        assert (len(layer.sent), user.failures) == (1, [])
        answer(transaction, 200)
        assert transaction.state == ACCEPTED

    def test_a_refusal_without_ack_is_sent_again_once(self) -> None:
        transaction, layer, user = invite(TCP._replace(port=40_000))
        answer(transaction, 486)
        transaction.transport_failed(0.1)
        assert [data[8:11] for _, data, _ in layer.sent] == [b"486", b"486"]
        transaction.transport_failed(0.2)
        assert (len(layer.sent), user.failures) == (2, ["transport"])
        layer.advance(32.0)
        assert transaction.state == TERMINATED

    def test_other_requests_are_not_moved(self) -> None:
        transaction, layer, _ = bye(TCP._replace(port=40_000))
        transaction.transport_failed(0.1)
        assert (transaction.state, layer.sent) == (TRYING, [])


@pytest.mark.parametrize(
    ("state", "statuses"),
    [(ACCEPTED, (180, 486)), (COMPLETED, (180, 200, 486)), (CONFIRMED, (180, 200, 486))],
)
def test_no_other_response_after_a_final_one_to_invite(
    state: str, statuses: tuple[int, ...]
) -> None:
    for status in statuses:
        transaction, _, _ = invite()
        transaction.state = state
        with pytest.raises(IllegalEvent):
            answer(transaction, status)


@pytest.mark.parametrize("status", [100, 200, 404])
def test_no_other_response_after_a_final_one_to_other_methods(status: int) -> None:
    transaction, _, _ = bye()
    answer(transaction, 200)
    with pytest.raises(IllegalEvent):
        answer(transaction, status)


TIMERS = {
    (InviteServerTransaction, PROCEEDING): set[str](),
    (InviteServerTransaction, ACCEPTED): {"timer_l"},
    (InviteServerTransaction, COMPLETED): {"timer_g", "timer_h"},
    (InviteServerTransaction, CONFIRMED): {"timer_i"},
    (NonInviteServerTransaction, TRYING): set[str](),
    (NonInviteServerTransaction, PROCEEDING): set[str](),
    (NonInviteServerTransaction, COMPLETED): {"timer_j"},
}


@pytest.mark.parametrize(("machine", "state"), TIMERS)
def test_what_the_network_can_do_has_a_row_and_foreign_timers_are_illegal(
    machine: type[InviteServerTransaction] | type[NonInviteServerTransaction], state: str
) -> None:
    invites = machine is InviteServerTransaction
    network = {"INVITE", "ACK", "transport_error"} if invites else {"request", "transport_error"}
    rows = {event for event in machine.TABLE[state] if not event.startswith("send")}
    assert rows == network | TIMERS[machine, state]
    for event in {f"timer_{letter}" for letter in "ghijl"} - TIMERS[machine, state]:
        transaction = (invite() if invites else bye())[0]
        transaction.state = state
        with pytest.raises(IllegalEvent, match=event):
            transaction.handle(event, None, 0.0)


def test_nothing_is_legal_once_terminated() -> None:
    for transaction in (invite()[0], bye()[0]):
        transaction.abandon()
        with pytest.raises(IllegalEvent):
            transaction.receive(request("INVITE"), 0.0)
        with pytest.raises(IllegalEvent):
            answer(transaction, 200)
