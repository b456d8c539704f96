"""Port pairs: even and odd, quarantine, ports taken by others."""

import random
import socket

import pytest

from media.errors import NoPortLeft
from media.ports import PortPool, discard_waiting

HOST = "127.0.0.1"


def free_even_ports(pairs: int) -> int:
    """The first port of a range of free pairs, found by binding them."""
    for _ in range(200):
        first = random.randrange(5000, 15000) * 2
        held = []
        try:
            for port in range(first, first + 2 * pairs):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                held.append(sock)
                sock.bind((HOST, port))
        except OSError:
            continue
        finally:
            for sock in held:
                sock.close()
        return first
    raise AssertionError("no free range of ports")


def pool(pairs: int, *, offset: int = 0) -> tuple[PortPool, int]:
    first = free_even_ports(pairs + 1)
    made = PortPool(
        HOST, first + offset, first + 2 * pairs - 1, quarantine_s=3.0, rng=random.Random(1)
    )
    return made, first


def test_rtp_is_even_and_rtcp_the_next() -> None:
    ports, first = pool(1)
    pair = ports.take()
    assert pair.port == first
    assert pair.rtp.getsockname() == (HOST, first)
    assert pair.rtcp.getsockname() == (HOST, first + 1)
    assert not pair.rtp.getblocking()
    pair.close()


def test_an_odd_first_port_is_left_out() -> None:
    ports, first = pool(2, offset=1)
    assert ports.free == 1
    pair = ports.take()
    assert pair.port == first + 2
    pair.close()


def test_every_pair_is_given_once_and_then_none() -> None:
    ports, first = pool(3)
    pairs = [ports.take() for _ in range(3)]
    assert {pair.port for pair in pairs} == {first, first + 2, first + 4}
    with pytest.raises(NoPortLeft, match="in use"):
        ports.take()
    for pair in pairs:
        pair.close()


def test_quarantine_keeps_the_port_bound_and_counts_what_comes() -> None:
    ports, first = pool(1)
    pair = ports.take()
    ports.give_back(pair, 100.0)
    with pytest.raises(NoPortLeft):
        ports.take()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(3):
        sender.sendto(b"late", (HOST, first))
    sender.sendto(b"late", (HOST, first + 1))
    assert ports.release_due(102.9) == 0
    assert ports.quarantined == 1
    assert ports.release_due(103.0) == 4
    assert (ports.free, ports.quarantined) == (1, 0)
    assert pair.rtp.fileno() == pair.rtcp.fileno() == -1
    ports.take().close()
    sender.close()


def test_what_the_kernel_dropped_in_quarantine_is_counted_too() -> None:
    ports, first = pool(1)
    ports.give_back(ports.take(), 0.0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(1000):
        sender.sendto(bytes(172), (HOST, first))
    assert ports.release_due(3.0) == 1000
    sender.close()


def test_closed_pairs_go_to_the_end_of_the_queue() -> None:
    ports, _ = pool(3)
    taken = ports.take()
    ports.give_back(taken, 0.0)
    ports.release_due(3.0)
    others = [ports.take(), ports.take(), ports.take()]
    assert others[2].port == taken.port
    for pair in others:
        pair.close()


@pytest.mark.parametrize("odd", [0, 1])
def test_a_port_of_another_process_is_passed_over(odd: int) -> None:
    ports, first = pool(2)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((HOST, first + odd))
    pair = ports.take()
    assert pair.port == first + 2
    with pytest.raises(NoPortLeft, match="ddress already in use"):
        ports.take()
    other.close()
    again = ports.take()  # it comes back when the other is gone
    assert again.port == first
    again.close()
    pair.close()


def test_close_lets_go_of_quarantined_sockets() -> None:
    ports, _ = pool(2)
    pair = ports.take()
    ports.give_back(pair, 0.0)
    ports.close()
    assert pair.rtp.fileno() == -1
    assert ports.free == 2


def test_discard_waiting_stops_at_its_limit() -> None:
    ports, first = pool(1)
    pair = ports.take()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(5):
        sender.sendto(b"x", (HOST, first))
    assert discard_waiting(pair.rtp, limit=2) == 2
    assert discard_waiting(pair.rtp) == 3
    sender.close()
    pair.close()
