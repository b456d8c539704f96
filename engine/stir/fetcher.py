"""Fetches certificates from the URLs that callers name, without being led astray by them.

Only https, only public addresses (unless private ones are allowed) and only the configured hosts,
if there are any; no redirects, no proxies, nothing large, and nothing for long. The address is
checked where the connection is made, so that no name service can change it in between.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from .passport import MAX_URL_CHARS
from .verdict import VerificationFailed

MAX_BYTES: Final = 32 * 1024
PORTS: Final = (443, 8443)
"""Where certificates of callers are published (ATIS-1000074), on hosts named without a port."""
DEFAULT_KEEP_S: Final = 3_600.0
MIN_KEEP_S: Final = 60.0
MAX_KEEP_S: Final = 86_400.0
_LOOKUPS: Final = 4
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_max_age = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE).search
_not_kept = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])", re.IGNORECASE).search


class Fetched(NamedTuple):
    """What a URL has: a certificate in PEM, and for how long it may be kept."""

    pem: bytes
    keep_s: float


class Fetcher:
    """Fetches from `hosts` ("HOST" or "HOST:PORT"), or from every host where there are none.

    `ca` is a PEM file with the issuers of their https certificates; "": those that the system
    trusts.
    """

    def __init__(self, hosts: Sequence[str], *, allow_private: bool, ca: str = "") -> None:
        self._hosts = frozenset(hosts)
        self._allow_private = allow_private
        self._tls = ssl.create_default_context(cafile=ca or None)
        self._session: aiohttp.ClientSession | None = None
        self._resolver = PublicResolver(allow_private=allow_private)

    def check(self, url: str) -> str:
        """The host of a URL that may be fetched. Raises VerificationFailed for any other."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 443
        except ValueError:
            raise VerificationFailed("certificate_url", "it is no URL") from None
        if parts.scheme != "https" or not host or len(url) > MAX_URL_CHARS:
            raise VerificationFailed("certificate_url", "it is no https: URL")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise VerificationFailed("certificate_url", "it has a user or a fragment")
        if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise VerificationFailed("certificate_url", "it has characters that no URL has")
        shown = f"[{host}]" if ":" in host else host
        named = {f"{shown}:{port}", *([host, shown] if port in PORTS else [])}
        if self._hosts and not self._hosts & named:
            raise VerificationFailed("certificate_url", f"{host}:{port} is not in stir.hosts")
        if not self._hosts and port not in PORTS:
            raise VerificationFailed("certificate_url", f"port {port}")
        if _is_address(host) and not (self._allow_private or is_public(host)):
            raise VerificationFailed("certificate_url", f"{host} is not public")
        if not _is_address(host) and _ends_in_number(host):
            raise VerificationFailed("certificate_url", f"{host} is no name")
        return host

    async def fetch(self, url: str, limit_s: float) -> Fetched:
        """Get a certificate, within `limit_s`. Raises VerificationFailed."""
        self.check(url)
        if self._session is None:
            self._session = self._open()
        try:
            async with asyncio.timeout(limit_s):
                async with self._session.get(url, allow_redirects=False) as response:
                    return await _read(response)
        except TimeoutError:
            raise VerificationFailed(
                "certificate_unreachable", f"nothing in {limit_s:g} s"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = f"{type(error).__name__}: {error}"[:200]
            raise VerificationFailed("certificate_unreachable", detail) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=16, limit_per_host=2, ssl=self._tls, resolver=self._resolver, ttl_dns_cache=60
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": f"Ringback/{version('ringback')}"},
            auto_decompress=False,
            trust_env=False,
        )


class PublicResolver(AbstractResolver):
    """Finds the public addresses of a name, in threads of its own: a name that stalls stalls
    nobody else's."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="stir-lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises OSError where nothing is left."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        allowed = [one for one in found if self._allow_private or is_public(one["host"])]
        if not allowed:
            raise OSError(f"{host} has no public address")
        return allowed

    async def close(self) -> None:
        """See AbstractResolver."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    flags = socket.AI_ADDRCONFIG
    infos: list[Any] = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, flags)
    return [
        ResolveResult(
            hostname=host, host=address[0], port=port, family=kind, proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in infos
    ]  # fmt: skip


def is_public(host: str) -> bool:
    """Whether an address is one of the public Internet, also where it is written within another."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.sixtofour is not None or address.teredo is not None:
            return False
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast and not address.is_reserved


def keep_s(cache_control: str) -> float:
    """For how long a certificate may be kept (RFC 9111 section 5.2.2): a minute at least, so that
    no flood of calls fetches it again and again; a day at most."""
    if _not_kept(cache_control) is not None:
        return MIN_KEEP_S
    found = _max_age(cache_control)
    wanted = DEFAULT_KEEP_S if found is None else float(found[1])
    return min(max(wanted, MIN_KEEP_S), MAX_KEEP_S)


async def _read(response: aiohttp.ClientResponse) -> Fetched:
    if response.status != 200:
        raise VerificationFailed("certificate_unreachable", f"status {response.status}")
    data = b""
    while len(data) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES + 1)):
        data += more
    if len(data) > MAX_BYTES:
        response.close()
        raise VerificationFailed("certificate_invalid", f"more than {MAX_BYTES} bytes")
    return Fetched(data, keep_s(response.headers.get("cache-control", "")))


def _ends_in_number(host: str) -> bool:
    """Whether a host may be read as an IPv4 address in an odd spelling: `127.1`, `0x7f000001`."""
    last = host.rstrip(".").rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
