"""The marks on the sockets of SIP."""

import socket

import pytest

from sip.transport.socket_options import NO_PROXIES, StreamOptions, mark


@pytest.mark.parametrize(
    ("family", "level", "option"),
    [
        (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS),
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS),
    ],
)
@pytest.mark.parametrize("dscp", [0, 24, 46])
def test_dscp_is_the_upper_six_bits(family: int, level: int, option: int, dscp: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        mark(sock, dscp)
        assert sock.getsockopt(level, option) == dscp << 2


def test_connection_is_marked_and_notices_that_its_peer_is_dead() -> None:
    with StreamOptions(dscp=24).make("ipv4", "127.0.0.1") as sock:
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 24 << 2
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockname()[0] == "127.0.0.1"


def test_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        StreamOptions().make("ipv4", "192.0.2.1")


def test_where_there_are_no_proxies_every_peer_speaks_for_itself() -> None:
    assert not NO_PROXIES.has("192.0.2.9")
    assert NO_PROXIES.client("192.0.2.9", ["198.51.100.1"]) == "192.0.2.9"
