"""The verdict on an INVITE: its SHAKEN PASSporTs looked at, within a deadline and a budget."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from config.stir import Stir
from sip.rate_limit import RateLimit, RateLimiter

from .certificate import SigningCertificate, TrustStore
from .certificate_cache import CertificateCache
from .fetcher import Fetcher
from .passport import Parties, Passport, canonical_number, check_claims, read_passport
from .verdict import NOT_SIGNED, Verdict, VerificationFailed

log = structlog.get_logger()

MOST_SHAKEN: Final = 3

GetCertificate = Callable[[str], Awaitable[SigningCertificate]]


class Verifier:
    """Verifies Identity headers (RFC 8224 section 6.2). `certificate` gives that at a URL.

    The first that is right decides: nobody can forge one, but anybody can add one that is wrong.
    """

    def __init__(
        self, settings: Stir, certificate: GetCertificate, *, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._certificate = certificate
        self._clock = clock
        self._signatures = RateLimiter(
            RateLimit(settings.max_signatures_per_s, 2 * settings.max_signatures_per_s)
        )

    async def verify(self, values: list[str], parties: Parties) -> Verdict:
        """The attestation of a call, within `deadline_s`. Nothing makes it raise."""
        if not values:
            return NOT_SIGNED
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                return await self._first_right(values, parties)
        except TimeoutError:
            return _failed(VerificationFailed("late", "its certificate was not there in time"))

    async def _first_right(self, values: list[str], parties: Parties) -> Verdict:
        if len(values) > MOST_SHAKEN:
            return _failed(VerificationFailed("too_many", f"{len(values)} SHAKEN PASSporTs"))
        first: VerificationFailed | None = None
        for value in values:
            try:
                passport = read_passport(value)
                await self._check(passport, parties)
                return Verdict(passport.claims.attest)
            except VerificationFailed as failed:
                first = first or failed
        assert first is not None
        return _failed(first)

    async def _check(self, passport: Passport, parties: Parties) -> None:
        """Check one PASSporT, what costs least first. Raises VerificationFailed."""
        now = self._clock()
        check_claims(passport.claims, parties, now, self._settings.max_age_s)
        if not self._signatures.allow("", now):
            raise VerificationFailed("busy", "too many signatures are to be checked")
        certificate = await self._certificate(passport.url)
        number = canonical_number(passport.claims.orig.tn)
        certificate.check(passport.signed, passport.signature, number)


class StirVerifier:
    """A verifier with what it uses: the trust store, the cache and the connections.

    Raises TrustError or OSError where a file cannot be read.
    """

    def __init__(self, settings: Stir, *, clock: Callable[[], float]) -> None:
        self._fetcher = Fetcher(
            settings.hosts, allow_private=settings.allow_private, ca=settings.https_ca
        )
        self._cache = CertificateCache(
            TrustStore.read(Path(settings.trust)),
            lambda url: self._fetcher.fetch(url, settings.fetch_s),
            self._fetcher.check,
            clock=clock,
        )
        self.verify = Verifier(settings, self._cache.get, clock=clock).verify

    async def close(self) -> None:
        """Fetch nothing more, and close the connections."""
        await self._cache.close()
        await self._fetcher.close()


def _failed(failed: VerificationFailed) -> Verdict:
    log.debug("identity_not_verified", reason=failed.reason, detail=failed.detail)
    return Verdict("failed", failed.reason)
