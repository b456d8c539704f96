from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.auth.digest import (
    Challenge,
    Credentials,
    DigestClient,
    answer_challenge,
    parse_auth_params,
    parse_challenge,
)
from sip.errors import ChallengeRefused, ParseError
from sip.message.grammar import quote
from sip.message.message import Response
from tests.support.sip import strategies

_MUFASA = Credentials("Mufasa", "Circle of Life")
_BOB = Credentials("bob", "zanzibar")
_NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"


def _proof(
    challenge: Challenge,
    credentials: Credentials,
    method: str,
    uri: str,
    cnonce: str,
    body: bytes = b"",
) -> str:
    value = answer_challenge(
        challenge, credentials, method=method, uri=uri, cnonce=cnonce, nonce_count=1, body=body
    )
    assert value.startswith("Digest ")
    return parse_auth_params(value[7:])["response"]


def test_challenge_parts() -> None:
    assert parse_challenge(
        'Digest realm="atlanta.com, \\"inc\\"", domain="sip:a sip:b", qop="auth, AUTH-int",\t'
        'nonce="f84f=/+", opaque="", stale=TRUE, algorithm=MD5'
    ) == Challenge('atlanta.com, "inc"', "f84f=/+", "", "MD5", ("auth", "auth-int"), True)


def test_challenge_with_realm_and_nonce_only() -> None:
    assert parse_challenge("digest nonce=a , realm = b") == Challenge("b", "a")
    assert parse_challenge('DIGEST\trealm="",nonce="",,stale=maybe') == Challenge("", "")


def test_other_authentication_schemes_are_skipped() -> None:
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
def test_malformed_challenge_is_refused(value: str) -> None:
    with pytest.raises(ParseError):
        parse_challenge(value)


@given(st.dictionaries(strategies.tokens.map(str.lower), strategies.lines))
def test_auth_params_are_read_back(params: dict[str, str]) -> None:
    text = ", ".join(f"{name}={quote(value)}" for name, value in params.items())
    assert parse_auth_params(text) == params


@given(st.text().map(lambda text: f"Digest {text}") | st.text())
def test_challenge_parser_raises_parse_error_only(value: str) -> None:
    try:
        parse_challenge(value)
    except ParseError as error:
        assert error.reason


