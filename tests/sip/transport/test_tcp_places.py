"""Who has a connection, and who gives way."""

from dataclasses import dataclass, field

import pytest

from sip.hop import Hop
from sip.transport.tcp_places import TcpLimits, TcpPlaces

LIMITS = TcpLimits(
    connections=10,
    connections_per_host=4,
    unknown_connections=6,
    unknown_per_host=3,
    unfinished_bytes=1_000,
)
_port = iter(range(1, 10_000))


@dataclass(eq=False)
class Connection:
    host: str
    is_known: bool = False
    is_accepted: bool = True
    hop: Hop = field(init=False)

    def __post_init__(self) -> None:
        self.hop = Hop("tcp", self.host, next(_port))

    def abort(self, reason: str) -> None:
        raise AssertionError("the transport does that")


class Places:
    def __init__(self) -> None:
        self.places = TcpPlaces(LIMITS)

    def victim(self, host: str, *, is_known: bool = False, is_accepted: bool = True) -> object:
        return self.places.victim_for(host, is_known=is_known, is_accepted=is_accepted, others=0)

    def add(self, host: str, *, is_known: bool = False, proven: bool = False) -> Connection:
        connection = Connection(host, is_known)
        self.places.add_connection(connection)
        if proven:
            self.places.completed(connection)
        return connection

    def remove(self, connection: Connection) -> None:
        self.places.discard(connection)

    def holds(self, connection: Connection, size: int) -> object:
        return self.places.holds(connection, size)


def test_while_there_is_room_nobody_gives_way() -> None:
    places = Places()
    for number in range(6):
        assert places.victim(f"10.0.0.{number}") is None
        places.add(f"10.0.0.{number}")
    assert len(places.places) == 6


def test_the_oldest_half_open_one_gives_way_first_then_the_longest_idle() -> None:
    places = Places()
    first = places.add("10.0.0.1", proven=True)
    second = places.add("10.0.0.2")
    third = places.add("10.0.0.3", proven=True)
    others = [places.add(f"10.0.0.{number}", proven=True) for number in (4, 5, 6)]
    assert places.victim("10.0.0.9") is second
    places.remove(second)
    places.add("10.0.0.7", proven=True)
    assert places.victim("10.0.0.9") is first
    places.places.completed(first)  # it has sent a message again
    assert places.victim("10.0.0.9") is third
    assert others


def test_one_unknown_source_takes_no_place_from_another() -> None:
    places = Places()
    quiet = places.add("10.0.0.1")
    own = [places.add("10.0.0.2") for _ in range(3)]
    assert places.victim("10.0.0.2") is own[0]
    places.remove(own[0])
    assert places.victim("10.0.0.2") is None
    assert quiet


def test_unknown_sources_take_no_place_of_configured_peers() -> None:
    places = Places()
    unknown_sources = [places.add(f"10.0.1.{number}") for number in range(6)]
    for number in range(4):
        assert places.victim(f"192.0.2.{number}", is_known=True) is None
        places.add(f"192.0.2.{number}", is_known=True)
    # Now all ten are taken.
    assert places.victim("192.0.2.9", is_known=True) is unknown_sources[0]
    assert places.victim("192.0.2.9", is_known=True, is_accepted=False) is unknown_sources[0]


def test_configured_peers_never_give_way() -> None:
    places = Places()
    for number in range(10):
        places.add(f"192.0.2.{number}", is_known=True)
    assert places.victim("192.0.2.99", is_known=True) == "refuse"
    assert places.victim("10.0.0.1") == "refuse"
    assert places.places.first_to_give_way() is None


def test_connections_of_one_configured_peer_are_bounded() -> None:
    places = Places()
    made = [places.add("192.0.2.1", is_known=True) for _ in range(4)]
    assert places.victim("192.0.2.1", is_known=True) == "refuse"
    assert places.victim("192.0.2.1", is_known=True, is_accepted=False) is None
    places.remove(made[0])
    assert places.victim("192.0.2.1", is_known=True) is None


def test_what_unknown_sources_leave_unfinished_is_bounded() -> None:
    places = Places()
    first, second = places.add("10.0.0.1"), places.add("10.0.0.2")
    peer = places.add("192.0.2.1", is_known=True)
    assert places.holds(first, 600) is None
    assert places.holds(peer, 60_000) is None
    assert places.holds(second, 600) is first
    places.remove(first)
    assert places.holds(second, 900) is None
    assert places.holds(second, 0) is None


def test_a_place_is_given_back_once() -> None:
    places = Places()
    connection = places.add("10.0.0.1")
    places.remove(connection)
    places.remove(connection)
    assert len(places.places) == 0
    assert places.places._hosts == {}


@pytest.mark.parametrize(
    ("descriptors", "connections", "unknown"),
    [(1_048_576, 2_000, 1_000), (1_024, 256, 128), (20, 16, 8)],
)
def test_most_descriptors_are_left_to_others(
    descriptors: int, connections: int, unknown: int
) -> None:
    limits = TcpLimits.within(descriptors)
    assert (limits.connections, limits.unknown_connections) == (connections, unknown)
