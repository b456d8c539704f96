from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.auth.digest import Challenge, parse_auth_params, parse_challenge
from sip.errors import ParseError
from sip.message.grammar import quote
from tests.sip import strategies


def test_parts() -> None:
    assert parse_challenge(
        'Digest realm="atlanta.com, \\"inc\\"", domain="sip:a sip:b", qop="auth, AUTH-int",\t'
        'nonce="f84f=/+", opaque="", stale=TRUE, algorithm=MD5'
    ) == Challenge('atlanta.com, "inc"', "f84f=/+", "", "MD5", ("auth", "auth-int"), True)


def test_least() -> None:
    assert parse_challenge("digest nonce=a , realm = b") == Challenge("b", "a")
    assert parse_challenge('DIGEST\trealm="",nonce="",,stale=maybe') == Challenge("", "")


def test_other_schemes_are_not_ours() -> None:
    for value in ("Basic realm=x", "NoOneKnowsThisScheme opaque-data=here", "", "Bearer"):
        assert parse_challenge(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "Digest",
        "Digest realm=x",
        "Digest nonce=x",
        'Digest realm="x, nonce=y',
        "Digest realm=x nonce=y",
        "Digest realm=x,nonce=y,REALM=z",
        "Digest realm,nonce=y",
        "Digest realm=,nonce=y",
        "Digest =x",
    ],
)
def test_malformed(value: str) -> None:
    with pytest.raises(ParseError):
        parse_challenge(value)


@given(st.dictionaries(strategies.tokens.map(str.lower), strategies.lines))
def test_params_read_back(params: dict[str, str]) -> None:
    text = ", ".join(f"{name}={quote(value)}" for name, value in params.items())
    assert parse_auth_params(text) == params


@given(st.text().map(lambda text: f"Digest {text}") | st.text())
def test_only_parse_error(value: str) -> None:
    try:
        parse_challenge(value)
    except ParseError as error:
        assert error.reason
