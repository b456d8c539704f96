"""Which of our own addresses a peer sees."""

from sip.hop import Hop
from sip.transport.own_addresses import OwnAddresses

PHONE = Hop("udp", "192.0.2.9", 5060)
PROXY = Hop("tcp", "192.0.2.9", 5060)


def test_a_peer_over_udp_sees_the_bound_address_of_its_family() -> None:
    own = OwnAddresses(lambda _peer: None)
    for hop in (
        Hop("udp", "192.0.2.1", 5070),
        Hop("udp", "2001:db8::1", 5060),
        Hop("udp", "192.0.2.2", 5060),
    ):
        own.add_address(hop)
    assert own.towards(PHONE) == Hop("udp", "192.0.2.1", 5070)
    assert own.towards(PHONE._replace(host="2001:db8::9")) == Hop("udp", "2001:db8::1", 5060)


def test_a_peer_over_tcp_sees_our_end_of_its_connection() -> None:
    open_now = {PROXY: ("192.0.2.1", 40001)}
    own = OwnAddresses(open_now.get)
    own.add_address(Hop("tcp", "192.0.2.1", 5060))
    assert own.towards(PROXY) == Hop("tcp", "192.0.2.1", 40001)
    assert own.towards(PROXY._replace(port=5062)) == Hop("tcp", "192.0.2.1", 0)


def test_without_an_address_of_the_family_it_is_not_known() -> None:
    own = OwnAddresses(lambda _peer: None)
    assert own.towards(PHONE) == Hop("udp", "0.0.0.0", 0)
    assert own.towards(Hop("tcp", "2001:db8::9", 5060)) == Hop("tcp", "::", 0)


def test_a_peer_of_a_trunk_without_an_address_of_its_own_sees_the_one_for_all() -> None:
    own = OwnAddresses(lambda _peer: None)
    own.add_address(Hop("udp", "192.0.2.1", 5070))
    assert own.towards(PHONE._replace(local="carrier")) == Hop("udp", "192.0.2.1", 5070)
    own.add_address(Hop("udp", "192.0.2.1", 5080, local="carrier"))
    assert own.towards(PHONE._replace(local="carrier")).port == 5080
