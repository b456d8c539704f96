"""The control socket: where it is, who may connect, and the connections that are up."""

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import structlog

from config.sections import Control
from config.values import split_host_port

from ..errors import EngineError
from ..store.event_log import EventLog
from ..store.file_lock import FileLock, LockHeld
from ..store.protocols import NOTHING_KEPT
from . import peer as peers
from .agent_scope import AgentScope
from .audit import Audit
from .connection import AUTH_LIMIT_S, Connection
from .method import Method
from .peer import Peer
from .rights import Rights
from .snapshot import SnapshotSources

log = structlog.get_logger()

SOCKET_UMASK = 0o117  # leaves 0660
BACKLOG = 128
STOP_LIMIT_S = 1.0


class ControlError(Exception):
    """The control socket cannot be had: `key` of the configuration, `reason` for a person."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class ControlServer:
    """Serves `methods` and `events` on the Unix socket and, where configured, on TCP with TLS.

    `bind` takes the socket, so that a second engine stops at once; `start` begins to serve.
    """

    def __init__(
        self,
        settings: Control,
        methods: Mapping[str, Method],
        events: EventLog,
        *,
        snapshot_sources: SnapshotSources | None = None,
        rights: Rights | None = None,
        scope: AgentScope | None = None,
        audit: Audit | None = None,
    ) -> None:
        self.settings = settings
        self.methods = methods
        self.events = events
        self.snapshot_sources = snapshot_sources or {}
        self.rights = rights or Rights(settings)
        self.scope = scope or AgentScope()
        self.audit = audit or Audit(NOTHING_KEPT)
        self._connections: dict[Connection, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.AbstractServer] = []
        self._lock: FileLock | None = None
        self._unix: socket.socket | None = None
        self._unix_inode: tuple[int, int] | None = None
        self._tcp: list[socket.socket] = []
        self._tls: ssl.SSLContext | None = None
        self._all_gone = asyncio.Event()

    # -- starting and stopping --------------------------------------------------------------

    async def bind(self) -> None:
        """Take the addresses. Raises ControlError: another engine runs, not permitted, taken."""
        try:
            self._bind_unix(self.settings.socket)
            if self.settings.tcp:
                self._tls = self._load_tls()
                await self._bind_tcp(self.settings.tcp)
        except ControlError:
            await self.stop()
            raise

    async def start(self) -> None:
        """Begin to serve; binds first where that has not been done. Raises ControlError."""
        if self._unix is None:
            await self.bind()
        loop = asyncio.get_running_loop()
        server: asyncio.AbstractServer = await loop.create_unix_server(
            lambda: Connection(self, _unix_peer), sock=self._unix, backlog=BACKLOG
        )
        self._servers.append(server)
        for listening in self._tcp:
            server = await loop.create_server(
                lambda: Connection(self, _tcp_peer),
                sock=listening,
                backlog=BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=AUTH_LIMIT_S,  # it is no connection yet, and not counted
            )
            self._servers.append(server)

    async def stop(self) -> None:
        """Stop serving: what was written is sent, handlers that still wait are cancelled."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for connection in tuple(self._connections):
            connection.close()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                while self._connections:
                    self._all_gone.clear()
                    await self._all_gone.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
        for listening in (self._unix, *self._tcp):
            if listening is not None:
                listening.close()
        self._unix = None
        self._tcp.clear()
        self._remove_socket_file()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def tcp_addresses(self) -> list[tuple[str, int]]:
        """Where TCP is served."""
        return [listening.getsockname()[:2] for listening in self._tcp]

    def _bind_unix(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.with_name(path.name + ".lock"))
            if _is_served(path):
                raise ControlError("control.socket", f"{path}: another engine is running")
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._unix = listening
            # The mode must be right from the first moment; no other thread makes files now.
            umask = os.umask(SOCKET_UMASK)
            try:
                listening.bind(str(path))
            finally:
                os.umask(umask)
            status = path.stat()
            self._unix_inode = (status.st_dev, status.st_ino)
            listening.listen(BACKLOG)
            listening.setblocking(False)
        except LockHeld as error:
            raise ControlError("control.socket", f"{path}: another engine is running") from error
        except OSError as error:
            reason = f"{path}: {error.strerror or error}"
            raise ControlError("control.socket", reason) from error

    def _remove_socket_file(self) -> None:
        """Remove the socket file, if it is still ours."""
        if self._unix_inode is None:
            return
        path = self.settings.socket
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) == self._unix_inode:
                path.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("control_socket_not_removed", path=str(path), reason=str(error))
        self._unix_inode = None

    def _load_tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for key, path in (
            ("tls_cert", self.settings.tls_cert),
            ("tls_key", self.settings.tls_key),
        ):
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as error:
                reason = f"{path}: {error.strerror or error}"
                raise ControlError(f"control.{key}", reason) from error
        try:
            context.load_cert_chain(self.settings.tls_cert, self.settings.tls_key)
        except ssl.SSLError as error:
            reason = f"{self.settings.tls_cert} with its key cannot be used: {error}"
            raise ControlError("control.tls_cert", reason) from error
        return context

    async def _bind_tcp(self, address: str) -> None:
        host, port = split_host_port(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        self._tcp.append(listening)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(BACKLOG)
            listening.setblocking(False)
        except OSError as error:
            reason = f"{address}: {error.strerror or error}"
            raise ControlError("control.tcp", reason) from error

    # -- for the connections ----------------------------------------------------------------

    def admit(self, connection: Connection) -> EngineError | None:
        """Count the connection in, or say why it is refused."""
        peer = connection.peer
        refusal: EngineError | None = None
        # Each transport has its own count: strangers on TCP cannot lock out the local users.
        count = sum(
            other.peer.transport == peer.transport and not other.is_refused
            for other in self._connections
        )
        if peer.transport == "unix" and not self.rights.may_connect(peer):
            refusal = EngineError("refused", f"{peer} may not use this socket")
        elif count >= self.settings.max_connections:
            refusal = EngineError("unavailable", f"there are {count} connections already")
        self._connections[connection] = None
        return refusal

    @property
    def may_linger(self) -> bool:
        """Whether one that is refused may stay open for a moment: no more of them than others."""
        refused = sum(connection.is_refused for connection in self._connections)
        return refused <= self.settings.max_connections

    def configure(self, settings: Control) -> None:
        """Take other limits; every connection goes by the rights as they are now, or is closed."""
        self.settings = settings
        for connection in tuple(self._connections):
            connection.reassess()

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._connections.pop(connection, None)
        if not self._connections:
            self._all_gone.set()

    def run_handler(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler that has to wait, in a task of its own."""
        task = asyncio.get_running_loop().create_task(handler)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def connections(self) -> int:
        """How many connections are up."""
        return len(self._connections)


def _is_served(path: Path) -> bool:
    """Whether somebody listens there; the file of a dead engine is removed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise ControlError("control.socket", f"{path}: exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return False
        except BlockingIOError:  # its backlog is full
            return True
    return True


def _unix_peer(transport: asyncio.Transport) -> Peer:
    # Event loops hand out socket look-alikes that lack getsockopt; the descriptor is real.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connected:
        return peers.unix_peer(connected)


def _tcp_peer(transport: asyncio.Transport) -> Peer:
    host, port = transport.get_extra_info("peername")[:2]
    return Peer("tcp", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
