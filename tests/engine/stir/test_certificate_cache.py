"""Certificates are fetched once and kept; what cannot be had is not asked for again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.stir import certificate_cache
from engine.stir.certificate import TrustStore
from engine.stir.certificate_cache import FAILURE_KEPT_S, CertificateCache
from engine.stir.fetcher import Fetched
from engine.stir.verdict import VerificationFailed
from tests.support.stir import NOW, URL, Carrier
from tests.support.virtual_loop import run

CARRIER = Carrier()


class Web:
    """What is fetched: `answer` says what comes, after `takes_s`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.takes_s = 0.0
        self.answer: Fetched | VerificationFailed = Fetched(CARRIER.pem, 600.0)
        self.now = NOW
        self.cache = CertificateCache(
            TrustStore([CARRIER.root]), self.fetch, self.host_of, clock=lambda: self.now
        )

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        await asyncio.sleep(self.takes_s)
        if isinstance(self.answer, VerificationFailed):
            raise self.answer
        return self.answer

    def host_of(self, url: str) -> str:
        if "private" in url:
            raise VerificationFailed("certificate_url")
        return url.split("/")[2]


def with_web(script: Callable[[Web], Awaitable[None]]) -> Web:
    async def main() -> Web:
        web = Web()
        await script(web)
        await web.cache.close()
        return web

    return run(main())


async def failure(cache: CertificateCache, url: str = URL) -> str:
    with pytest.raises(VerificationFailed) as caught:
        await cache.get(url)
    return caught.value.reason


def test_a_certificate_is_kept_for_as_long_as_it_may() -> None:
    async def script(web: Web) -> None:
        first = await web.cache.get(URL)
        web.now += 599
        assert await web.cache.get(URL) is first
        web.now += 2
        await web.cache.get(URL)

    assert with_web(script).asked == [URL, URL]


def test_it_is_kept_no_longer_than_it_holds() -> None:
    async def script(web: Web) -> None:
        web.answer = Fetched(CARRIER.pem, 10**9)
        found = await web.cache.get(URL)
        web.now = found.not_after + 1
        assert await failure(web.cache) == "certificate_untrusted"

    assert len(with_web(script).asked) == 2


def test_calls_that_come_together_share_one_fetch() -> None:
    async def script(web: Web) -> None:
        web.takes_s = 2.0
        found = await asyncio.gather(*(web.cache.get(URL) for _ in range(50)))
        assert len(set(map(id, found))) == 1

    assert len(with_web(script).asked) == 1


def test_a_call_that_waits_no_longer_leaves_the_fetch_to_later_ones() -> None:
    async def script(web: Web) -> None:
        web.takes_s = 2.0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await web.cache.get(URL)
        await asyncio.sleep(1.5)
        async with asyncio.timeout(0.1):
            assert await web.cache.get(URL)

    assert len(with_web(script).asked) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (VerificationFailed("certificate_unreachable"), "certificate_unreachable"),
        (Fetched(b"<html>", 600.0), "certificate_invalid"),
        (Fetched(Carrier().pem, 600.0), "certificate_untrusted"),
    ],
)
def test_a_failure_is_remembered_for_a_minute(
    answer: Fetched | VerificationFailed, reason: str
) -> None:
    async def script(web: Web) -> None:
        web.answer = answer
        assert [await failure(web.cache) for _ in range(5)] == [reason] * 5
        web.answer = Fetched(CARRIER.pem, 600.0)
        web.now += FAILURE_KEPT_S + 1
        assert await web.cache.get(URL)

    assert len(with_web(script).asked) == 2


def test_a_url_that_may_not_be_fetched_is_not() -> None:
    async def script(web: Web) -> None:
        assert await failure(web.cache, "https://private/x") == "certificate_url"

    assert with_web(script).asked == []


def test_one_host_is_not_flooded_by_forged_calls() -> None:
    async def script(web: Web) -> None:
        for number in range(100):
            url, busy = f"https://victim.example/{number}", number >= 10
            if busy:
                assert await failure(web.cache, url) == "busy"
            else:
                assert await web.cache.get(url)
        assert await web.cache.get(URL)  # another host is not held up by it

    assert len(with_web(script).asked) == 11


def test_all_hosts_together_are_not_flooded() -> None:
    async def script(web: Web) -> None:
        reasons = []
        for number in range(100):
            try:
                await web.cache.get(f"https://h{number}.example/x")
            except VerificationFailed as failed:
                reasons.append(failed.reason)
        assert set(reasons) == {"busy"}

    assert len(with_web(script).asked) == 50


def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_cache, "MOST_AT_ONCE", 2)

    async def script(web: Web) -> None:
        web.takes_s = 2.0
        first = [asyncio.ensure_future(web.cache.get(f"https://h{n}/x")) for n in range(2)]
        await asyncio.sleep(0.1)
        assert await failure(web.cache) == "busy"
        await asyncio.gather(*first)
        assert await web.cache.get(URL)

    with_web(script)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_cache, "MOST_KEPT", 3)

    async def script(web: Web) -> None:
        for number in range(8):
            await web.cache.get(f"https://h{number}/x")
        assert len(web.cache) == 3

    with_web(script)


def test_what_is_under_way_at_the_end_is_given_up() -> None:
    async def script(web: Web) -> None:
        web.takes_s = 100.0
        waiting = asyncio.ensure_future(web.cache.get(URL))
        await asyncio.sleep(0.1)
        await web.cache.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with_web(script)
