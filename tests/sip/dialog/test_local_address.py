"""How our own address is named to peers."""

import pytest

from sip.dialog.local_address import LocalAddress, LocalAddresses
from sip.message.headers import parse_via

BOTH = LocalAddress({"udp": ("pbx.example.com", 5060), "tcp": ("2001:db8::1", 5061)}, "ringback")


def test_each_transport_has_its_address() -> None:
    assert BOTH.via("udp", "z9hG4bK1") == "SIP/2.0/UDP pbx.example.com:5060;rport;branch=z9hG4bK1"
    assert BOTH.contact("tcp") == "<sip:ringback@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.contact("tcp", "a") == "<sip:a@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.listens("udp")
    assert not LocalAddress({"udp": ("192.0.2.1", 5060)}, "ringback").listens("tcp")


ALL = LocalAddresses({"udp": ("pbx.example.com", 5060), "tls": ("2001:db8::1", 5061)}, "ringback")


@pytest.mark.parametrize(
    ("sent_by", "is_ours"),
    [
        ("UDP pbx.example.com:5060", True),
        ("UDP PBX.example.com", True),  # 5060 is what is meant by none
        ("TLS [2001:db8:0::1]:5061", True),
        ("TLS [2001:db8::1]", True),  # and 5061 over TLS
        ("UDP pbx.example.com:5061", False),
        ("UDP [2001:db8::1]", False),
        ("UDP 192.0.2.1:5060", False),
    ],
)
def test_a_via_is_known_by_host_and_port(sent_by: str, is_ours: bool) -> None:
    via = parse_via(f"SIP/2.0/{sent_by};branch=z9hG4bK1")
    assert ALL.has(via.transport, via.host, via.port) is is_ours


def test_contact_over_tls_says_so() -> None:
    address = ALL.of("192.0.2.9", "")
    assert address.contact("tls") == "<sip:ringback@[2001:db8::1]:5061;transport=tls>"
    assert address.contact("tls", "a", is_secure=True) == "<sips:a@[2001:db8::1]:5061>"
    assert address.via("tls", "z9hG4bK1").startswith("SIP/2.0/TLS [2001:db8::1]:5061;")


def test_trunk_with_addresses_of_its_own() -> None:
    addresses = LocalAddresses({"udp": ("pbx.example.com", 5060)}, "ringback")
    addresses.give("carrier", {"udp": ("192.0.2.1", 5070)}, {"udp": ("2001:db8::1", 5070)})
    assert addresses.of("192.0.2.9", "carrier").host("udp") == "192.0.2.1"
    assert addresses.of("2001:db8::9", "carrier").host("udp") == "2001:db8::1"
    assert addresses.of("192.0.2.9", "another").host("udp") == "pbx.example.com"
    assert addresses.has("UDP", "192.0.2.1", 5070)
    addresses.take_back("carrier")
    assert addresses.of("192.0.2.9", "carrier").host("udp") == "pbx.example.com"
    assert not addresses.has("UDP", "192.0.2.1", 5070)
