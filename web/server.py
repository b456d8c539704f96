"""The gateway as a process: it listens, reads its configuration anew at SIGHUP, and stops."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import structlog
import uvloop
from aiohttp import web

from config.checks.sites import has_plain_links
from config.errors import ConfigError
from config.section import read_secret
from config.value_checks.addresses import split_host_port
from config.web_settings import WebSettings, load
from ringback_client import Client, ClientError, EngineError

from .admission import Admission
from .agent_desk import AgentDesk
from .api import Api
from .callback_service import CallbackService
from .client_address import ClientAddresses
from .connections import Connections, WaitingConnections
from .handshakes import Handshakes
from .listeners import listen
from .pages import Pages
from .progress import Followers
from .proof_of_work import ProofOfWork
from .signing import Signing, read_or_make_secret
from .tls import Certificate

log = structlog.get_logger()

BACKLOG = 1024
STOP_S = 5.0
REPLY_S = 10.0
RETRY_S = 2.0
EXIT_USAGE = 2


def main(file: str, settings: WebSettings) -> int:
    """Run the gateway of a configuration. Returns the exit status: 0, or 2 after one line that
    says what is wrong."""
    try:
        uvloop.run(Gateway(file, settings).run())
    except (ConfigError, EngineError, OSError, ValueError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


class Gateway:
    """Serves the sites of a configuration until it is stopped."""

    def __init__(self, file: str, settings: WebSettings) -> None:
        self._file = file
        self._settings = settings
        files = settings.web.tls_cert, settings.web.tls_key
        self._certificate = Certificate(*files) if all(files) else None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises EngineError where the engine refuses the gateway, ConfigError, OSError, ValueError.
        """
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._serve())
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, serving.cancel)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    async def _serve(self) -> None:
        async with self.serving() as url:
            # The collector never looks at what stays: it would hold up requests for 20 to 80 ms.
            gc.collect()
            gc.freeze()
            if has_plain_links(self._settings.web, self._settings.sites):
                log.warning("links say http:", reason="web.public_url is not set")
            log.info("web gateway listens", url=url, sites=len(self._settings.sites))
            await asyncio.get_running_loop().create_future()

    def reload(self) -> None:
        """Take what the file says now, and its certificate; one that has faults changes nothing."""
        if self._certificate is not None:
            self._certificate.read_again()
        try:
            self._settings = load(self._file)
        except ConfigError as error:
            log.error("configuration not read anew", reason=str(error))
        else:
            log.info("configuration read anew", sites=len(self._settings.sites))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Listen; gives the URL at which it does."""
        settings = self._settings.web
        signing = Signing(read_or_make_secret(Path(settings.secret_file)))
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        async with session, await self._connected() as client:
            service = CallbackService(client, signing, Followers(settings.max_followers))
            addresses = ClientAddresses(settings.trusted_proxies)
            api = Api(
                lambda: self._settings,
                service,
                Admission(ProofOfWork(signing), session),
                signing,
                addresses,
            )
            waiting = WaitingConnections()
            tasks = [
                asyncio.create_task(service.follow_events()),
                asyncio.create_task(service.player.play()),
                asyncio.create_task(waiting.close_idle()),
            ]
            pages = Pages(lambda: self._settings).routes()
            pages += AgentDesk(lambda: self._settings, self._connect, addresses).routes()
            runner = web.AppRunner(
                api.application(pages, [waiting.answer]),
                access_log=None,
                shutdown_timeout=STOP_S,
            )
            await runner.setup()
            listeners: list[socket.socket] = []
            servers: list[asyncio.Server] = []
            try:
                assert runner.server is not None
                host, port = split_host_port(settings.listen)
                accept = Connections(runner.server, waiting).accept
                listeners = listen(host, port, BACKLOG)
                bound = listeners[0].getsockname()[1]
                if self._certificate is None:
                    loop = asyncio.get_running_loop()
                    servers = [
                        await loop.create_server(accept, sock=one, backlog=BACKLOG)
                        for one in listeners
                    ]
                else:
                    handshakes = Handshakes(self._certificate.context, accept)
                    tasks += [asyncio.create_task(handshakes.serve(one)) for one in listeners]
                yield f"{'https' if self._certificate else 'http'}://{host}:{bound}"
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                for server in servers:
                    server.close()
                for one in listeners:
                    one.close()
                await runner.cleanup()

    async def _connected(self) -> Client:
        """A client of the engine, which is awaited where it does not run yet."""
        said = False
        while True:
            try:
                return await self._connect(self._token())
            except ClientError as error:
                if not said:
                    log.warning("waiting for the engine", reason=str(error))
                said = True
                await asyncio.sleep(RETRY_S)

    def _token(self) -> str:
        """What the gateway itself shows to the engine; "" for nothing."""
        file = self._settings.web.token_file
        return read_secret(file, "web.token_file").get_secret_value() if file else ""

    async def _connect(self, token: str) -> Client:
        settings = self._settings
        where = settings.web.control
        if not where or os.sep in where:
            path = where or str(settings.control.socket)
            return await Client.connect(path, token=token, reply_s=REPLY_S)
        host, port = split_host_port(where)
        trusted = ssl.create_default_context(cafile=settings.web.control_ca or None)
        return await Client.connect(host=host, port=port, token=token, tls=trusted, reply_s=REPLY_S)
