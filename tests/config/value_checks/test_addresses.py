"""Hosts and ports as an administrator may write them."""

import pytest
from pydantic_core import PydanticCustomError

from config.value_checks.addresses import (
    address_and_port,
    check_certificate_name,
    check_dial_host,
    check_host,
    check_network,
    check_ports,
    check_url_host,
    is_ip_address,
    split_host_port,
)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("127.0.0.1:5060", ("127.0.0.1", 5060)),
        ("[::1]:0", ("::1", 0)),
        ("pbx:65535", ("pbx", 65535)),
    ],
)
def test_host_and_port(text: str, pair: tuple[str, int]) -> None:
    assert split_host_port(text) == pair


@pytest.mark.parametrize(
    "text", ["", "h", ":1", "h:", "h:x", "h:65536", "h:-1", "h:\u0661", "::1:5", "[h]:1", "h: 1"]
)
def test_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        split_host_port(text)


def test_ip_addresses() -> None:
    assert is_ip_address("10.0.0.1")
    assert is_ip_address("fe80::1")
    assert not is_ip_address("10.0.0")
    assert not is_ip_address("localhost")


def test_a_name_server_has_port_53_where_none_is_written() -> None:
    assert address_and_port("192.0.2.1") == ("192.0.2.1", 53)
    assert address_and_port("[2001:db8::1]:54") == ("2001:db8::1", 54)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("PBX.Example", "pbx.example"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_host_is_written_in_one_way(text: str, host: str) -> None:
    assert check_host(text) == host


@pytest.mark.parametrize("text", ["", "a b", "-x", "pbx..example", "x" * 254])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="neither an IP address nor a host name"):
        check_host(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("PBX:5070", "pbx:5070"),
        ("[::1]:5070;transport=TCP", "[::1]:5070;transport=tcp"),
        ("2001:db8::1", "2001:db8::1"),
        ("pbx;transport=tls", "pbx;transport=tls"),
    ],
)
def test_a_dialled_host_may_have_a_port_and_a_transport(text: str, host: str) -> None:
    assert check_dial_host(text) == host


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pbx;transport=ws", "after ';' stands transport"),
        ("pbx:0", "is not a port"),
        ("pbx:65536", "is not a port"),
    ],
)
def test_what_is_no_dialled_host(text: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        check_dial_host(text)


def test_the_host_of_a_url_has_no_parameter() -> None:
    assert check_url_host("crm.example:8443") == "crm.example:8443"
    with pytest.raises(PydanticCustomError, match="neither HOST nor HOST:PORT"):
        check_url_host("crm.example;transport=tcp")


def test_ports_are_narrowed_to_whole_pairs() -> None:
    assert check_ports((10_001, 10_006)) == (10_002, 10_005)
    with pytest.raises(PydanticCustomError, match="holds no pair"):
        check_ports((10_001, 10_002))
    with pytest.raises(PydanticCustomError, match="from 1024 to 65535"):
        check_ports((80, 10_000))


def test_a_network_has_no_bits_beyond_its_prefix() -> None:
    assert check_network("192.0.2.0/24") == "192.0.2.0/24"
    with pytest.raises(PydanticCustomError, match="is not a network"):
        check_network("192.0.2.1/24")


def test_a_certificate_may_be_for_each_host_of_a_domain() -> None:
    assert check_certificate_name("*.Example.com") == "*.example.com"
    with pytest.raises(PydanticCustomError, match="neither an IP address nor a host name"):
        check_certificate_name("pbx.*.com")
