"""Opens WebSockets to services, where the engine has permitted the URL, and nowhere else.

No redirect is followed, no proxy is used, and certificates are verified. A name never leads to an
address that no service has: one of a cloud's own (link-local), a multicast one, none at all.
"""

import asyncio
import ipaddress
import socket
import ssl
from functools import partial
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from .bot_messages import printable
from .messages import Failure, Service
from .metered_reading import MOST_FRAME_BYTES, MeteredProtocol

PING_S: Final = 10.0
"""A bot from which nothing has come for this long is asked whether it is there, and has half of it
to answer."""
_CLOSE_S: Final = 1.0


class NotConnected(Exception):
    """There is no WebSocket. `may_change`: another try may be worth it."""

    def __init__(self, failure: Failure, reason: str, *, may_change: bool = True) -> None:
        super().__init__(reason)
        self.failure: Failure = failure
        self.reason = printable(reason)
        self.may_change = may_change


class ServiceResolver(AbstractResolver):
    """Finds the addresses of a service, without those that no service has."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises OSError where nothing is left."""
        loop = asyncio.get_running_loop()
        infos: list[Any] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        found = [
            ResolveResult(
                hostname=host, host=address[0], port=port, family=kind, proto=0, flags=flags
            )
            for kind, _, _, _, address in infos
            if is_reachable(address[0])
        ]
        if not found:
            raise OSError(f"{host} has no address that a service may have")
        return found

    async def close(self) -> None:
        """See AbstractResolver."""


def is_reachable(host: str) -> bool:
    """Whether a service may have this address, where its name was found to lead there."""
    address = ipaddress.ip_address(host.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None)
    address = inner or address
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _metered(loop: asyncio.AbstractEventLoop) -> "partial[ResponseHandler]":
    make: type[ResponseHandler] = MeteredProtocol
    return partial(make, loop=loop)


class _Connections(aiohttp.TCPConnector):
    """Connections whose frames are read by a meter."""

    def __init__(self) -> None:
        super().__init__(limit=0, resolver=ServiceResolver(), force_close=True)
        self._factory = _metered(self._loop)


class Connector:
    """Opens WebSockets. To be made and closed where the loop runs."""

    def __init__(self) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_refuse_redirect)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._session = aiohttp.ClientSession(
            connector=_Connections(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": f"Ringback/{version('ringback')}"},
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[tracing],
            trust_env=False,
        )

    async def connect(self, service: Service, limit_s: float) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket. Raises NotConnected."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._session.ws_connect(
                    service.url,
                    headers=dict(service.headers),
                    ssl=self._context(service.ca_file),
                    heartbeat=PING_S,
                    max_msg_size=MOST_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                )
        except TimeoutError:
            reason = f"no WebSocket within {limit_s:g} s"
            raise NotConnected("unreachable", reason) from None
        except aiohttp.WSServerHandshakeError as error:
            # Its text has the URL, which may have secrets.
            reason = f"the service answers {error.status}: {error.message}"
            may_change = error.status >= 500 or error.status == 429
            failure: Failure = "unreachable" if may_change else "refused"
            raise NotConnected(failure, reason, may_change=may_change) from None
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", "") or "not valid"
            reason = f"the certificate of the service is not accepted: {why}"
            raise NotConnected("unreachable", reason, may_change=False) from None
        except aiohttp.ClientConnectorError as error:
            raise NotConnected("unreachable", error.strerror or "no connection") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error) if isinstance(error, OSError) else type(error).__name__
            raise NotConnected("unreachable", reason) from None

    def _context(self, ca_file: str) -> ssl.SSLContext:
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file or None)
            except (OSError, ssl.SSLError) as error:
                reason = f"streams.ca_file cannot be read: {error}"
                raise NotConnected("unreachable", reason, may_change=False) from None
            self._contexts[ca_file] = context
        return context

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: Any
) -> None:
    reason = "the service redirects the request, which is not followed"
    raise NotConnected("refused", reason, may_change=False)
