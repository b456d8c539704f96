"""The certificates of those who sign calls: fetched once, checked once, and kept for a while.

What cannot be had is remembered as well, so that forged calls do not have it fetched again and
again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from sip.rate_limit import RateLimit, RateLimiter

from .certificate import SigningCertificate, TrustStore
from .fetcher import Fetched
from .verdict import VerificationFailed

MOST_KEPT: Final = 1_000
MOST_AT_ONCE: Final = 32
FAILURE_KEPT_S: Final = 60.0
FETCHES: Final = RateLimit(messages_per_s=10.0, burst=50.0)
FETCHES_OF_HOST: Final = RateLimit(messages_per_s=1.0, burst=10.0, sources=1_000)

Fetch = Callable[[str], Awaitable[Fetched]]


class _Kept(NamedTuple):
    until: float
    found: SigningCertificate | VerificationFailed


class CertificateCache:
    """Certificates by their URL. `host_of` checks a URL and gives its host.

    `clock` is Unix time: certificates end by it.
    """

    def __init__(
        self,
        trust: TrustStore,
        fetch: Fetch,
        host_of: Callable[[str], str],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._trust = trust
        self._fetch = fetch
        self._host_of = host_of
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._under_way: dict[str, asyncio.Task[SigningCertificate]] = {}
        self._fetches = RateLimiter(FETCHES)
        self._fetches_of_host = RateLimiter(FETCHES_OF_HOST)

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, url: str) -> SigningCertificate:
        """The certificate at a URL. Raises VerificationFailed.

        A fetch that is under way goes on for later calls where its caller waits no longer.
        """
        now = self._clock()
        kept = self._kept.get(url)
        if kept is not None and now < kept.until:
            if isinstance(kept.found, VerificationFailed):
                raise VerificationFailed(kept.found.reason, kept.found.detail)
            return kept.found
        task = self._under_way.get(url)
        if task is None:
            task = self._begin(url, now)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Fetch nothing more."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, url: str, now: float) -> "asyncio.Task[SigningCertificate]":
        host = self._host_of(url)
        if len(self._under_way) >= MOST_AT_ONCE:
            raise VerificationFailed("busy", "too many certificates are being fetched")
        if not self._fetches_of_host.allow(host, now) or not self._fetches.allow("", now):
            raise VerificationFailed("busy", f"too many certificates of {host} are asked for")
        task = asyncio.get_running_loop().create_task(self._get(url))
        self._under_way[url] = task

        def over(task: "asyncio.Task[SigningCertificate]") -> None:
            del self._under_way[url]
            if not task.cancelled():
                task.exception()  # whoever waits has it; there may be nobody

        task.add_done_callback(over)
        return task

    async def _get(self, url: str) -> SigningCertificate:
        try:
            pem, keep_s = await self._fetch(url)
            now = self._clock()
            found = self._trust.check(pem, now)
        except VerificationFailed as failed:
            self._keep(url, self._clock() + FAILURE_KEPT_S, failed)
            raise
        self._keep(url, min(now + keep_s, found.not_after), found)
        return found

    def _keep(self, url: str, until: float, found: SigningCertificate | VerificationFailed) -> None:
        self._kept.pop(url, None)
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = _Kept(until, found)
