"""Whose a certificate is (RFC 5922 sections 7.1 and 7.2)."""

from typing import Any

import pytest

from sip.transport.tls.certificate import is_of, names_of


def certificate(*alternatives: tuple[str, str], common_name: str = "cn.example") -> dict[str, Any]:
    made: dict[str, Any] = {"subject": ((("commonName", common_name),),)}
    return {**made, "subjectAltName": alternatives} if alternatives else made


@pytest.mark.parametrize(
    ("alternatives", "names"),
    [
        ((("DNS", "A.example"), ("DNS", "b.example.")), ("a.example", "b.example")),
        ((("URI", "sip:a.example"), ("DNS", "host.example")), ("a.example",)),
        ((("URI", "sip:a.example"), ("URI", "sip:b.example:5061")), ("a.example", "b.example")),
        # A URI of a person, of another scheme, and one that cannot be read.
        ((("URI", "sip:bob@a.example"), ("DNS", "host.example")), ("host.example",)),
        ((("URI", "https://a.example"), ("DNS", "host.example")), ("host.example",)),
        ((("URI", "sips:a.example"), ("DNS", "host.example")), ("host.example",)),
        ((("URI", "sip:[::"), ("DNS", "host.example")), ("host.example",)),
        ((("DNS", "a.example"), ("IP Address", "192.0.2.1")), ("a.example", "192.0.2.1")),
        ((("IP Address", "2001:DB8:0:0:0:0:0:1"),), ("2001:db8::1",)),
        ((("IP Address", " <Invalid> "),), ("<invalid>",)),
        ((("email", "a@a.example"),), ()),
        # Only without a subjectAltName.
        ((), ("cn.example",)),
    ],
)
def test_names(alternatives: tuple[tuple[str, str], ...], names: tuple[str, ...]) -> None:
    assert names_of(certificate(*alternatives)) == names


@pytest.mark.parametrize(
    ("name", "of_it"),
    [
        ("sip.example.com", True),
        ("SIP.example.com.", True),
        ("a.example.net", False),
        ("*.example.net", True),
        ("example.net", False),
        ("2001:db8::0:1", True),
    ],
)
def test_wildcards_match_nothing_but_themselves(name: str, of_it: bool) -> None:
    shown = certificate(
        ("DNS", "sip.example.com"), ("DNS", "*.example.net"), ("IP Address", "2001:DB8::1")
    )
    assert is_of(shown, name) is of_it


def test_no_certificate_is_of_nobody() -> None:
    assert names_of({}) == ()
