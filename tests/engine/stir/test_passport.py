"""Identity headers: what is read of them, and whether they are about this call."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stir.passport import (
    MAX_HEADER_CHARS,
    Claims,
    Parties,
    canonical_number,
    canonical_uri,
    check_claims,
    identities,
    is_shaken,
    read_passport,
)
from engine.stir.verdict import VerificationFailed
from sip.message.message import Request
from sip.message.uri import parse_uri
from tests.support.stir import CALLER, NOW, SHOP, URL, Carrier, encoded, new_key, signed_token

CARRIER = Carrier()
PARTIES = Parties({CALLER, "sip:alice@pbx"}, {SHOP, "sip:shop@here"})


def failure(value: str) -> str:
    with pytest.raises(VerificationFailed) as caught:
        read_passport(value)
    return caught.value.reason


def claims(**changes: Any) -> Claims:
    return read_passport(CARRIER.identity(**changes)).claims


def refusal(given: Claims, now: float = NOW) -> str | None:
    try:
        check_claims(given, PARTIES, now, 60.0)
    except VerificationFailed as failed:
        return failed.reason
    return None


def test_a_passport_is_read() -> None:
    value = CARRIER.identity(attest="B")
    passport = read_passport(value)
    assert passport.claims.attest == "B" and passport.url == URL
    assert value.startswith(passport.signed.decode()) and len(passport.signature) == 64


@pytest.mark.parametrize(
    "params",
    [
        ";info=<{}>;alg=ES256;ppt=shaken",
        ' ; info = <{}> ; ppt = "shaken"',
        ";ppt=SHAKEN;alg=ES256;info=<{}>",
        ';info=<{}>;alg="ES256";ppt="shaken";canon="x"',
    ],
)
def test_spellings_of_the_parameters(params: str) -> None:
    token = CARRIER.identity().partition(";")[0]
    value = token + params.format(URL)
    assert is_shaken(value)
    assert read_passport(value).claims.origid


@pytest.mark.parametrize(
    "value", ["", "x", "a.b.c;info=<https://h>;ppt=div", "a.b.c;info=<https://h>", ";ppt=rph"]
)
def test_others_are_not_ours(value: str) -> None:
    assert not is_shaken(value)


def test_the_identities_of_an_invite() -> None:
    ours = CARRIER.identity()
    request = Request("INVITE", parse_uri("sip:a@b"))
    for value in ["a.b.c;ppt=div", ours, *["x"] * 20, ours]:
        request.add_field("y", value)
    assert identities(request) == [ours]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * (MAX_HEADER_CHARS + 1), "too_large"),
        (f"..{encoded(b'x' * 64)};info=<{URL}>;alg=ES256;ppt=shaken", "compact_form"),
        ("a.b;ppt=shaken", "malformed"),
        ("a.b.c.d;ppt=shaken", "malformed"),
        ("=.=.=;ppt=shaken", "malformed"),
        ("a.b.c;ppt=shaken", "malformed"),
        (f"a.b.c;info=<{URL}>;ppt=shaken", "malformed"),
        (f"a.b.c;info=<{URL}>;info=<{URL}>;ppt=shaken", "malformed"),
        (f"a.b.c;info={URL};ppt=shaken", "malformed"),
        (f"a.b.c;info=<https://{'h' * 600}>;ppt=shaken", "malformed"),
        (f'a.b.c;info=<{URL}>;ppt=shaken;x="', "malformed"),
    ],
)
def test_what_is_no_passport(value: str, reason: str) -> None:
    assert failure(value) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"alg": "none"}, "unsupported"),
        ({"alg": "HS256"}, "unsupported"),
        ({"alg": "RS256"}, "unsupported"),
        ({"typ": "JWT"}, "malformed"),
        ({"ppt": "div"}, "malformed"),
        ({"ppt": None}, "malformed"),
        ({"x5u": None}, "malformed"),
        ({"attest": "D"}, "malformed"),
        ({"attest": None}, "malformed"),
        ({"origid": None}, "malformed"),
        ({"origid": ""}, "malformed"),
        ({"iat": str(int(NOW))}, "malformed"),
        ({"iat": NOW + 0.5}, "malformed"),
        ({"iat": None}, "malformed"),
        ({"orig": CALLER}, "malformed"),
        ({"orig": {"tn": [CALLER]}}, "malformed"),
        ({"dest": {"tn": SHOP}}, "malformed"),
        ({"dest": None}, "malformed"),
    ],
)
def test_what_a_passport_has_to_be(changes: dict[str, Any], reason: str) -> None:
    assert failure(CARRIER.identity(**changes)) == reason


def test_the_certificate_is_one_and_the_algorithm_is_one() -> None:
    value = CARRIER.identity()
    assert failure(value.replace(f"<{URL}>", "<https://elsewhere.example/x.pem>")) == "malformed"
    assert failure(value.replace("alg=ES256", "alg=RS256")) == "unsupported"


def test_json_that_is_nested_without_end() -> None:
    deep = encoded(b'{"alg":"ES256","typ":"passport","ppt":"shaken","x5u":"u","z":' + b"[" * 2500)
    assert failure(f"{deep}.e30.{encoded(b'x' * 64)};info=<u>;ppt=shaken") == "malformed"


def test_a_signature_of_another_size() -> None:
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
    token = signed_token(header, msgspec.to_builtins(claims()), new_key())
    for signature in ("", "AAAA", encoded(b"x" * 65)):
        value = f"{token.rpartition('.')[0]}.{signature};info=<{URL}>;ppt=shaken"
        assert failure(value) == "malformed"


class TestClaims:
    def test_what_is_about_this_call(self) -> None:
        assert refusal(claims()) is None

    @pytest.mark.parametrize("late_s", [61, 3600, 10**8, -61, -(10**8)])
    def test_a_signature_that_is_old_or_of_the_future(self, late_s: int) -> None:
        assert refusal(claims(iat=int(NOW) - late_s)) == "stale"

    @pytest.mark.parametrize("late_s", [0, 60, -60])
    def test_a_signature_that_is_fresh(self, late_s: int) -> None:
        assert refusal(claims(iat=int(NOW) - late_s)) is None

    @pytest.mark.parametrize("tn", ["+44 20 7946-1111", "44.2079461111", "(44)2079461111"])
    def test_numbers_are_compared_without_what_is_for_the_eye(self, tn: str) -> None:
        assert refusal(claims(orig={"tn": tn})) is None

    @pytest.mark.parametrize(
        "orig", [{"tn": "442079462222"}, {"tn": ""}, {}, {"tn": "x"}, {"uri": "sip:eve@pbx"}]
    )
    def test_another_caller(self, orig: dict[str, str]) -> None:
        assert refusal(claims(orig=orig)) == "orig_mismatch"

    @pytest.mark.parametrize("dest", [{"tn": ["442079469999"]}, {"tn": []}, {}, {"tn": ["", "x"]}])
    def test_another_called_party(self, dest: dict[str, list[str]]) -> None:
        assert refusal(claims(dest=dest)) == "dest_mismatch"

    def test_one_of_several_called_parties(self) -> None:
        assert refusal(claims(dest={"tn": ["442079469999", SHOP]})) is None

    def test_uris_instead_of_numbers(self) -> None:
        uris = claims(orig={"uri": "sip:alice@PBX:5060;x=y"}, dest={"uri": ["sips:shop@here"]})
        assert refusal(uris) is None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("+44 (20) 7946-1111", CALLER), ("*100#", "*100#"), ("alice", ""), ("", ""), ("9" * 40, "")],
)
def test_numbers(text: str, canonical: str) -> None:
    assert canonical_number(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("sip:a@H:5070;x?y=z", "sip:a@h"), ("sip:h", "sip:@h"), ("tel:+1", ""), ("::", "")],
)
def test_uris(text: str, canonical: str) -> None:
    assert canonical_uri(text) == canonical


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=200))
def test_nothing_makes_it_raise_anything_else(text: str) -> None:
    is_shaken(text)
    spoilt = encoded(text.encode(errors="surrogatepass"))
    for value in (text, f"a.b.c;info=<u>;{text}", f"{spoilt}.e30.AA;info=<u>"):
        try:
            read_passport(value)
        except VerificationFailed as failed:
            assert failed.reason
