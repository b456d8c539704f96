"""[numbering] and what else says what may be dialled: patterns, short codes, hosts with ports."""

import pytest
from pydantic import ValidationError

from config.numbering import Numbering
from config.sections import Dial, Trunk


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("extension", "["),
        ("short_codes", ["1"]),
        ("short_codes", ["12345678"]),
        ("valid_except", ["44"]),
    ],
)
def test_values_that_cannot_be_meant_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Numbering.model_validate({key: value})


def test_extensions_and_short_codes_are_read_as_written() -> None:
    found = Numbering(extension=r"[1-7]\d{3}", extension_trunks=["pbx"], short_codes=["118118"])
    assert (found.extension, found.short_codes) == (r"[1-7]\d{3}", ["118118"])


def test_the_users_of_a_trunk_are_a_pattern() -> None:
    with pytest.raises(ValidationError):
        Trunk(name="pbx", uri="sip:192.0.2.1", users="(")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("PBX.example", "pbx.example"),
        ("192.0.2.1:5070", "192.0.2.1:5070"),
        ("192.0.2.1:5070;transport=TCP", "192.0.2.1:5070;transport=tcp"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[2001:db8::1]:5061", "[2001:db8::1]:5061"),
    ],
)
def test_hosts_that_may_be_called_have_ports_and_transports(written: str, kept: str) -> None:
    assert Dial(allow_hosts=[written]).allow_hosts == [kept]


@pytest.mark.parametrize("written", ["h:0", "h:70000", "h:x", "h;transport=ws", "", "a b"])
def test_hosts_that_are_none_are_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Dial(allow_hosts=[written])
