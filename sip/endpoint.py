"""The asyncio shell around a UserAgent: it has the sockets and the clock and delivers events."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence

from .auth.digest import Credentials
from .dialog.next_hop import Lookup
from .dialog.options import OptionsAnswer, OptionsTarget
from .dialog.session import Session
from .dialog.uac import Invitation
from .dialog.uas import UasSession
from .dialog.unsaved_sessions import Saves
from .endpoint_options import EndpointOptions
from .errors import SipError
from .events import Event
from .hop import WEB_TRANSPORTS, Hop, Transport
from .message_observer import MessageObserver
from .policy import EveryPeer, PeerPolicy
from .registration.registration import Account, Registration
from .saved import SavedSession
from .sdp.offer_answer import LocalAudio
from .transport.alarm import Alarm
from .transport.dns.hosts_file import HostsFile
from .transport.dns.lookups import Lookups
from .transport.dns.name_servers import NameServers
from .transport.own_addresses import OwnAddresses
from .transport.resolver import Family, ResolutionFailed, Resolver
from .transport.sockets import (
    ListenError,
    SocketEvents,
    SocketOptions,
    Sockets,
    family_of,
    parse_listen,
    reachable_host,
)
from .transport.tcp import TcpTransport
from .transport.tls.contexts import TlsContexts, TlsOptions
from .transport.web_edge import Browsers, WebEdge
from .usage import DialogUsage, RegistrationUsage
from .user_agent import UserAgent

log = logging.getLogger(__name__)


class SipEndpoint:
    """A user agent on the network.

    `listen` holds addresses such as `udp:127.0.0.1:5060`, `tcp:[::1]:5060` and `tls:[::1]:5061`;
    port 0 lets the kernel choose, see `addresses`. `advertise` is the host that peers read in Via
    and Contact in place of the one bound, for hosts behind NAT.

    `on_event` is called for each event, in order, and never from inside a method of the endpoint.
    `policy` knows the peers; see PeerPolicy. `on_saves` is called with what is to be kept of
    sessions, so that `restore` of a later process can end them. `observer` is shown each message.
    `browsers` are known and reached by it; None: there are none.
    """

    def __init__(
        self,
        listen: Sequence[str],
        *,
        on_event: Callable[[Event], None],
        options: EndpointOptions | None = None,
        policy: PeerPolicy | None = None,
        on_saves: Callable[[Saves], None] | None = None,
        observer: MessageObserver | None = None,
        browsers: Browsers | None = None,
    ) -> None:
        options = options or EndpointOptions()
        self._listen = tuple(parse_listen(text) for text in listen)
        self._advertised = {"": options.advertise or ""}
        self._policy = policy or EveryPeer()
        self._on_event = on_event
        self._observer = observer
        self.ua = UserAgent(
            local={},
            timers=options.timers,
            product=options.product,
            rng=options.rng,
            rates=options.rates,
            bounds=options.bounds,
            policy=self._policy,
        )
        self._on_saves = on_saves
        if on_saves is not None:
            self.ua.want_saves()
        families = dict.fromkeys(family_of(hop.host) for hop in self._listen)
        # IPv4 first, because few SIP elements have sockets of both families.
        ordered: list[Family] = [one for one in ("ipv4", "ipv6") if one in families]
        self._names = Lookups(NameServers(options.name_servers).ask, HostsFile())
        self.resolver = Resolver(self._names, families=ordered, has_tls=False, rng=options.rng)
        self._own_certificates = frozenset(options.tls.own if options.tls is not None else ())
        self._sockets = Sockets(
            self._listen,
            self.ua.limits,
            SocketEvents(self._received, self._flush, self._failed, self._malformed),
            SocketOptions(options.dscp, options.tcp_limits, options.origins, options.proxies),
            None if options.tls is None else TlsContexts(options.tls),
        )
        self._edge: WebEdge | None = None
        if browsers is not None:
            self._edge = WebEdge(
                browsers,
                clock=self._time,
                deliver=self._translated,
                transmit=self._sockets.send,
                knows_call=self.ua.context.knows_call,
            )
        self._own = OwnAddresses(self.tcp.local_address)
        self._lookups: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm = Alarm(self._woken)
        self._delivering = False
        self._delivery_due = False
        self._until_clear: dict[str, set[asyncio.Future[None]]] = {}

    # -- life

    async def start(self) -> None:
        """Bind all addresses and start. Raises ListenError, and then no address stays bound."""
        self._loop = asyncio.get_running_loop()
        try:
            self._sockets.open(self._listen)
        except ListenError:
            await self.stop()
            raise
        self._take_addresses()

    async def stop(self) -> None:
        """Close the sockets and drop all state. It sends nothing, so hang up calls first.

        What is kept of sessions stays so.
        """
        self._on_saves = None
        self._alarm.cancel()
        self._loop = None
        for task in self._lookups:
            task.cancel()
        await asyncio.gather(*self._lookups, return_exceptions=True)
        if self._edge is not None:
            await self._edge.close()
        await self._names.close()
        await self._sockets.close()
        self.ua.close()

    def _take_addresses(self) -> None:
        """Have peers told the addresses that are bound by now."""
        for hop in self._sockets.bound:
            self._own.add_address(hop._replace(host=reachable_host(hop.host)))
        shared = self._told("")
        ipv4, ipv6 = shared["ipv4"], shared["ipv6"]
        self.ua.context.local.share(ipv4 or ipv6, ipv6 or ipv4)
        for local in {hop.local for hop in self._sockets.bound if hop.local}:
            own = self._told(local)
            ipv4, ipv6 = own["ipv4"] or own["ipv6"], own["ipv6"] or own["ipv4"]
            self.ua.context.local.give(
                local, {**shared["ipv4"], **ipv4}, {**shared["ipv6"], **ipv6}
            )
        self.resolver.has_tls = any(hop.transport == "tls" for hop in self._sockets.bound)

    def _told(self, local: str) -> dict[Family, dict[Transport, tuple[str, int]]]:
        """The addresses of a trunk ("": those that all share), as peers are told them."""
        advertised = self._advertised.get(local) or self._advertised[""]
        return {
            family: {
                transport: (advertised or host, port)
                for transport, (host, port) in addresses.items()
            }
            for family, addresses in self._sockets.reachable(local).items()
        }

    def listen_for(self, trunk: str, listen: Sequence[str], advertise: str = "") -> None:
        """Listen on these addresses too, for the calls of one trunk. Raises ListenError.

        Those that are bound already stay so, also where they are configured no more: calls go on.
        `advertise` is the host that the trunk reads there in Via and Contact; "": as others do.
        """
        self._advertised[trunk] = advertise
        for text in listen:
            self._sockets.bind_also(parse_listen(text, trunk))
        self._take_addresses()

    def configure_tls(self, options: TlsOptions) -> None:
        """Read the certificates again. Connections go on. Raises TlsFileError and keeps the old."""
        contexts = TlsContexts(options)
        self._own_certificates = frozenset(options.own)
        self.tcp.configure_tls(contexts)

    # -- for the owner

    @property
    def addresses(self) -> list[Hop]:
        """The bound addresses, in the order of `listen`."""
        return list(self._sockets.bound)

    @property
    def tcp(self) -> TcpTransport:
        """The connections, with TLS and without."""
        return self._sockets.tcp

    async def hops(self, uri_text: str, trunk: str = "") -> tuple[Hop, ...]:
        """Where a URI leads, best first. Raises ParseError and ResolutionFailed.

        `trunk` is the trunk that it is of: its own addresses and certificate are used.
        """
        browser = None if self._edge is None else self._edge.hop_of(uri_text)
        if browser is not None:
            return (browser,)
        found = await self.resolver.hops(uri_text)
        return tuple(self._from(trunk, hop) for hop in found) if trunk else found

    def _from(self, trunk: str, hop: Hop) -> Hop:
        """The hop, to be sent to from the addresses of a trunk, where it has such."""
        has_own = self._sockets.has(hop, trunk) or (
            hop.transport == "tls" and trunk in self._own_certificates
        )
        return hop._replace(local=trunk) if has_own else hop

    async def addresses_of(self, host: str) -> list[str]:
        """The addresses of a host name, of the families we have. Raises ResolutionFailed."""
        return await self.resolver.addresses(host)

    def may_get_media(self, host: str, peer_host: str) -> bool:
        """See PeerPolicy."""
        return self._policy.may_get_media(host, peer_host)

    def rest(self, hop: Hop, for_s: float | None = None) -> None:
        """Try other addresses of a name before this one for a while: it did not work."""
        self.resolver.resting.failed(hop, self._time(), for_s)

    async def ask_options(self, asked: OptionsTarget, hop: Hop) -> OptionsAnswer:
        """Send one OPTIONS to `hop`, and wait for what comes of it. Raises ParseError."""
        answered: asyncio.Future[OptionsAnswer] = asyncio.get_running_loop().create_future()

        def on_answer(answer: OptionsAnswer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self.ua.ask_options(asked, hop, on_answer, self._time())
        self._flush_from_owner()
        return await answered

    def may_reach(self, hop: Hop, peer: Hop) -> bool:
        """Whether requests to a peer at `peer` may go to `hop`, as it wants. See PeerPolicy."""
        return self.ua.context.may_reach(hop, peer)

    def is_clear(self, target: str) -> bool:
        """Whether no cancelled call to `target` waits for the phone's confirmation."""
        return self.ua.clearing_s(target, self._time()) is None

    async def until_clear(self, target: str) -> None:
        """Wait until a phone has confirmed that a call to it was cancelled.

        Without that a phone whose 200 crossed the CANCEL would be called in the middle of a call.
        Returns at once for a target that no cancelled call is left of.
        """
        while (wait_s := self.ua.clearing_s(target, self._time())) is not None:
            cleared = asyncio.get_running_loop().create_future()
            waiting = self._until_clear.setdefault(target, set())
            waiting.add(cleared)
            try:
                await asyncio.wait([cleared], timeout=None if math.isinf(wait_s) else wait_s)
            finally:
                waiting.discard(cleared)
                if not waiting:
                    self._until_clear.pop(target, None)

    def invite(self, invitation: Invitation) -> Session:
        """See UserAgent.invite."""
        session = self.ua.invite(invitation, self._time())
        self._flush_from_owner()
        return session

    def restore(self, saved: SavedSession, credentials: Credentials | None) -> Session:
        """See UserAgent.restore. To be called before `start`, so that no message comes earlier."""
        return self.ua.restore(saved, credentials)

    def register(self, account: Account) -> Registration:
        """See UserAgent.register."""
        registration = self.ua.register(account, self._time())
        self._flush_from_owner()
        return registration

    def unregister(self, registration: RegistrationUsage) -> None:
        """See Registration.stop."""
        registration.stop(self._time())
        self._flush_from_owner()

    def host_down(self, registration: RegistrationUsage, host: str) -> None:
        """See Registration.host_down."""
        registration.host_down(host, self._time())
        self._flush_from_owner()

    def hangup(self, session: DialogUsage, reason: str | None = None) -> None:
        """See Session.hangup."""
        session.hangup(self._time(), reason=reason)
        self._flush_from_owner()

    def reinvite(self, session: Session, audio: LocalAudio) -> None:
        """See Session.reinvite."""
        session.reinvite(audio, self._time())
        self._flush_from_owner()

    def send_info(self, session: Session, content_type: str, body: bytes) -> None:
        """See Session.send_info."""
        session.send_info(content_type, body, self._time())
        self._flush_from_owner()

    def perform(self, action: Callable[[float], None]) -> None:
        """Call a method of a session or referral with the time. See Session.refer and Referral."""
        action(self._time())
        self._flush_from_owner()

    def ring(self, session: DialogUsage, status: int = 180) -> None:
        """See UasSession.ring."""
        _called(session).ring(self._time(), status)
        self._flush_from_owner()

    def accept(self, session: DialogUsage, audio: LocalAudio) -> None:
        """See UasSession.accept."""
        _called(session).accept(audio, self._time())
        self._flush_from_owner()

    def reject(
        self,
        session: DialogUsage,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        reason: str | None = None,
    ) -> None:
        """See UasSession.reject."""
        _called(session).reject(status, self._time(), headers, reason=reason)
        self._flush_from_owner()

    # -- from the transports

    def _received(self, data: bytes, source: Hop) -> None:
        if self._edge is not None and source.transport in WEB_TRANSPORTS:
            self._edge.received(data, source)
        else:
            self._read(data, source)

    def _translated(self, data: bytes, source: Hop) -> None:
        self._read(data, source)
        self._flush_from_owner()

    def _read(self, data: bytes, source: Hop) -> None:
        is_read = True
        try:
            is_read = self.ua.receive(data, source, self._time())
        except Exception:  # a bug of ours must not affect later messages
            self.ua.counters.internal_errors += 1
            log.exception("internal error: a message from %s was dropped", source)
        if is_read and self._observer is not None:
            self._observer.received(data, source, self._own.towards(source))

    def _failed(
        self, hop: Hop, reason: str, quoted: bytes | None = None, *, is_silent: bool = False
    ) -> None:
        if self._edge is not None and hop.transport in WEB_TRANSPORTS:
            self._edge.gone(hop, is_silent=is_silent)
        self.ua.transport_failed(hop, reason, self._time(), quoted)
        self._flush_from_owner()

    def _malformed(self) -> None:
        self.ua.counters.malformed += 1

    def _woken(self) -> None:
        try:
            self.ua.handle_timers(self._time())
        except Exception:  # nor later timers
            self.ua.counters.internal_errors += 1
            log.exception("internal error: a timer was dropped")
        self._flush()

    # -- to the transports and the owner

    def _time(self) -> float:
        if self._loop is None:
            raise SipError("the SIP endpoint is not running")
        return self._loop.time()

    def _flush(self) -> None:
        """Send the output, then deliver events. Called by the event loop only."""
        self._send_output()
        self._deliver()

    def _flush_from_owner(self) -> None:
        """Like `_flush`, but events are delivered in the next iteration of the loop."""
        self._send_output()
        if self.ua.has_events and not self._delivering:
            self._deliver_soon()

    def _deliver_soon(self) -> None:
        if self._loop is not None and not self._delivery_due:
            self._delivery_due = True
            self._loop.call_soon(self._deliver_due)

    def _deliver_due(self) -> None:
        self._delivery_due = False
        self._deliver()

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while (event := self.ua.take_event()) is not None:
                self._on_event(event)
        finally:
            self._delivering = False
            # If the owner raised, the loop reports it, and the other events are still delivered.
            if self.ua.has_events:
                self._deliver_soon()

    def _send_output(self) -> None:
        if self._on_saves is not None:
            saves = self.ua.take_saves()
            if saves:
                self._on_saves(saves)
        for hop, data in self.ua.take_output():
            if self._observer is not None:
                self._observer.sent(data, hop, self._own.towards(hop))
            if self._edge is not None and hop.transport in WEB_TRANSPORTS:
                self._edge.send(hop, data)
                continue
            reason = self._sockets.send(hop, data)
            if reason is not None:
                self._report_later(hop, reason)
        if self._until_clear:
            self._look_whether_clear()
        for lookup in self.ua.take_lookups():
            task = asyncio.ensure_future(self._look_up(lookup))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)
        self._set_wake()

    def _look_whether_clear(self) -> None:
        now = self._time()
        for target, waiting in self._until_clear.items():
            if self.ua.clearing_s(target, now) is None:
                for cleared in waiting:
                    if not cleared.done():
                        cleared.set_result(None)

    async def _look_up(self, lookup: Lookup) -> None:
        for hop in lookup.failed:
            self.rest(hop)
        hops: tuple[Hop, ...] = ()
        try:
            found = await self.resolver.hops_of(lookup.uri, lookup.near)
            hops = tuple(self._from(lookup.trunk, hop) for hop in found) if lookup.trunk else found
        except ResolutionFailed as error:
            log.info("%s: %s", lookup.uri, error)
        lookup.found(hops, self._time())
        self._flush()

    def _report_later(self, hop: Hop, reason: str) -> None:
        if self._loop is not None:
            self._loop.call_soon(self._failed, hop, reason)

    def _set_wake(self) -> None:
        """Set the wake-up for the next deadline."""
        deadline = self.ua.next_deadline()
        if deadline is not None and self._loop is not None:
            self._alarm.set(deadline)


def _called(session: DialogUsage) -> UasSession:
    if not isinstance(session, UasSession):
        raise SipError("only a call that came in can be answered")
    return session
