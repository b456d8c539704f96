"""Whose connection it is: the principal that acts, the token shown, the events followed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from ...errors import EngineError
from ...store.event_log import EventLog
from .. import snapshot
from ..audit import Audit
from ..method import Method
from ..method_roles import RANKS
from ..params import Auth, Authenticated, Subscribe, Subscribed
from ..rights import NOBODY, Principal, Rights
from ..scope.scopes import Scope, Scopes
from ..snapshot import SnapshotSources
from ..subscription import EventFilter, Subscription
from .line_writer import LineWriter
from .peer import Peer

log = structlog.get_logger()


class Authority(Protocol):
    """What a session uses of the server."""

    @property
    def events(self) -> EventLog:
        """The events that a client may subscribe to."""

    @property
    def snapshot_sources(self) -> SnapshotSources:
        """What a snapshot is made of."""

    @property
    def slow_reader_bytes(self) -> int:
        """A reader that leaves more unread is cut off."""

    @property
    def rights(self) -> Rights:
        """Who may do what."""

    @property
    def scopes(self) -> Scopes:
        """What concerns a client that does not see everything."""

    @property
    def audit(self) -> Audit:
        """The log of what was changed, and by whom."""


class Session:
    """One client, from its first line to its last.

    `on_known` is called when the client of a TCP connection has shown a token, and may refuse it;
    `close` ends the connection, `close_soon` once what is said now is on its way.
    """

    def __init__(
        self,
        peer: Peer,
        authority: Authority,
        writer: LineWriter,
        *,
        on_known: Callable[[], None],
        close: Callable[[], None],
        close_soon: Callable[[], None],
    ) -> None:
        self._authority = authority
        self._writer = writer
        self._on_known = on_known
        self._close = close
        self._close_soon = close_soon
        self._subscription: Subscription | None = None
        self.is_known = peer.transport == "unix"
        """Whether anything but `auth` may be asked for."""
        self.peer = peer
        self.principal = NOBODY
        self._act_as(authority.rights.of_peer(peer))

    def table(self) -> Mapping[str, Method]:
        """The methods of the wire itself."""
        return {
            "auth": Method(Auth, self._authenticate),
            "events.subscribe": Method(Subscribe, self._subscribe),
        }

    @property
    def is_subscribed(self) -> bool:
        """Whether the client follows events."""
        return self._subscription is not None

    @property
    def name(self) -> str:
        """Who asks; without a token, the address."""
        return self.principal.name if self.is_known else self.peer.host

    @property
    def may_only_look(self) -> bool:
        """Whether the client changes nothing but what is an agent's own."""
        return self.principal.agent is not None or self.principal.role in ("none", "read")

    # -- who acts -----------------------------------------------------------------------------

    def _act_as(self, principal: Principal) -> None:
        """Whatever is asked for from now on, this one asks for."""
        self.principal = principal
        self.scope: Scope | None = self._authority.scopes.of(principal)
        self.peer = replace(self.peer, who=principal.name)

    def reassess(self) -> None:
        """Rights have changed: go by the new ones, and close where none is left."""
        if not self.is_known:
            return
        before = self.principal
        now = self._authority.rights.again(self.peer, before)
        if now is None:
            self._close()
        elif now != before:
            self._act_as(now)
            if self.is_subscribed and (
                (now.agent, now.sites) != (before.agent, before.sites)
                or RANKS[now.role] < RANKS[before.role]
            ):
                self._close()  # its events must be asked for again

    def _authenticate(self, params: Auth, _peer: Peer) -> Authenticated:
        principal = self._authority.rights.of_token(params.token)
        if principal is None:
            log.warning("control_refused", peer=str(self.peer), reason="wrong token")
            self._authority.audit.refused(self.principal, self.peer, "auth", b"{}", "wrong token")
            self._close_soon()
            raise EngineError("refused", "wrong token", field="token")
        if principal != self.principal:
            self.end_events()
        self._act_as(principal)
        if not self.is_known:
            self.is_known = True
            self._on_known()
        return {"authenticated": True}

    # -- events -------------------------------------------------------------------------------

    def _subscribe(self, params: Subscribe, _peer: Peer) -> Subscribed:
        authority = self._authority
        events = authority.events
        result: Subscribed = {"epoch": events.epoch, "seq": events.delivered}
        after = events.delivered
        with_snapshot = params.snapshot is True
        if params.since is not None:
            after = params.since
            gap = events.gap(params.since, params.epoch)
            if gap is not None:
                result["gap"] = gap
                # The events that are kept are still sent, and the snapshot after them.
                after = events.oldest - 1
                with_snapshot = params.snapshot is not False
        if with_snapshot:
            result["snapshot"] = True
        types = tuple(params.types)
        scope = self.scope
        sees_view = None if scope is None else scope.sees_view
        shown = partial(snapshot.lines, authority.snapshot_sources, events.epoch, types, sees_view)
        self.end_events()
        self._subscription = Subscription(
            events,
            wanted=EventFilter(types, None if scope is None else scope.sees),
            after=after,
            limit_bytes=authority.slow_reader_bytes,
            write=self._writer.write_event,
            on_slow=self._cut_off,
            snapshot=shown if with_snapshot else None,
        )
        return result

    def start_events(self) -> None:
        """After the reply, which the reader needs to make sense of them."""
        if self._subscription is not None:
            self._subscription.start(paused=not self._writer.has_room)

    def pause_events(self) -> None:
        """The client does not take what it is sent."""
        if self._subscription is not None:
            self._subscription.pause()

    def resume_events(self) -> None:
        """The client takes it again."""
        if self._subscription is not None:
            self._subscription.resume()

    def end_events(self) -> None:
        """Send no more events."""
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None

    def _cut_off(self, last_line: bytes) -> None:
        log.warning("control_slow_reader", peer=str(self.peer))
        self._writer.write(last_line)
        self._close()
