"""Calls that come in: which are accepted, which are refused, and all that are up now.

A call is accepted only from a trunk, by its address, certificate or password, and only where a
route names its queue; and from a web page whose visitor shows a token for the queue of its site.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import structlog

from config.inbound import Inbound as Route
from config.settings import Settings
from sip.dialog.uas import UasSession
from sip.errors import SipError
from sip.events import ExtensionsRefused, IncomingInvite
from sip.hop import WEB_TRANSPORTS, Hop
from sip.message.message import Request
from sip.policy import Admission, Authenticated, Challenged
from sip.rate_limit import RateLimit, RateLimiter
from sip.sdp.offer_answer import LocalAudio
from sip.usage import DialogUsage

from ..calls.dialling import shaped
from ..calls.q850 import cause_of, reason_header
from ..calls.running_calls import RunningCalls
from ..calls.services import CallServices
from ..routing.media_policy import MediaPolicy
from ..stir.verdict import Verdict
from .call_info import InboundCallInfo
from .caller.caller_id import user_to_user_of
from .caller.trunk_parties import CallParties, TrunkParties
from .handed_over import HandedOver, Handler
from .inbound_call import InboundCall
from .inbound_routes import find_route
from .other_bodies import other_bodies
from .page_visitor import visitor_info
from .replacing import take_place
from .services import InboundServices
from .trunk_auth import TrunkAuth
from .unknown_sources import UnknownSources

log = structlog.get_logger()

# How soon a trunk may send calls again that came while the engine was draining (RFC 3261 20.33).
RETRY_AFTER_S = 10
# How many refused calls that demand extensions are published: there is one for each INVITE.
TOLD_EXTENSIONS = RateLimit(messages_per_s=5.0, burst=20.0)


class Inbound:
    """Accepts the calls that come in, each in a task of its own."""

    def __init__(
        self,
        services: CallServices,
        inbound: InboundServices,
        settings: Settings,
        *,
        handler: Handler,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._inbound = inbound
        self._handler = handler
        self._clock = clock
        self._rtp_host = services.rtp_host or settings.media.address
        self.unknown_sources = UnknownSources()
        self._told_extensions = RateLimiter(TOLD_EXTENSIONS)
        self._auth = TrunkAuth(settings.sip.digest, settings.trunks)
        self._parties = TrunkParties(settings)
        self.draining = False
        self._has_started = False
        self._calls: RunningCalls[InboundCall] = RunningCalls("inbound_call_died")
        self._configure(settings)

    # -- life -------------------------------------------------------------------------------

    async def start(self, moved_s: float = 0.0) -> None:
        """Look up the peers' addresses, and read the kept positions. Raises StoreError.

        The clock was stepped by `moved_s` since an earlier engine wrote them.
        """
        await self._inbound.positions.load(moved_s)
        await self._inbound.peers.start()
        self._has_started = True

    def reload(self, settings: Settings) -> None:
        """Use these trunks and routes from now on; calls go on."""
        self._inbound.peers.configure(settings.trunks, settings.dial.allow_hosts)
        self._inbound.peers.look_up_soon()
        self._auth.configure(settings.sip.digest, settings.trunks)
        self._inbound.verification.configure(settings.stir)
        self._parties.configure(settings)
        self._configure(settings)

    def _configure(self, settings: Settings) -> None:
        self._routes = tuple(settings.inbound)
        self._whisper = settings.whisper.default

    def route(self, dialled: str, trunk: str) -> Route | None:
        """The route of a call by `trunk` to this number, however it is written."""
        return find_route(self._routes, self._parties.as_dialled(dialled), trunk)

    def refusal(self, route: Route | None, objection: str | None = None) -> tuple[int, str] | None:
        """The SIP status and the reason with which a call of this route is refused at once.

        `objection` is what its offer cannot do. None: the rules are asked, and then the queue.
        """
        if self.draining:
            return 503, "the engine is draining"
        overloaded = self._services.overload.reason
        if overloaded is not None:
            return 503, overloaded
        if route is None:
            return 404, "no inbound route takes it"
        return None if objection is None else (488, objection)

    def check_queue(self, queue: str, number: str | None, now: float) -> None:
        """Check that a queue admits a call from `number` (E.164). Raises EngineError."""
        has_place = self._inbound.has_position(queue, number)
        self._services.queues.matcher.queues.check(queue, now, "call", has_place=has_place)

    @property
    def active(self) -> int:
        """How many calls are up."""
        return len(self._calls)

    async def drain(self, timeout_s: float | None) -> bool:
        """Accept no more calls, and wait for those that are up. True once none is."""
        self.draining = True
        return await self.idle(timeout_s)

    async def idle(self, timeout_s: float | None) -> bool:
        """Wait until no call is up. True once none is, False when that takes too long."""
        return await self._calls.idle(timeout_s)

    async def stop(self) -> None:
        """Hang up every call and wait until each is."""
        self.draining = True
        await self._inbound.verification.stop()
        self._inbound.peers.stop()
        await self._calls.stop("engine stopped")

    def status(self) -> dict[str, Any]:
        """What `engine.status` shows of it."""
        return {
            "calls": self.active,
            "strangers_refused": self.unknown_sources.refused,
            "strangers_ignored": self.unknown_sources.ignored,
            "strangers_challenged": self.unknown_sources.challenged,
            "places_kept": len(self._inbound.positions),
        }

    # -- what comes in ----------------------------------------------------------------------

    def admits(self, invite: Request, source: Hop, now: float) -> Admission:
        """What becomes of an INVITE from `source`. Asked before it costs anything."""
        if not self._has_started:
            return "ignore"  # the trunks' addresses are not known yet; the peer retransmits
        peers, unknown = self._inbound.peers, self.unknown_sources
        trunk = peers.trunk_of(source)
        if trunk is not None and (not self._auth.wants(trunk) or peers.is_certified(source)):
            return "accept"
        if self._auth.wants(trunk):
            return self._authenticated(invite, source, trunk, now)
        if not unknown.may_answer(source.host, now):
            return "ignore"
        if peers.is_known(source.host):
            return "accept"  # a phone that may be called; it is refused with all ceremony
        unknown.count_refused(source.host, now)
        return "refuse"

    def _authenticated(
        self, invite: Request, source: Hop, trunk: str | None, now: float
    ) -> Admission:
        """What becomes of an INVITE that has to show a password: it is at the address of `trunk`,
        or (None) of none."""
        auth, host = self._auth, source.host
        if auth.is_paused(host, now):
            self.unknown_sources.ignored += 1
            return "ignore"
        outcome, account = auth.check(invite, host, now)
        if outcome == "right" and source.local in ("", account):
            return Authenticated(account)
        if outcome in ("right", "wrong"):
            self.unknown_sources.count_refused(host, now)
        is_expected = trunk is not None or auth.has_proved(host)
        if not is_expected and not self.unknown_sources.may_answer(host, now):
            return "ignore"
        self.unknown_sources.challenged += 1
        return Challenged(auth.challenge(host, now, outcome))

    def on_invite(self, event: IncomingInvite) -> None:
        """Handle an INVITE: accept the call, or refuse it."""
        session = cast(UasSession, event.session)
        if session.source.transport in WEB_TRANSPORTS:
            self._from_browser(session, event.replaced)
            return
        trunk = session.peer or self._inbound.peers.trunk_of(session.source)
        if event.replaced is not None:
            self._replace(session, event.replaced, trunk)
            return
        if trunk is None:
            self.unknown_sources.count_refused(session.source.host, self._clock())
            self._reject(session, 403)
            return
        session.use_credentials(self._parties.credentials(trunk), trunk)
        request = event.request
        parties = self._parties.of(request, trunk)
        objection = self._objection(session, self._media_of(trunk))
        route = find_route(self._routes, parties.dialled, trunk)
        refusal = self.refusal(route, objection)
        if refusal is not None:
            self._services.overload.refused += refusal[1] == self._services.overload.reason
            self._refuse(session, refusal, parties, trunk)
        elif route is not None:
            incoming = InboundCallInfo(
                call=f"call-{self._services.new_id()}",
                route=route,
                trunk=trunk,
                party=parties.caller,
                dialled=parties.dialled[0],
                user_to_user=user_to_user_of(request),
                bodies=other_bodies(request),
                diversions=self._parties.diversions(request, trunk),
                default_whisper=self._whisper,
            )
            self._inbound.verification.verify(
                request,
                partial(self._parties.signed, request, trunk),
                partial(self._take, session, parties, incoming),
            )

    def _take(
        self,
        session: UasSession,
        parties: CallParties,
        incoming: InboundCallInfo,
        verdict: Verdict,
    ) -> None:
        """Go on with a call that is accepted, now that it is known whether its caller is."""
        incoming = replace(incoming, verdict=verdict)
        if self.draining:
            self._refuse(session, (503, "the engine is draining"), parties, incoming.trunk)
        elif incoming.route.handler != "client":
            self._begin(session, incoming)
        elif session.state == "incoming":
            self._hand_over(session, incoming)
        else:  # a client need not decide about it
            self._refuse(session, (487, "the caller has hung up"), parties, incoming.trunk)

    def _media_of(self, trunk: str | None) -> MediaPolicy:
        return self._services.dialplan.media_policy_of(trunk or "")

    def _objection(self, session: UasSession, policy: MediaPolicy) -> str | None:
        """What the offer of a call cannot do."""
        return session.objection(shaped(LocalAudio(host=self._rtp_host, port=9), policy))

    def _from_browser(self, session: UasSession, replaced: DialogUsage | None) -> None:
        """A visitor calls from a web page; or a browser whose page was loaded again takes over its
        call, where there is one."""
        objection = self._objection(session, self._services.dialplan.browser_policy())
        trunk_of = self._inbound.peers.trunk_of
        if replaced is None:
            self._take_visitor(session, objection)
        elif refused := take_place(session, replaced, session.peer, trunk_of, objection):
            self._reject(session, refused.status, refused.reason)

    def _take_visitor(self, session: UasSession, objection: str | None) -> None:
        """A visitor calls from a web page, to the queue of its site and nowhere else."""
        page = self._inbound.page_calls.call_of(session.peer)
        if page is None:
            self._reject(session, 403)
            return
        call = page.call or f"call-{self._services.new_id()}"
        incoming = visitor_info(page, call, self._whisper)
        refusal = self.refusal(incoming.route, objection)
        if refusal is None:
            self._inbound.page_owners.add(page, self._clock())
            self._begin(session, incoming)
        else:
            parties = CallParties(incoming.party, (incoming.dialled,))
            self._refuse(session, refusal, parties, None)

    def _replace(self, session: UasSession, replaced: DialogUsage, trunk: str | None) -> None:
        """Let the call take the place of another party, where it may (RFC 3891)."""
        session.use_credentials(self._parties.credentials(trunk), trunk or "")
        objection = self._objection(session, self._media_of(trunk))
        refused = take_place(session, replaced, trunk, self._inbound.peers.trunk_of, objection)
        if refused is not None:
            self._reject(session, refused.status, refused.reason)
            self._publish_refused(refused, self._parties.of(session.request, trunk), trunk)

    def _begin(self, session: UasSession, incoming: InboundCallInfo) -> None:
        call = InboundCall(self._services, self._inbound, session, incoming, clock=self._clock)
        self._calls.begin(call, on_not_begun=partial(self._reject, session, 503))

    def _hand_over(self, session: UasSession, incoming: InboundCallInfo) -> None:
        """Let a client take the call; where none does, the route's fallback has it."""
        route = incoming.route
        fallback = next((one for one in self._routes if one.name == route.fallback), None)

        def fall_back() -> None:
            assert fallback is not None
            self._begin(session, replace(incoming, route=fallback))

        self._handler.hand_over(
            session,
            HandedOver(
                call=incoming.call,
                party=incoming.party,
                dialled=incoming.dialled,
                trunk=incoming.trunk,
                route=route.name,
                context=incoming.context,
                verdict=incoming.verdict,
                brought=incoming.brought,
                handler_s=route.handler_s,
                fall_back=None if fallback is None else fall_back,
            ),
        )

    def on_extensions_refused(self, event: ExtensionsRefused) -> None:
        """SIP has refused a trunk's call, which demands extensions that we lack: publish it."""
        trunk = self._inbound.peers.trunk_of(event.source)
        if trunk is None or not self._told_extensions.allow("", time.monotonic()):
            return
        missing = list(event.extensions)
        reason = f"it requires {', '.join(missing)}, which is not supported"
        parties = self._parties.of(event.request, trunk)
        self._publish_refused((420, reason), parties, trunk, extensions=missing)

    def _refuse(
        self, session: UasSession, refusal: tuple[int, str], parties: CallParties, trunk: str | None
    ) -> None:
        """Refuse a call with this status and reason, and publish it."""
        status, reason = refusal
        self._reject(session, status, reason if status == 488 else None)
        self._publish_refused(refusal, parties, trunk)

    def _publish_refused(
        self, refusal: tuple[int, str], parties: CallParties, trunk: str | None, **more: Any
    ) -> None:
        """Publish that a call was refused with this status, for this reason."""
        status, reason = refusal
        shown: dict[str, Any] = {**parties.shown(), **more}
        self._services.events.publish(
            "call.refused", trunk=trunk, sip_status=status, reason=reason, **shown
        )

    def _reject(self, session: UasSession, status: int, reason: str | None = None) -> None:
        headers = [("Reason", reason_header(cause_of(status)))]
        if status == 503:
            headers.append(("Retry-After", str(RETRY_AFTER_S)))
        try:
            self._services.sip.reject(session, status, tuple(headers), reason=reason)
        except SipError as error:  # hung up already
            log.debug("not_rejected", status=status, reason=error.reason)
