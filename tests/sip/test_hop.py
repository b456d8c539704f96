"""Which URIs name a transport address without a look-up (RFC 3263 section 4)."""

import pytest

from sip.hop import Hop, is_numeric, numeric_hop
from sip.message.uri import parse_uri


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@192.0.2.1", Hop("udp", "192.0.2.1", 5060)),
        ("sip:192.0.2.1:99;transport=tcp", Hop("tcp", "192.0.2.1", 99)),
        ("sip:192.0.2.1;transport=TCP", Hop("tcp", "192.0.2.1", 5060)),
        ("sip:a@[2001:db8::1]:5062", Hop("udp", "2001:db8::1", 5062)),
        ("sip:a@example.com;maddr=192.0.2.9", Hop("udp", "192.0.2.9", 5060)),
        ("sip:a@example.com", None),
        ("sip:a@192.0.2.1;maddr=example.com", None),
        ("tel:+441234", None),
        ("sip:a@192.0.2.1:5062;transport=tls", Hop("tls", "192.0.2.1", 5062)),
        ("sip:a@192.0.2.1;transport=TLS", Hop("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1", Hop("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1:5060;transport=tcp", Hop("tls", "192.0.2.1", 5060)),
        ("sips:a@192.0.2.1;transport=udp", None),
        ("sip:a@192.0.2.1;transport=ws", None),
        # As the kernel says it, for what comes from there.
        ("sip:a@192.000.002.010", Hop("udp", "192.0.2.10", 5060)),
        ("sip:[2001:DB8:0:0:0:0:0:1]:5070", Hop("udp", "2001:db8::1", 5070)),
        ("sip:a@example.com;maddr=[0::1]", Hop("udp", "::1", 5060)),
    ],
)
def test_numeric_hop(uri: str, hop: Hop | None) -> None:
    assert numeric_hop(parse_uri(uri)) == hop


@pytest.mark.parametrize("host", ["", "a", "a.1x", "x y", "1.2.3", "[::1"])
def test_not_numeric(host: str) -> None:
    assert not is_numeric(host)
