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
from config.value_checks.addresses import split_host_port

from ...errors import EngineError
from ...store.event_log import EventLog
from ...store.file_lock import FileLock, LockHeld
from ...store.protocols import NOTHING_KEPT
from ..audit import Audit
from ..capacity.connection_limit import ConnectionLimit, Place, most_connections
from ..capacity.half_lines import HalfLines
from ..capacity.handshakes import Handshakes
from ..capacity.hangups import Hangups
from ..capacity.turns import Turns
from ..method import Method
from ..rights import Rights
from ..scope.scopes import Scopes
from ..snapshot import SnapshotSources
from .connection import AUTH_LIMIT_S, Connection
from .listener import BACKLOG, Listener
from .peer import Peer, tcp_peer, unix_peer

log = structlog.get_logger()

SOCKET_UMASK = 0o117  # leaves 0660
STOP_LIMIT_S = 1.0
# What one connection is read of in a turn of the loop.
READ_BYTES = 32 * 1024


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
        scopes: Scopes | None = None,
        audit: Audit | None = None,
    ) -> None:
        self.settings = settings
        self.methods = methods
        self.events = events
        self.snapshot_sources = snapshot_sources or {}
        self.rights = rights or Rights(settings)
        self.scopes = scopes or Scopes()
        self.audit = audit or Audit(NOTHING_KEPT)
        self.turns = Turns()
        self.half_lines = HalfLines()
        self.hangups = Hangups()
        self.input = bytearray(READ_BYTES)
        self._handshakes = Handshakes()
        self._places = ConnectionLimit(lambda: self._most)
        self._place_of: dict[Connection, Place] = {}
        self._connections: dict[Connection, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
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
        assert self._unix is not None
        self._listeners = [Listener(self._unix, self._accept_local)]
        self._listeners += [Listener(listening, self._accept_tcp) for listening in self._tcp]
        for listener in self._listeners:
            listener.start()

    async def stop(self) -> None:
        """Stop serving: what was written is sent, handlers that still wait are cancelled."""
        for listener in self._listeners:
            listener.stop()
        self._listeners.clear()
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
        self.hangups.close()
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

    # -- new connections ----------------------------------------------------------------------

    def _accept_local(self, connected: socket.socket) -> None:
        peer = unix_peer(connected)
        if self.rights.may_connect(peer):
            self._take_in(connected, peer)
        else:
            refusal = EngineError("refused", f"{peer} may not use this socket")
            self._begin(connected, Connection(self, peer, connected, refusal))

    def _accept_tcp(self, connected: socket.socket) -> None:
        try:
            peer = tcp_peer(connected)
        except OSError:  # gone already
            connected.close()
        else:
            self._take_in(connected, peer)

    def _take_in(self, connected: socket.socket, peer: Peer) -> None:
        """Find a place for a connection, or refuse it."""
        now = asyncio.get_running_loop().time()
        connection = Connection(self, peer, connected)
        place = Place(
            kind="local" if peer.transport == "unix" else "unknown",
            owner=peer.owner,
            is_privileged=self.rights.is_privileged(peer),
            opened_at=now,
            tenant=connection,
        )
        refusal = self._places.enter(place, now)
        if refusal is not None:
            self._begin(connected, Connection(self, peer, connected, refusal), peer.host)
            return
        self._place_of[connection] = place
        self._begin(connected, connection, peer.host)

    def _begin(self, connected: socket.socket, connection: Connection, host: str = "") -> None:
        self.run_handler(self._connect(connected, connection, host))

    async def _connect(self, connected: socket.socket, connection: Connection, host: str) -> None:
        """Hand the socket over to its connection, after the TLS handshake where there is one."""
        tls = self._tls if connected.family != socket.AF_UNIX else None
        try:
            if tls is not None:
                async with asyncio.timeout(AUTH_LIMIT_S):
                    await self._handshakes.turn(host, connected)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                connected,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else AUTH_LIMIT_S,
            )
        except OSError:  # no TLS, too slow, or gone
            connected.close()
            self.forget(connection)
        except asyncio.CancelledError:
            connected.close()
            self.forget(connection)
            raise

    # -- for the connections ----------------------------------------------------------------

    @property
    def slow_reader_bytes(self) -> int:
        """A reader of events that leaves more unread is cut off."""
        return self.settings.slow_reader_bytes

    @property
    def max_request_bytes(self) -> int:
        """The longest line that is read."""
        return self.settings.max_request_bytes

    @property
    def max_in_flight(self) -> int:
        """How many requests of one connection may wait for their replies."""
        return self.settings.max_in_flight

    def add_connection(self, connection: Connection) -> None:
        """The connection is up."""
        self._connections[connection] = None

    def become_known(self, connection: Connection) -> None:
        """It has shown a token. Raises EngineError where there is no place for it."""
        place = self._place_of.get(connection)
        if place is not None:
            now = asyncio.get_running_loop().time()
            refusal = self._places.become_known(place, now)
            if refusal is not None:
                raise refusal

    @property
    def may_linger(self) -> bool:
        """Whether one that is refused may stay open for a moment: no more of them than others."""
        refused = sum(connection.is_refused for connection in self._connections)
        return refused <= self._most

    @property
    def _most(self) -> int:
        """The places of each kind."""
        return most_connections(self.settings.max_connections)

    def configure(self, settings: Control) -> None:
        """Take other limits; every connection goes by the rights as they are now, or is closed."""
        self.settings = settings
        for connection in tuple(self._connections):
            connection.reassess()

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        place = self._place_of.pop(connection, None)
        if place is not None:
            self._places.leave(place)
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
