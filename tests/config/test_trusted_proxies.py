"""Where a client is: only what a trusted proxy says of it counts."""

import pytest

from config.trusted_proxies import TrustedProxies

PROXIES = TrustedProxies(["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/64"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.7"], "203.0.113.5"),  # says it itself
        ("127.0.0.2", ["198.51.100.7"], "127.0.0.2"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7:4711"], "127.0.0.1"),
        ("127.0.0.1", ["[2001:db8:1::1]"], "2001:db8:1::1"),
        ("2001:db8::2", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("fe80::1%eth0", [], "fe80::1"),
    ],
)
def test_the_address_of_a_client(peer: str, forwarded: list[str], client: str) -> None:
    assert str(PROXIES.client(peer, forwarded)) == client


def test_who_is_a_proxy() -> None:
    assert PROXIES.has("10.9.8.7") and PROXIES.has("::ffff:127.0.0.1")
    assert not PROXIES.has("198.51.100.7") and not PROXIES.has("2001:db8:0:1::1")
    assert not TrustedProxies([]).has("127.0.0.1")
