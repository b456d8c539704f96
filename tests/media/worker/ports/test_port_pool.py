"""Port pairs: even and odd, quarantine, ports taken by others."""

import contextlib
import socket

import pytest

from media.errors import NoPortLeft
from media.settings import MediaSettings
from media.worker.ports.port_pool import PortPair, PortPool, discard_waiting
from tests.support.media.ports import HOST, port_pool
from tests.support.ports import free_udp_range


def test_rtp_is_even_and_rtcp_the_next() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    assert pair.port == first
    assert pair.rtp.getsockname() == (HOST, first)
    assert pair.rtcp.getsockname() == (HOST, first + 1)
    assert not pair.rtp.getblocking()
    pair.close()


def test_an_odd_first_port_is_left_out() -> None:
    ports, first = port_pool(2, offset=1)
    assert ports.free == 1
    pair = ports.take_pair()
    assert pair.port == first + 2
    pair.close()


def test_every_pair_is_given_once_and_then_none() -> None:
    ports, first = port_pool(3)
    pairs = [ports.take_pair() for _ in range(3)]
    assert {pair.port for pair in pairs} == {first, first + 2, first + 4}
    with pytest.raises(NoPortLeft, match="in use"):
        ports.take_pair()
    for pair in pairs:
        pair.close()


def test_quarantine_keeps_the_port_bound_and_counts_what_comes() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    ports.give_back(pair, 100.0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(3):
        sender.sendto(b"late", (HOST, first))
    sender.sendto(b"late", (HOST, first + 1))
    assert ports.release_due(102.9) == 0
    assert (ports.free, ports.quarantined) == (0, 1)
    assert ports.release_due(103.0) == 4
    assert (ports.free, ports.quarantined) == (1, 0)
    again = ports.take_pair()
    assert again is pair  # still bound: nobody else could have it in between
    assert ports.release_due(200.0) == 0
    again.close()
    sender.close()


def test_what_the_kernel_dropped_in_quarantine_is_counted_too() -> None:
    ports, first = port_pool(1)
    ports.give_back(ports.take_pair(), 0.0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(1000):
        sender.sendto(bytes(172), (HOST, first))
    assert ports.release_due(3.0) == 1000
    ports.close()
    sender.close()


def test_what_the_last_peer_sends_in_quarantine_is_counted() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind((HOST, 0))
    pair.open_connected().connect(peer.getsockname())
    ports.give_back(pair, 0.0)
    for _ in range(2):
        peer.sendto(bytes(172), (HOST, first))
    assert ports.release_due(3.0) == 2
    ports.close()
    peer.close()


def test_the_next_port_cannot_be_guessed_from_the_last_ones() -> None:
    ports, _ = port_pool(6)
    rounds = set()
    for begun in range(0, 80, 4):
        pairs = [ports.take_pair() for _ in range(6)]
        rounds.add(tuple(pair.port for pair in pairs))
        for pair in sorted(pairs, key=lambda pair: pair.port):
            ports.give_back(pair, begun)
        ports.release_due(begun + 3.0)
    assert len(rounds) > 15, "they come back in another order than they were given in"
    ports.close()


def test_a_pair_that_cannot_be_kept_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports, _first = port_pool(2)
    bad, good = ports.take_pair(), ports.take_pair()
    for pair in (bad, good):
        ports.give_back(pair, 100.0)
    keep = PortPool._keep

    def fail(pool: PortPool, pair: PortPair) -> None:
        if pair is bad:
            raise ValueError("a fault of ours")
        keep(pool, pair)

    monkeypatch.setattr(PortPool, "_keep", fail)
    ports.release_due(103.0)
    assert (ports.free, ports.quarantined) == (1, 0)
    bad.close()
    ports.close()


def test_quarantine_is_cut_short_rather_than_refuse_a_call() -> None:
    ports, _ = port_pool(3)
    pairs = [ports.take_pair(), ports.take_pair()]
    ports.give_back(pairs[1], 0.0)
    ports.give_back(pairs[0], 1.0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"late", (HOST, pairs[1].port))
    fresh = ports.take_pair()
    assert fresh not in pairs  # one that is free goes first
    assert ports.take_pair() is pairs[1]  # then the one that has rested longest
    with pytest.raises(BlockingIOError):
        pairs[1].rtp.recv(1)  # its next call does not get what was sent to the last one
    assert ports.take_pair() is pairs[0]
    with pytest.raises(NoPortLeft, match="in use"):
        ports.take_pair()
    assert ports.release_due(1.5) == 1
    sender.close()
    for pair in (*pairs, fresh):
        pair.close()


def test_no_more_pairs_stay_bound_than_a_few_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.worker.ports.port_pool._KEPT_PAIRS", 1)
    ports, _ = port_pool(3)
    pairs = [ports.take_pair() for _ in range(3)]
    for pair in pairs:
        ports.give_back(pair, 0.0)
    ports.release_due(3.0)
    assert [pair.rtp.fileno() >= 0 for pair in pairs] == [True, False, False]
    assert ports.free == 3
    assert ports.take_pair() is pairs[0]
    pairs[0].close()


def test_a_stock_of_bound_pairs_leaves_out_what_others_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("media.worker.ports.port_pool._KEPT_PAIRS", 2)
    ports, first = port_pool(3)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((HOST, first + 3))
    ports.stock()
    assert ports.free == 3
    with pytest.raises(OSError, match="in use"):
        bind_again(first)
    pairs = [ports.take_pair(), ports.take_pair()]
    assert {pair.port for pair in pairs} == {first, first + 4}
    assert all(pair.connected is not None for pair in pairs)
    other.close()
    for pair in pairs:
        pair.close()


def bind_again(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, port))


def test_one_line_serves_one_call_after_the_other() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for peer in peers:
        peer.bind((HOST, 0))
    line = pair.open_connected()
    line.connect(peers[0].getsockname())
    peers[0].close()
    for _ in range(2):
        with contextlib.suppress(ConnectionRefusedError):
            line.send(b"to nobody")
    assert pair.open_connected() is line
    line.connect(peers[1].getsockname())
    peers[1].sendto(b"waits", (HOST, first))
    assert discard_waiting(line) == 1  # the error of the last call does not hide it
    line.send(b"hello")
    assert peers[1].recv(10) == b"hello"
    peers[1].close()
    pair.close()


def test_nobody_else_can_bind_a_port_that_has_a_line() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    pair.open_connected()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind((HOST, first))
    pair.close()


@pytest.mark.parametrize("odd", [0, 1])
def test_a_port_of_another_process_is_passed_over(odd: int) -> None:
    ports, first = port_pool(2)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((HOST, first + odd))
    pair = ports.take_pair()
    assert pair.port == first + 2
    with pytest.raises(NoPortLeft, match="ddress already in use"):
        ports.take_pair()
    other.close()
    again = ports.take_pair()  # it comes back when the other is gone
    assert again.port == first
    again.close()
    pair.close()


def test_close_closes_quarantined_sockets() -> None:
    ports, _ = port_pool(2)
    pair = ports.take_pair()
    ports.give_back(pair, 0.0)
    ports.close()
    assert pair.rtp.fileno() == -1
    assert ports.free == 2


def test_discard_waiting_stops_at_its_limit() -> None:
    ports, first = port_pool(1)
    pair = ports.take_pair()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(5):
        sender.sendto(b"x", (HOST, first))
    assert discard_waiting(pair.rtp, limit=2) == 2
    assert discard_waiting(pair.rtp) == 3
    sender.close()
    pair.close()


def test_pairs_that_are_set_aside_are_given_to_nobody_else() -> None:
    made, _ = port_pool(8)
    aside = made.set_aside(3)
    taken = [made.take_pair() for _ in range(5)]
    with pytest.raises(NoPortLeft):
        made.take_pair()
    assert len({pair.port for pair in taken} | set(aside)) == 8
    taken += [made.take_aside(port) for port in aside]
    assert sorted(pair.rtp.getsockname()[1] for pair in taken) == sorted(
        pair.port for pair in taken
    )
    for pair in taken:
        pair.close()
    made.close()


def test_at_most_half_of_what_is_free_is_set_aside() -> None:
    made, _ = port_pool(8)
    assert len(made.set_aside(100)) == 4
    assert made.free == 8
    assert made.set_aside(1) == []
    made.close()


def test_what_rests_in_quarantine_is_not_set_aside() -> None:
    made, _ = port_pool(2)
    made.give_back(made.take_pair(), 0.0)
    made.give_back(made.take_pair(), 0.0)
    assert made.set_aside(1) == []
    made.close()


@pytest.mark.parametrize(
    ("host", "level", "option"),
    [
        (HOST, socket.IPPROTO_IP, socket.IP_TOS),
        ("::1", socket.IPPROTO_IPV6, socket.IPV6_TCLASS),
    ],
)
@pytest.mark.parametrize("dscp", [46, 34, 0])
def test_sound_and_reports_are_marked(host: str, level: int, option: int, dscp: int) -> None:
    first = free_udp_range(2)[0]
    pair = PortPool(host, first, first + 1, dscp=dscp).take_pair()
    for sock in (pair.open_connected(), pair.rtp, pair.rtcp):
        assert sock.getsockopt(level, option) == dscp << 2
    pair.close()


def test_sound_is_marked_for_expedited_forwarding_by_default() -> None:
    assert MediaSettings("127.0.0.1", (1024, 1025)).dscp == 46