def test_rfc_2617_3_5() -> None:
    challenge = Challenge("testrealm@host.com", _NONCE, qop=("auth", "auth-int"))
    credentials = Credentials("Mufasa", "Circle Of Life")
    proof = _proof(challenge, credentials, "GET", "/dir/index.html", "0a4f113b")
    assert proof == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "proof"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_3_9_1(algorithm: str, proof: str) -> None:
    challenge = Challenge(
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        algorithm,
        ("auth", "auth-int"),
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    value = answer_challenge(
        challenge, _MUFASA, method="GET", uri="/dir/index.html", cnonce=cnonce, nonce_count=1
    )
    assert parse_auth_params(value[7:]) == {
        "username": "Mufasa",
        "realm": challenge.realm,
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": challenge.nonce,
        "nc": "00000001",
        "cnonce": cnonce,
        "qop": "auth",
        "response": proof,
        "opaque": challenge.opaque,
    }


def test_no_qop_as_in_rfc_2069() -> None:
    challenge = Challenge("testrealm@host.com", _NONCE)
    value = answer_challenge(
        challenge,
        Credentials("Mufasa", "CircleOfLife"),
        method="GET",
        uri="/dir/index.html",
        cnonce="x",
    )
    params = parse_auth_params(value[7:])
    assert params["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert not params.keys() & {"cnonce", "nc", "qop", "algorithm", "opaque"}


# draft-smith-sipping-auth-examples-01, sections 3.1 to 3.3.
@pytest.mark.parametrize(
    ("challenge", "proof"),
    [
        (Challenge("biloxi.com", _NONCE), "bf57e4e0d0bffc0fbaedce64d59add5e"),
        (Challenge("biloxi.com", _NONCE, qop=("auth",)), "89eb0059246c02b2f6ee02c7961d5ea3"),
        (
            Challenge("biloxi.com", _NONCE, algorithm="MD5-sess", qop=("auth",)),
            "e4e4ea61d186d07a92c9e1f6919902e9",
        ),
    ],
)
def test_sip_examples(challenge: Challenge, proof: str) -> None:
    assert _proof(challenge, _BOB, "INVITE", "sip:bob@biloxi.com", "0a4f113b") == proof


def test_auth_int_covers_the_body() -> None:
    challenge = Challenge("r", "n", qop=("auth-int",))
    proofs = {_proof(challenge, _BOB, "INVITE", "sip:h", "c", body) for body in (b"", b"a", b"b")}
    assert len(proofs) == 3
    auth = Challenge("r", "n", qop=("auth",))
    assert _proof(auth, _BOB, "INVITE", "sip:h", "c", b"a") == _proof(
        auth, _BOB, "INVITE", "sip:h", "c"
    )


def test_sha_256_sess_binds_the_cnonce_to_the_secret() -> None:
    plain = Challenge("r", "n", algorithm="SHA-256", qop=("auth",))
    session = Challenge("r", "n", algorithm="SHA-256-SESS", qop=("auth",))
    proofs = {_proof(c, _BOB, "A", "sip:h", n) for c in (plain, session) for n in ("1", "2")}
    assert len(proofs) == 4
    # Without qop, -sess still has to say the cnonce.
    value = answer_challenge(
        Challenge("r", "n", algorithm="MD5-sess"), _BOB, method="A", uri="u", cnonce="c"
    )
    assert parse_auth_params(value[7:])["cnonce"] == "c"


def test_quotes_in_names_are_escaped() -> None:
    value = answer_challenge(
        Challenge('a "b"', "n"), Credentials('o"b', "x"), method="A", uri="u", cnonce="c"
    )
    params = parse_auth_params(value[7:])
    assert (params["realm"], params["username"]) == ('a "b"', 'o"b')


def _challenged(*values: str, header: str = "WWW-Authenticate", status: int = 401) -> Response:
    return Response(status, headers=[(header, value) for value in values])


def _client() -> DigestClient:
    return DigestClient(_BOB, random.Random(1))


def _fields(fields: list[tuple[str, str]]) -> list[tuple[str, dict[str, str]]]:
    return [(name, parse_auth_params(value[7:])) for name, value in fields]


def test_strongest_challenge_of_a_realm_is_answered() -> None:
    response = _challenged(
        'Digest realm="r", nonce="1", algorithm=MD5, qop="auth"',
        'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"',
        'Digest realm="r", nonce="3", algorithm=SHA-999, qop="auth"',
        'Digest realm="r", nonce="4", algorithm=SHA-256, qop="odd"',
        'Digest realm="r',
        "Basic realm=x",
    )
    ((name, params),) = _fields(_client().answer(response, "REGISTER", "sip:h"))
    assert name == "Authorization"
    assert (params["nonce"], params["algorithm"], params["nc"]) == ("2", "SHA-256", "00000001")


def test_first_of_equal_challenges_is_answered() -> None:
    response = _challenged('Digest realm="r", nonce="1"', 'Digest realm="r", nonce="2"')
    ((_, params),) = _fields(_client().answer(response, "A", "sip:h"))
    assert params["nonce"] == "1"


def test_each_realm_and_each_kind_gets_its_answer() -> None:
    response = Response(
        407,
        headers=[
            ("Proxy-Authenticate", 'Digest realm="p1", nonce="1"'),
            ("Proxy-Authenticate", 'Digest realm="p2", nonce="2"'),
            ("WWW-Authenticate", 'Digest realm="p1", nonce="3"'),
        ],
    )
    answers = _fields(_client().answer(response, "INVITE", "sip:h"))
    assert sorted((name, p["realm"], p["nonce"]) for name, p in answers) == [
        ("Authorization", "p1", "3"),
        ("Proxy-Authorization", "p1", "1"),
        ("Proxy-Authorization", "p2", "2"),
    ]


def test_nonce_count_grows_with_each_request() -> None:
    client = _client()
    assert client.authorize("A", "sip:h") == []
    client.answer(_challenged('Digest realm="r", nonce="1", qop="auth"'), "A", "sip:h")
    counts = [_fields(client.authorize("A", "sip:h"))[0][1] for _ in range(2)]
    assert [params["nc"] for params in counts] == ["00000002", "00000003"]
    assert counts[0]["cnonce"] == counts[1]["cnonce"]
    assert counts[0]["response"] != counts[1]["response"]


def test_cnonces_differ() -> None:
    client = _client()
    seen = set()
    for nonce in range(3):
        value = f'Digest realm="r", nonce="{nonce}", qop="auth", stale=true'
        seen.add(_fields(client.answer(_challenged(value), "A", "sip:h"))[0][1]["cnonce"])
    assert len(seen) == 3


def test_refused_credentials_are_not_sent_again() -> None:
    client = _client()
    client.answer(_challenged('Digest realm="r", nonce="1", qop="auth"'), "A", "sip:h")
    with pytest.raises(ChallengeRefused, match="r refused the user name or password"):
        client.answer(_challenged('Digest realm="r", nonce="2", qop="auth"'), "A", "sip:h")


def test_stale_nonce_is_replaced() -> None:
    client = _client()
    client.answer(_challenged('Digest realm="r", nonce="1", qop="auth"'), "A", "sip:h")
    stale = _challenged('Digest realm="r", nonce="2", qop="auth", stale=true')
    ((_, params),) = _fields(client.answer(stale, "A", "sip:h"))
    assert (params["nonce"], params["nc"]) == ("2", "00000001")


def test_server_that_calls_every_nonce_stale_is_refused() -> None:
    client = _client()
    stale = _challenged('Digest realm="r", nonce="1", stale=true')
    with pytest.raises(ChallengeRefused, match="stale"):
        for _ in range(10):
            client.answer(stale, "A", "sip:h")


def test_used_nonce_may_expire_without_stale() -> None:
    client = _client()
    client.answer(_challenged('Digest realm="r", nonce="1", qop="auth"'), "A", "sip:h")
    client.authorize("A", "sip:h")
    expired = _challenged('Digest realm="r", nonce="2", qop="auth"')
    ((_, params),) = _fields(client.answer(expired, "A", "sip:h"))
    assert (params["nonce"], params["nc"]) == ("2", "00000001")
    with pytest.raises(ChallengeRefused):
        client.answer(_challenged('Digest realm="r", nonce="3", qop="auth"'), "A", "sip:h")


def test_number_of_kept_realms_is_bounded() -> None:
    client = _client()
    for number in range(50):
        answers = client.answer(_challenged(f'Digest realm="r{number}", nonce="1"'), "A", "sip:h")
        assert f'realm="r{number}"' in answers[-1][1]
    assert len(client.authorize("A", "sip:h")) == 8


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "no challenge"),
        (("Basic realm=x",), "not Digest"),
        (('Digest realm="r", nonce="1", algorithm=SHA-999',), "SHA-999"),
        (('Digest realm="r", nonce="1", qop="odd"',), "odd"),
        (('Digest realm="r"',), "no nonce"),
    ],
)
def test_unsupported_challenges_are_refused(values: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ChallengeRefused, match=reason):
        _client().answer(_challenged(*values), "A", "sip:h")
    with pytest.raises(ChallengeRefused, match="SHA-999"):
        answer_challenge(
            Challenge("r", "n", algorithm="SHA-999"), _BOB, method="A", uri="u", cnonce="c"
        )


def test_password_is_not_in_the_repr() -> None:
    assert "zanzibar" not in repr(_BOB)
