"""Names, templates and headers as an administrator may write them."""

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from config.value_checks.texts import (
    check_header_name,
    check_name,
    check_printable,
    check_secret,
    check_template,
    is_name,
    steers,
)


@pytest.mark.parametrize("text", ["a", "Sales-2", "desk.one_b", "x" * 64])
def test_names(text: str) -> None:
    assert is_name(text) and check_name(text) == text


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "\u00fcber", "x" * 65])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="1 to 64 letters"):
        check_name(text)


def test_a_secret_stands_on_one_line() -> None:
    secret = SecretStr("p w")
    assert check_secret(secret) is secret and check_printable("p w") == "p w"
    with pytest.raises(PydanticCustomError, match="on one line"):
        check_secret(SecretStr("p\nw"))


@pytest.mark.parametrize("text", ["", "call for {to}", "{id} of {context.shop}"])
def test_templates(text: str) -> None:
    assert check_template(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{to", "without its partner"),
        ("{from}", "is not known"),
        ("{context.}", "is not known"),
        ("{to}\n", "on one line"),
    ],
)
def test_what_is_no_template(text: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        check_template(text)


def test_headers_of_the_stack_are_left_to_it() -> None:
    assert check_header_name("X-Shop") == "X-Shop"
    with pytest.raises(PydanticCustomError, match="by the SIP stack"):
        check_header_name("v")
    with pytest.raises(PydanticCustomError, match="is not a header name"):
        check_header_name("X Shop")


def test_who_is_called_is_not_said_by_a_request() -> None:
    assert steers("P-Asserted-Identity", "<sip:{context.who}@pbx>")
    assert not steers("P-Asserted-Identity", "<sip:shop@pbx>")
    assert not steers("X-Shop", "{context.who}")
