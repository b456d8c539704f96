"""How our own address is named to peers."""

import pytest

from sip.dialog.local_address import LocalAddress
from sip.message.headers import parse_via

BOTH = LocalAddress({"udp": ("pbx.example.com", 5060), "tcp": ("2001:db8::1", 5061)}, "ringback")


def test_each_transport_has_its_address() -> None:
    assert BOTH.via("udp", "z9hG4bK1") == "SIP/2.0/UDP pbx.example.com:5060;rport;branch=z9hG4bK1"
    assert BOTH.contact("tcp") == "<sip:ringback@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.contact("tcp", "a") == "<sip:a@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.listens("udp")
    assert not LocalAddress({"udp": ("192.0.2.1", 5060)}, "ringback").listens("tcp")


@pytest.mark.parametrize(
    ("sent_by", "is_ours"),
    [
        ("pbx.example.com:5060", True),
        ("PBX.example.com", True),  # 5060 is what is meant by none
        ("[2001:db8:0::1]:5061", True),
        ("pbx.example.com:5061", False),
        ("[2001:db8::1]", False),
        ("192.0.2.1:5060", False),
    ],
)
def test_a_via_is_known_by_host_and_port(sent_by: str, is_ours: bool) -> None:
    assert BOTH.sent(parse_via(f"SIP/2.0/UDP {sent_by};branch=z9hG4bK1")) is is_ours
