"""What peers are told of where we are."""

from sip.whereabouts import Whereabouts

BOTH = Whereabouts({"udp": ("pbx.example.com", 5060), "tcp": ("2001:db8::1", 5061)}, "ringback")


def test_each_transport_has_its_address() -> None:
    assert BOTH.via("udp", "z9hG4bK1") == "SIP/2.0/UDP pbx.example.com:5060;rport;branch=z9hG4bK1"
    assert BOTH.contact("tcp") == "<sip:ringback@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.contact("tcp", "a") == "<sip:a@[2001:db8::1]:5061;transport=tcp>"
    assert BOTH.listens("udp")
    assert not Whereabouts({"udp": ("192.0.2.1", 5060)}, "ringback").listens("tcp")
