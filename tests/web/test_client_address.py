"""Where a request comes from: only what a trusted proxy says counts."""

from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from web.client_address import ClientAddresses, one_network, one_visitor

ADDRESSES = ClientAddresses(["127.0.0.1/32", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", ["198.51.100.7"], "203.0.113.5"),  # says it itself
        ("127.0.0.1", ["6.6.6.6, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
    ],
)
def test_the_address_of_a_visitor(peer: str, forwarded: list[str], address: str) -> None:
    assert str(ADDRESSES.of(peer, forwarded)) == address


def test_a_proxy_that_nobody_has_told_of_is_logged_once() -> None:
    with capture_logs() as logged:
        unknown = ClientAddresses([])
        for peer in ("1.1.1.1", "192.168.0.7", "127.0.0.1"):  # anybody can send the header
            assert str(unknown.of(peer, ["198.51.100.7"])) == peer
        ADDRESSES.of("127.0.0.1", ["198.51.100.7"])
    assert [one["of"] for one in logged] == ["192.168.0.7"]
    assert "web.trusted_proxies" in logged[0]["hint"]


def test_a_visitor_has_a_whole_64_of_ipv6() -> None:
    assert one_visitor(ip_address("2001:db8::1")) == one_visitor(ip_address("2001:db8::ffff"))
    assert one_visitor(ip_address("2001:db8::1")) != one_visitor(ip_address("2001:db8:0:1::1"))
    assert one_network(ip_address("2001:db8::1")) == one_network(ip_address("2001:db8:0:1::1"))
    assert one_visitor(ip_address("192.0.2.1")) != one_visitor(ip_address("192.0.2.2"))
    assert one_network(ip_address("192.0.2.1")) == one_network(ip_address("192.0.2.2"))
