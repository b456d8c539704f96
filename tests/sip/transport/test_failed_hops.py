"""What failed a moment ago is tried last."""

from sip.hop import Hop
from sip.transport.failed_hops import REST_S, FailedHops

A, B, C = (Hop("udp", f"192.0.2.{number}", 5060) for number in (1, 2, 3))


def test_what_failed_is_last_for_a_while() -> None:
    resting = FailedHops()
    resting.failed(A, 0.0)
    assert resting.last([A, B, C], 1.0) == (B, C, A)
    assert resting.last([A, B, C], REST_S) == (A, B, C)


def test_where_all_failed_the_order_stays() -> None:
    resting = FailedHops()
    for hop in (A, B):
        resting.failed(hop, 0.0)
    assert resting.last([A, B], 1.0) == (A, B)


def test_a_peer_may_say_for_how_long() -> None:
    resting = FailedHops()
    resting.failed(A, 0.0, 300.0)
    assert resting.is_resting(A, 299.0)
    assert not resting.is_resting(A, 300.0)


def test_the_memory_is_bounded() -> None:
    resting = FailedHops()
    for number in range(5_000):
        resting.failed(Hop("udp", "192.0.2.1", number), 0.0)
    assert len(resting._until) == 1_000
    assert resting.is_resting(Hop("udp", "192.0.2.1", 4_999), 1.0)
