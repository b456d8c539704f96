"""Hosts are permitted with ports and transports, and URIs without what steers them elsewhere."""

import pytest

from engine.routing.permitted_host import PermittedHost, place_of, sip_uri, steering_parameter
from sip.errors import ParseError


@pytest.mark.parametrize(
    ("entry", "uri", "transport", "may"),
    [
        ("pbx.example", "sip:x@pbx.example", "udp", True),
        ("pbx.example", "sip:x@pbx.example:5090", "udp", True),
        ("pbx.example", "sip:x@pbx.example:22", "udp", False),
        ("pbx.example", "sip:x@pbx.example:53", "udp", False),
        ("pbx.example", "sip:x@pbx.example", "tcp", True),
        ("pbx.example", "sip:x@pbx.example:6379", "tcp", False),
        ("pbx.example", "sip:x@other.example", "udp", False),
        ("pbx.example:22", "sip:x@pbx.example:22", "udp", True),
        ("pbx.example:5070", "sip:x@pbx.example", "udp", False),
        ("pbx.example:5070;transport=tcp", "sip:x@pbx.example:5070", "udp", False),
        ("pbx.example:5070;transport=tcp", "sip:x@pbx.example:5070", "tcp", True),
        ("pbx.example;transport=tcp", "sip:x@pbx.example:6379", "tcp", True),
        ("::1", "sip:x@[::1]:5080", "udp", True),
        ("[::1]:5080", "sip:x@[::1]:5081", "udp", False),
    ],
)
def test_where_a_uri_may_lead(entry: str, uri: str, transport: str, may: bool) -> None:
    assert PermittedHost.read(entry).permits(sip_uri(uri), transport) is may


def test_two_spellings_of_one_place() -> None:
    one = place_of(sip_uri("sip:alice@192.0.2.1"))
    assert one == place_of(sip_uri("sip:alice@192.000.002.001:5060;transport=UDP"))
    assert one != place_of(sip_uri("sip:alice@192.0.2.1;transport=tcp"))
    with pytest.raises(ParseError):
        sip_uri("tel:+442079460123")


def test_parameters_that_could_change_who_is_called() -> None:
    trunk = sip_uri("sip:192.0.2.1;line=7")
    for harmless in ("", ";transport=udp", ";user=phone", ";line=3"):
        uri = sip_uri(f"sip:alice@192.0.2.1{harmless}")
        assert steering_parameter(uri) is None
        assert steering_parameter(uri, trunk) is None
    assert steering_parameter(sip_uri("sip:a@h;tgrp=x")) == "tgrp"
    assert steering_parameter(sip_uri("sip:a@h;x-y=1")) is None
    assert steering_parameter(sip_uri("sip:a@h;x-y=1"), trunk) == "x-y"
