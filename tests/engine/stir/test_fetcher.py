"""Certificates are fetched from public https addresses alone, and nothing large or slow."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from engine.stir.fetcher import MAX_BYTES, Fetcher, PublicResolver, is_public, keep_s
from engine.stir.verdict import VerificationFailed
from tests.support.certificates import Authority, Certificate

PEM = b"-----BEGIN CERTIFICATE-----\n"


def refused(url: str, *hosts: str, allow_private: bool = False) -> str:
    fetcher = Fetcher(hosts, allow_private=allow_private)
    with pytest.raises(VerificationFailed) as caught:
        fetcher.check(url)
    return caught.value.reason


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://certs.example/a.pem", "certs.example"),
        ("https://CERTS.example:8443/a.pem?x=y", "certs.example"),
        ("https://8.8.8.8/a.pem", "8.8.8.8"),
        ("https://[2606:4700::1111]/a.pem", "2606:4700::1111"),
    ],
)
def test_where_certificates_are_fetched(url: str, host: str) -> None:
    assert Fetcher([], allow_private=False).check(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "http://certs.example/a.pem", "ftp://certs.example/a", "file:///etc/passwd",
        "https:///a.pem", "https://certs.example:22/a.pem", "https://certs.example:99999/a",
        "https://user@certs.example/", "https://user:pw@certs.example/", "https://certs.example/#x",
        "https://certs.example/" + "a" * 600, "https://certs.example/a b", "https://certs.example/é",
        "https://certs.example\\@127.0.0.1/", "https://[::1", "https://[nonsense]/",
        # Addresses that are not public, in every spelling.
        "https://127.0.0.1/", "https://10.1.2.3/", "https://192.168.0.1/", "https://172.16.0.1/",
        "https://169.254.169.254/latest", "https://0.0.0.0/", "https://100.64.0.1/",
        "https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/",
        "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/",
        "https://[2002:7f00:1::]/", "https://[2001:0:0:1::]/", "https://[ff02::1]/",
        "https://2130706433/", "https://127.1/", "https://0x7f000001/", "https://0x7f.1/",
        "https://127.0.0.1./", "https://0177.0.0.1/",
    ],
)  # fmt: skip
def test_where_they_are_not(url: str) -> None:
    assert refused(url) == "certificate_url"


def test_only_the_configured_hosts() -> None:
    hosts = ("certs.example", "other.example:4443", "192.0.2.1")
    fetcher = Fetcher(hosts, allow_private=True)
    for url in ("https://certs.example/", "https://other.example:4443/", "https://192.0.2.1/x"):
        assert fetcher.check(url)
    for url in ("https://x.certs.example/", "https://other.example/", "https://certs.example:44/"):
        assert refused(url, *hosts, allow_private=True) == "certificate_url"


def test_a_host_that_is_named_is_public_all_the_same() -> None:
    assert refused("https://10.0.0.1/", "10.0.0.1") == "certificate_url"
    assert Fetcher(["[::1]:9443"], allow_private=True).check("https://[::1]:9443/x") == "::1"


@pytest.mark.parametrize(
    ("host", "expected"), [("8.8.8.8", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True),
                           ("10.0.0.1", False), ("fe80::1%eth0", False)]
)  # fmt: skip
def test_public_addresses(host: str, expected: bool) -> None:
    assert is_public(host) is expected


@pytest.mark.parametrize(
    ("said", "kept_s"),
    [
        ("", 3600), ("public", 3600), ("max-age=600", 600), ("public, MAX-AGE = 7200", 7200),
        ("max-age=0", 60), ("max-age=999999999", 86400), ("no-store", 60),
        ("no-cache, max-age=9", 60),
        ("s-maxage=5", 3600), ("max-age=x", 3600), ('max-age="90"', 90), ("private,max-age=61", 61),
    ],
)  # fmt: skip
def test_how_long_a_certificate_is_kept(said: str, kept_s: float) -> None:
    assert keep_s(said) == kept_s


# -- against a server of https

Handler = Callable[[web.Request], "web.StreamResponse | asyncio.Future[web.StreamResponse]"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    yield Authority(tmp_path_factory.mktemp("https"))


@asynccontextmanager
async def serving(certificate: Certificate, **answers: web.Response) -> AsyncIterator[str]:
    """A server that has these at their names."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/slow":
            await asyncio.sleep(60)
        return answers[request.path[1:]]

    app = web.Application()
    app.router.add_get("/{name}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert, certificate.key)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"https://localhost:{port}"
    finally:
        await runner.cleanup()


def fetcher_for(url: str, certificate: Certificate, *, allow_private: bool = True) -> Fetcher:
    host = url.removeprefix("https://")
    return Fetcher([host], allow_private=allow_private, ca=certificate.ca)


async def failure(fetcher: Fetcher, url: str, limit_s: float = 20.0) -> str:
    with pytest.raises(VerificationFailed) as caught:
        await fetcher.fetch(url, limit_s)
    return f"{caught.value.reason}: {caught.value.detail}"


async def test_a_certificate_is_fetched(authority: Authority) -> None:
    theirs = authority.certificate("localhost")
    answer = web.Response(body=PEM, headers={"cache-control": "max-age=120"})
    async with serving(theirs, pem=answer) as url:
        fetcher = fetcher_for(url, theirs)
        assert await fetcher.fetch(f"{url}/pem", 20.0) == (PEM, 120.0)
        await fetcher.close()


async def test_what_is_not_taken(authority: Authority) -> None:
    theirs = authority.certificate("localhost")
    answers = {
        "large": web.Response(body=b"x" * (MAX_BYTES + 1)),
        "moved": web.Response(status=302, headers={"location": "https://127.0.0.1/pem"}),
        "gone": web.Response(status=404),
    }
    async with serving(theirs, **answers) as url:
        fetcher = fetcher_for(url, theirs)
        assert (await failure(fetcher, f"{url}/large")).startswith("certificate_invalid: more than")
        assert await failure(fetcher, f"{url}/moved") == "certificate_unreachable: status 302"
        assert await failure(fetcher, f"{url}/gone") == "certificate_unreachable: status 404"
        assert await failure(fetcher, f"{url}/slow", 0.2) == (
            "certificate_unreachable: nothing in 0.2 s"
        )
        await fetcher.close()


async def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    authority: Authority,
) -> None:
    """The check is made where the connection is: `localhost` is a name like any other."""
    theirs = authority.certificate("localhost")
    async with serving(theirs, pem=web.Response(body=PEM)) as url:
        fetcher = fetcher_for(url, theirs, allow_private=False)
        assert "DNSError" in await failure(fetcher, f"{url}/pem")
        await fetcher.close()


async def test_a_server_whose_certificate_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    theirs = authority.certificate("localhost")
    async with serving(theirs, pem=web.Response(body=PEM)) as url:
        fetcher = fetcher_for(url, Authority(tmp_path).certificate("localhost"))
        assert (await failure(fetcher, f"{url}/pem")).startswith("certificate_unreachable")
        await fetcher.close()


async def test_a_fetcher_that_was_never_used_is_closed() -> None:
    await Fetcher([], allow_private=False).close()


async def test_the_addresses_of_a_name() -> None:
    found = await PublicResolver(allow_private=True).resolve("127.0.0.1", 443)
    assert [one["host"] for one in found] == ["127.0.0.1"]
