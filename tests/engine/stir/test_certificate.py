"""Certificates that sign calls: whose, for which numbers, and until when."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from engine.stir.certificate import TrustError, TrustStore, read_tn_auth_list
from engine.stir.passport import read_passport
from engine.stir.verdict import VerificationFailed
from tests.support.stir import CALLER, NOW, SPC, Carrier, certificate, new_key, pem_of, tn_auth_list

CARRIER = Carrier()
TRUST = TrustStore([CARRIER.root])


def refused(pem: bytes, now: float = NOW, trust: TrustStore = TRUST) -> str:
    with pytest.raises(VerificationFailed) as caught:
        trust.check(pem, now)
    return caught.value.reason


def usage(**given: bool) -> tuple[x509.ExtensionType, bool]:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: given.get(name, False) for name in names.split()}), True


def test_a_certificate_of_a_trusted_issuer() -> None:
    found = TRUST.check(CARRIER.pem, NOW)
    assert found.numbers is None
    assert found.not_after == pytest.approx(NOW + 30 * 86400, abs=1)


def test_the_signature_of_a_passport() -> None:
    found = TRUST.check(CARRIER.pem, NOW)
    passport = read_passport(CARRIER.identity())
    found.check(passport.signed, passport.signature, CALLER)
    for signed, signature in (
        (passport.signed + b"x", passport.signature),
        (passport.signed, bytes(64)),
        (passport.signed, b"\xff" * 64),
        (passport.signed, read_passport(CARRIER.identity(key=new_key())).signature),
    ):
        with pytest.raises(VerificationFailed) as caught:
            found.check(signed, signature, CALLER)
        assert caught.value.reason == "signature"


def test_its_issuer_has_to_be_there_and_trusted() -> None:
    assert refused(pem_of(CARRIER.certificate)) == "certificate_untrusted"
    stranger = Carrier()
    assert refused(stranger.pem) == "certificate_untrusted"
    assert refused(stranger.pem + pem_of(stranger.root)) == "certificate_untrusted"


@pytest.mark.parametrize("days", [-2, 31])
def test_it_holds_for_its_time(days: int) -> None:
    assert refused(CARRIER.pem, NOW + days * 86400) == "certificate_untrusted"


def test_it_ends_with_its_issuer() -> None:
    issuer = certificate(
        "STI Issuer", CARRIER.issuer_key, CARRIER.root, CARRIER.root_key, is_issuer=True,
        days=(-1, 5),
    )  # fmt: skip
    found = TRUST.check(pem_of(CARRIER.certificate, issuer), NOW)
    assert found.not_after == pytest.approx(NOW + 5 * 86400, abs=1)


def test_who_may_only_sign_issues_nothing() -> None:
    key = new_key()
    forged = certificate("x", key, CARRIER.certificate, CARRIER.key, extensions=[tn_auth_list()])
    assert refused(pem_of(forged, CARRIER.certificate, CARRIER.issuer)) == "certificate_untrusted"


def test_an_issuer_below_one_that_has_none_below_it() -> None:
    first_key, second_key, key = new_key(), new_key(), new_key()
    first = certificate(
        "first", first_key, CARRIER.root, CARRIER.root_key, is_issuer=True, path_length=0
    )
    second = certificate("second", second_key, first, first_key, is_issuer=True)
    leaf = certificate("leaf", key, second, second_key, extensions=[tn_auth_list()])
    assert refused(pem_of(leaf, second, first)) == "certificate_untrusted"


@pytest.mark.parametrize(("is_right", "given"), [(True, "key_cert_sign"), (False, "crl_sign")])
def test_what_an_issuers_key_is_for(is_right: bool, given: str) -> None:
    issuer = certificate(
        "STI Issuer", CARRIER.issuer_key, CARRIER.root, CARRIER.root_key, is_issuer=True,
        extensions=[usage(**{given: True})],
    )  # fmt: skip
    pem = pem_of(CARRIER.certificate, issuer)
    if is_right:
        assert TRUST.check(pem, NOW)
    else:
        assert refused(pem) == "certificate_untrusted"


@pytest.mark.parametrize(("is_right", "given"), [(True, "digital_signature"), (False, "crl_sign")])
def test_what_the_signers_key_is_for(is_right: bool, given: str) -> None:
    signer = CARRIER.signer(extensions=[tn_auth_list(), usage(**{given: True})])
    pem = pem_of(signer, CARRIER.issuer)
    if is_right:
        assert TRUST.check(pem, NOW)
    else:
        assert refused(pem) == "certificate_untrusted"


def test_a_certificate_of_a_web_server_signs_no_calls() -> None:
    assert refused(pem_of(CARRIER.signer(der=None), CARRIER.issuer)) == "certificate_untrusted"


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_keys_of_another_kind(key: Any) -> None:
    leaf = certificate("x", key, CARRIER.issuer, CARRIER.issuer_key, extensions=[tn_auth_list()])
    assert refused(pem_of(leaf, CARRIER.issuer)) == "certificate_invalid"


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"<html>not found</html>",
        CARRIER.pem[:300],
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        pem_of(*[CARRIER.certificate] * 9),
    ],
)
def test_what_is_no_certificate(pem: bytes) -> None:
    assert refused(pem) == "certificate_invalid"


@given(st.binary(max_size=300))
def test_bytes_of_any_kind(data: bytes) -> None:
    assert refused(data) == "certificate_invalid"


# -- for which numbers

ONE = bytes.fromhex("3010a20e160c") + CALLER.encode()
RANGE = bytes.fromhex("3017a1153013160c") + b"442079461000" + bytes.fromhex("020300c350")


@pytest.mark.parametrize(
    ("der", "is_right"),
    [
        (ONE, True),
        (ONE.replace(b"1111", b"2222"), False),
        (RANGE, True),
        (RANGE.replace(b"461000", b"462000"), False),
        (bytes.fromhex("3000"), False),
    ],
)
def test_a_certificate_for_single_numbers(der: bytes, is_right: bool) -> None:
    found = TRUST.check(pem_of(CARRIER.signer(der=der), CARRIER.issuer), NOW)
    passport = read_passport(CARRIER.identity())
    if is_right:
        found.check(passport.signed, passport.signature, CALLER)
        return
    with pytest.raises(VerificationFailed) as caught:
        found.check(passport.signed, passport.signature, CALLER)
    assert caught.value.reason == "certificate_not_authorized"


@pytest.mark.parametrize(
    ("der", "numbers"),
    [
        (ONE, ((CALLER, CALLER),)),
        (RANGE, (("442079461000", "442079510999"),)),
        (SPC, None),
        (bytes.fromhex("3000"), ()),
        (bytes.fromhex("3003a90101"), ()),
    ],
)
def test_lists_of_numbers(der: bytes, numbers: object) -> None:
    assert read_tn_auth_list(der) == numbers


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x05\xa2\x03\x16\x01",
        b"\x31\x00",
        b"\x30\x00\x30\x00",
        b"\x30\x80",
        b"\x30\x85\x01\x01\x01\x01\x01",
        b"\x30\x05\xa2\x03\x16\x01x",
        b"\x30\x05\xa2\x03\x0c\x011",
        b"\x30\x04\xa2\x02\x16\x00",
        b"\x30\x02\xa2\x00",
        b"\x30\x04\xa1\x02\x30\x00",
        b"\x30\x0a\xa1\x08\x30\x06\x16\x01*\x02\x01\x05",
        b"\x30\x82\x0f\xa1" + b"\xa2\x02\x16\x00" * 1000 + b"\xa9",
        b"\x30\x82\x13\x8d" + b"\xa2\x03\x16\x011" * 1001,
    ],
)
def test_lists_that_are_none(der: bytes) -> None:
    with pytest.raises(VerificationFailed) as caught:
        read_tn_auth_list(der)
    assert caught.value.reason == "certificate_invalid"


@given(st.binary(max_size=60))
def test_a_list_of_any_bytes(data: bytes) -> None:
    try:
        read_tn_auth_list(data)
    except VerificationFailed as failed:
        assert failed.reason == "certificate_invalid"


# -- the trust store


def test_a_file_and_a_directory(tmp_path: Path) -> None:
    other = Carrier()
    (tmp_path / "one.pem").write_bytes(pem_of(CARRIER.root))
    (tmp_path / "two.crt").write_bytes(pem_of(other.root))
    (tmp_path / "README").write_text("not looked at")
    assert TrustStore.read(tmp_path / "one.pem").size == 1
    both = TrustStore.read(tmp_path)
    assert both.size == 2
    assert both.check(other.pem, NOW) and both.check(CARRIER.pem, NOW)


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_store_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "trust.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TrustError, match=r"trust\.pem"):
        TrustStore.read(file)


def test_a_directory_without_certificates(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="no certificate"):
        TrustStore.read(tmp_path)


def test_dates_far_away_are_no_certificate() -> None:
    """A clock that is set to nonsense trusts nobody."""
    assert datetime.datetime.fromtimestamp(0, datetime.UTC).year == 1970
    assert refused(CARRIER.pem, 0.0) == "certificate_untrusted"
