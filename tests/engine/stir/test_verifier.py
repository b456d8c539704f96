"""The verdict on a call."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from config.stir import Stir
from engine.stir.certificate import SigningCertificate, TrustError, TrustStore
from engine.stir.passport import Parties
from engine.stir.verdict import NOT_SIGNED, Verdict, VerificationFailed
from engine.stir.verifier import StirVerifier, Verifier
from tests.support.stir import CALLER, NOW, SHOP, Carrier, encoded, new_key, pem_of
from tests.support.virtual_loop import run

CARRIER = Carrier()
PARTIES = Parties({CALLER}, {SHOP})
CERTIFICATE = TrustStore([CARRIER.root]).check(CARRIER.pem, NOW)
COMPACT = f"..{encoded(b'x' * 64)};info=<https://h>;alg=ES256;ppt=shaken"


async def at_once(_url: str) -> SigningCertificate:
    return CERTIFICATE


def verdict(
    *values: str, certificate: Callable[[str], Awaitable[SigningCertificate]] = at_once, **more: Any
) -> Verdict:
    settings = Stir(mode="verify", trust="x", **more)
    verifier = Verifier(settings, certificate, clock=lambda: NOW)
    return run(verifier.verify(list(values), PARTIES))


def failed(reason: Any) -> Verdict:
    return Verdict("failed", reason)


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_what_was_signed_is_the_verdict(attest: str) -> None:
    assert verdict(CARRIER.identity(attest=attest)).attestation == attest


def test_a_call_that_nobody_signed() -> None:
    assert verdict() == NOT_SIGNED


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 5000 + ";ppt=shaken", "too_large"),
        ("a.b;ppt=shaken", "malformed"),
        (COMPACT, "compact_form"),
        (CARRIER.identity(alg="none"), "unsupported"),
        (CARRIER.identity(iat=int(NOW) - 61), "stale"),
        (CARRIER.identity(iat=int(NOW) + 61), "stale"),
        (CARRIER.identity(orig={"tn": "442079462222"}), "orig_mismatch"),
        (CARRIER.identity(dest={"tn": ["442079462222"]}), "dest_mismatch"),
        (CARRIER.identity(key=new_key()), "signature"),
    ],
)
def test_what_cannot_be_believed(value: str, reason: str) -> None:
    assert verdict(value) == failed(reason)


def test_how_old_a_signature_may_be() -> None:
    assert verdict(CARRIER.identity(iat=int(NOW) - 100), max_age_s=120.0).attestation == "A"


def test_a_certificate_that_is_not_there_in_time() -> None:
    async def late(_url: str) -> SigningCertificate:
        await asyncio.sleep(5)
        return CERTIFICATE

    assert verdict(CARRIER.identity(), certificate=late, deadline_s=1.0) == failed("late")
    assert verdict(CARRIER.identity(), certificate=late, deadline_s=9.0).attestation == "A"


def test_a_certificate_that_cannot_be_had() -> None:
    async def none(_url: str) -> SigningCertificate:
        raise VerificationFailed("certificate_unreachable")

    found = verdict(CARRIER.identity(), certificate=none)
    assert found == failed("certificate_unreachable")


class TestSeveral:
    def test_the_first_that_is_right_decides(self) -> None:
        forged, right = CARRIER.identity(key=new_key()), CARRIER.identity(attest="B")
        assert verdict(forged, right, CARRIER.identity()).attestation == "B"

    def test_where_none_is_right_the_first_says_why(self) -> None:
        assert verdict(CARRIER.identity(iat=1), COMPACT) == failed("stale")

    def test_more_than_anybody_sends(self) -> None:
        assert verdict(*[CARRIER.identity()] * 4) == failed("too_many")


def test_signatures_of_a_flood_are_bounded() -> None:
    async def script() -> list[Verdict]:
        settings = Stir(mode="verify", trust="x", max_signatures_per_s=5.0)
        now = NOW
        verifier = Verifier(settings, at_once, clock=lambda: now)
        found = [await verifier.verify([CARRIER.identity()], PARTIES) for _ in range(15)]
        now += 1.0
        return [*found, await verifier.verify([CARRIER.identity()], PARTIES)]

    found = run(script())
    assert [one.attestation for one in found] == ["A"] * 10 + ["failed"] * 5 + ["A"]
    assert found[12] == failed("busy")


def test_it_is_made_of_the_settings(tmp_path: Path) -> None:
    async def script() -> Verdict:
        trust = tmp_path / "trust.pem"
        trust.write_bytes(pem_of(CARRIER.root))
        verifier = StirVerifier(Stir(mode="verify", trust=str(trust)), clock=lambda: NOW)
        value = CARRIER.identity(x5u="https://127.0.0.1/x.pem")
        found = await verifier.verify([value], PARTIES)
        await verifier.close()
        return found

    assert run(script()) == failed("certificate_url")


def test_a_trust_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrustError):
        StirVerifier(Stir(mode="verify", trust=str(tmp_path / "none")), clock=lambda: NOW)
