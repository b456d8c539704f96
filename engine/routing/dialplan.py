"""The dialplan: from what somebody wants dialled to the targets that are dialled.

A party is named by number, by `sip:` URI or by an agent's name. Nobody is rung without a
Destination, and every Destination comes from here, so the policy is asked for everything that
rings anybody: `read` says what a text is and that it may be dialled, `destination` where it goes.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, Protocol

from config.agents import Agent, ReachedKind, StreamAddress
from config.settings import Route, Trunk
from config.streams import shown_url
from config.value_checks.sip_uris import browser_of
from config.values import Codec
from sip.auth.digest import Credentials
from sip.errors import ParseError
from sip.message.uri import SipUri, parse_uri
from sip.transport.web_edge import browser_uri

from ..errors import EngineError
from .blocking.do_not_call import DoNotCall
from .identity.caller_id_check import check_caller_id
from .identity.caller_identity import CallerIdentity
from .media_policy import DEFAULT_MEDIA, MediaPolicy, formats_of
from .numbers.number_plan import NumberPlan
from .numbers.phone_number import CalledNumber
from .numbers.reading import NotDialable, Reading, is_uri, refused
from .permitted_host import PermittedHost, place_of, sip_uri, steering_parameter, transport_of
from .targets.destination import Destination, DialTarget, credentials_of
from .targets.stream_target import StreamTarget
from .targets.trunk_targets import TrunkTargets
from .trunk_states import AllTrunksUp, NoTrunkUsable, TrunkStates, trunks_full, usable_now

READINGS_KEPT: Final = 1024


class AgentAddress(Protocol):
    """Where an agent is reached: a sip: URI, or a number that a route takes."""

    @property
    def uri(self) -> str:
        """The URI, or number."""

    @property
    def kind(self) -> ReachedKind:
        """Desk phone, browser, mobile, or a service."""

    @property
    def ring_s(self) -> float | None:
        """How long it rings before the next address does; None: as the request says."""

    @property
    def confirm(self) -> str:
        """The key by which a call is taken there; "": by answering."""

    @property
    def stream(self) -> StreamAddress | None:
        """That of a service; None for a phone."""


_AGENT: Final = Reading("agent")
# How an agent is reached: at which addresses, with which credentials, and their sound.
_ReachedAs = tuple[tuple[AgentAddress, ...], Credentials | None, MediaPolicy]


class Dialplan:
    """Reads destinations by the configured trunks, routes, agents and permitted hosts.

    `do_not_call` has the numbers that are not dialled, even if an agent has them, or the
    outside number of a queue.
    """

    def __init__(
        self,
        *,
        trunks: Sequence[Trunk],
        routes: Sequence[Route],
        agents: Sequence[Agent],
        allow_hosts: Sequence[str],
        plan: NumberPlan,
        trunk_states: TrunkStates | None = None,
        do_not_call: DoNotCall | None = None,
    ) -> None:
        self._of_browsers = DEFAULT_MEDIA
        self._do_not_call = DoNotCall() if do_not_call is None else do_not_call
        self._trunk_states = trunk_states or AllTrunksUp()
        self._agents: dict[str, _ReachedAs] = {}
        for agent in agents:
            policy = MediaPolicy.of(agent)
            self.set_agent(agent.name, agent.reached_at, credentials_of(agent), policy)
        self.configure(trunks=trunks, routes=routes, allow_hosts=allow_hosts, plan=plan)

    def configure(
        self,
        *,
        trunks: Sequence[Trunk],
        routes: Sequence[Route],
        allow_hosts: Sequence[str],
        plan: NumberPlan,
    ) -> None:
        """Dial by these from now on; the agents stay. Raises ParseError, see `check`."""
        extensions = [r.prefix for r in routes if r.prefix and not r.prefix.startswith("+")]
        plan = replace(plan, route_prefixes=tuple(extensions))
        self._trunks = TrunkTargets(trunks, plan, self._trunk_states)
        self._plan = plan
        self._routes = list(routes)
        self._hosts = [PermittedHost.read(host) for host in allow_hosts]
        # What a text is follows from the configuration alone, and each call asks several times.
        self._read_uri = lru_cache(READINGS_KEPT)(self._permitted_uri)
        self._read_user = lru_cache(READINGS_KEPT)(self._reading_of_user)
        self._read_number = lru_cache(READINGS_KEPT)(plan.read)
        self._at_no_trunk = lru_cache(READINGS_KEPT)(self._destination_at_no_trunk)

    @staticmethod
    def check(trunks: Sequence[Trunk]) -> None:
        """Raise ParseError where one of these trunks cannot be called."""
        for trunk in trunks:
            for uri in trunk.places:
                sip_uri(uri)

    def sent_to(self, text: str, trunk: str) -> tuple[str, str]:
        """What a trunk is sent for a party: the number that is dialled there, and the caller id
        of calls that name none. Raises EngineError `refused`."""
        if trunk not in self._trunks:
            raise EngineError("refused", f"there is no trunk named {trunk!r}", field="trunk")
        reading = self.read(text, field="number")
        with refused("number"):
            (target,) = self._trunks.targets(reading, [trunk], self._check_number)
        return sip_uri(target.request_uri).user or "", target.identity.told(target.caller_id)

    def destination(self, text: str, *, field: str, trunk: str | None = None) -> Destination:
        """The targets that reach `text`. Raises EngineError `refused` or `unavailable` of `field`.

        `trunk` restricts a number to one configured trunk.
        """
        if trunk is not None and trunk not in self._trunks:
            raise EngineError("refused", f"there is no trunk named {trunk!r}", field="trunk")
        if text in self._agents:
            return self.agent_destinations(text, field=field)[0]
        if is_uri(text):
            return self._uri(text, field)
        return self._number(text, field, trunk)

    def classify(self, text: str, *, field: str = "to", region: str | None = None) -> Reading:
        """What `text` is. Raises EngineError `refused` naming `field` where it is nothing to dial.

        `region` is the country in which a number is written; None: the configured one. An agent's
        name is that of an agent, whose addresses are read when they are dialled.
        """
        try:
            return self._reading(text, region)
        except NotDialable as refusal:
            raise refusal.naming(field) from refusal

    def read(self, text: str, *, field: str = "to", region: str | None = None) -> Reading:
        """As `classify`, and that it may be dialled: the one dial policy.

        Raises EngineError `refused` whose data has the policy that refuses. Hours and limits are
        those of customers: admission asks for them besides.
        """
        try:
            reading = self._reading(text, region)
            self._check_policy(reading)
        except NotDialable as refusal:
            raise refusal.naming(field) from refusal
        return reading

    def _reading(self, text: str, region: str | None) -> Reading:
        if text in self._agents:
            return _AGENT
        return self._read_user(text) if is_uri(text) else self._read_number(text, region)

    def _check_policy(self, reading: Reading) -> None:
        for number in reading.numbers:
            self._check_number(number)

    def _check_number(self, number: CalledNumber) -> None:
        self._plan.check_destination(number)
        self._do_not_call.check(number.e164)

    def read_number(self, text: str, *, field: str, region: str | None = None) -> str:
        """A number in full, and nothing else than a number. Raises EngineError `refused`."""
        if text in self._agents or is_uri(text):
            reason = f"{text!r} is no number, and to_kind says that it is one"
            raise EngineError("refused", reason, field=field)
        reading = self.read(text, field=field, region=region)
        if reading.kind != "number":
            reason = f"{text!r} is {reading.describe()}, and to_kind says that it is a number"
            raise EngineError("refused", reason, field=field)
        return reading.digits

    def _reading_of_user(self, text: str) -> Reading:
        """What a URI that somebody wants dialled is. Raises NotDialable."""
        uri = self._read_uri(text)
        self._plan.check_name(uri)
        return self._read_phone(uri)

    def _read_phone(self, uri: SipUri) -> Reading:
        """What the URI of an agent's phone is. Raises NotDialable.

        At a host that is no trunk's the phone may be named a112: nothing there dials digits.
        """
        trunk = next(iter(self._trunks.at(uri)), None)
        if trunk is None:
            reading = self._plan.read_user(uri)
            steers = steering_parameter(uri)
        else:
            self._plan.check_name(uri)
            reading = self._plan.read_user(uri, trunk=trunk.name, users=trunk.users)
            steers = steering_parameter(uri, self._trunks.place(trunk.name, uri))
        if steers is not None:
            raise NotDialable(f"the URI has {steers!r}, which could change who is dialled")
        return reading

    def is_agent(self, text: str) -> bool:
        """Whether `text` is an agent's name."""
        return text in self._agents

    def trunks_for(
        self, text: str, trunk: str | None = None
    ) -> tuple[str | None, str | None, list[str]]:
        """The number that is dialled, the prefix of its route, and the route's trunks in their
        order, usable or not. None and no trunks where it is no number or has no route."""
        try:
            reading = self._plan.read(text)
        except NotDialable:
            return None, None, []
        prefix, names = self._route(reading)
        return reading.digits, prefix, [trunk] if trunk else names

    def at_trunk(self, user: str, trunk: str) -> str:
        """The sip: URI of a user at a trunk. Raises EngineError `refused` for no such trunk."""
        if trunk not in self._trunks:
            raise EngineError("refused", f"there is no trunk named {trunk!r}", field="trunk")
        return self._trunks.uri_at(user, trunk)

    # -- agents -----------------------------------------------------------------------------

    def set_agent(
        self,
        name: str,
        addresses: Sequence[AgentAddress],
        credentials: Credentials | None = None,
        media: MediaPolicy = DEFAULT_MEDIA,
    ) -> None:
        """Know an agent by `name`, to be reached at `addresses` in this order from now on."""
        self._agents[name] = (tuple(addresses), credentials, media)

    def set_browsers(self, codecs: Sequence[Codec]) -> None:
        """Have pages, and agents' browsers that have none of their own, speak these from now on."""
        self._of_browsers = MediaPolicy(codecs=formats_of(codecs))

    def forget_agent(self, name: str) -> None:
        """Know this agent no longer."""
        self._agents.pop(name, None)

    def agent_destinations(self, name: str, *, field: str = "agent") -> tuple[Destination, ...]:
        """The addresses of an agent, in the order in which to ring them.

        One whose trunk is down is left out. Raises EngineError where none is left, `not_found`
        where there is no such agent.
        """
        if name not in self._agents:
            raise EngineError("not_found", f"there is no agent named {name!r}", field=field)
        addresses, credentials, media = self._agents[name]
        reason = f"agent {name} has no address that is switched on"
        why_not = EngineError("unavailable", reason, field=field)
        found = []
        for address in addresses:
            try:
                found.append(self._address(name, address, (credentials, media), field))
            except EngineError as error:
                why_not = error
        if not found:
            raise why_not
        return tuple(found)

    def check_address(self, text: str, *, field: str, is_configured: bool = False) -> None:
        """Raise EngineError `refused` where an agent may not be given the address `text`.

        A URI must be at a permitted host, unless it `is_configured`; a number must have a route.
        A browser is that of whoever signs in.
        """
        if browser_of(text) is not None:
            return
        try:
            if is_uri(text) and is_configured:
                with refused(field):
                    self._check_policy(self._read_phone(sip_uri(text)))
            elif is_uri(text):
                self._uri(text, field)
            else:
                self._number(text, field, None)
        except EngineError as error:
            if error.kind == "refused":
                raise

    def agent_at(self, text: str) -> str | None:
        """The agent who has the address `text`, in any spelling; None for nobody."""
        place = self.place_of(text)
        for name, (addresses, _credentials, _media) in self._agents.items():
            if any(self.place_of(one.uri) == place for one in addresses):
                return name
        return None

    def place_of(self, text: str) -> object:
        """Where a number or sip: URI leads to: the same for all its spellings."""
        try:
            return place_of(sip_uri(text)) if is_uri(text) else self._plan.read(text).digits
        except (NotDialable, ParseError):
            return text

    def check_caller_id(self, text: str, *, field: str) -> None:
        """Raise EngineError `refused` where a number may not be shown to who is called."""
        with refused(field):
            check_caller_id(text, self._plan, self._trunks.accounts)

    def _address(
        self,
        name: str,
        address: AgentAddress,
        own: tuple[Credentials | None, MediaPolicy],
        field: str,
    ) -> Destination:
        if address.stream is not None:
            shown = shown_url(address.uri)
            service = DialTarget(shown, shown)
            stream = StreamTarget.of(address.stream)
            return Destination(name, (service,), kind=address.kind, agent=name, stream=stream)
        browser = browser_of(address.uri)
        if browser is not None:
            to, media = browser_uri(browser), own[1]
            if not media.codecs:
                media = replace(media, codecs=self._of_browsers.codecs)
            targets: tuple[DialTarget, ...] = (DialTarget(to, to, media=media),)
        elif is_uri(address.uri):  # its host was checked when it was set
            uri = sip_uri(address.uri)
            with refused(field):
                reading = self._read_phone(uri)
                self._check_policy(reading)
            credentials, media = own
            credentials = credentials or self._trunks.credentials_at(uri)
            identity = CallerIdentity.at(self._trunks.at(uri), uri.host)
            to = address.uri
            target = DialTarget(to, to, credentials=credentials, identity=identity, media=media)
            targets = (self._trunks.sent_by_trunk(target, uri, reading),)
        else:
            targets = self._number(address.uri, field, None, may_be_full=True).targets
        return Destination(name, targets, address.ring_s, address.kind, name, address.confirm)

    def _uri(self, text: str, field: str) -> Destination:
        reading = self.read(text, field=field)
        settled = self._at_no_trunk(text)
        if settled is not None:
            return settled
        uri = self._read_uri(text)
        target = self._trunks.target_of(text, uri, reading)
        line_of, states = target.line_of, self._trunk_states
        if line_of is not None and states.is_full(line_of):
            raise trunks_full(states, [line_of], reading.digits, field)
        return Destination(uri.user or uri.host, (target,))

    def _destination_at_no_trunk(self, text: str) -> Destination | None:
        """Where the URI `text` leads; None where a trunk has a say in it."""
        uri = self._read_uri(text)
        if self._trunks.at(uri):
            return None
        return Destination(uri.user or uri.host, (DialTarget(text, text),))

    def _permitted_uri(self, text: str) -> SipUri:
        """The URI `text`, which is at a trunk or a permitted host. Raises NotDialable."""
        try:
            uri = parse_uri(text)
        except ParseError as error:
            raise NotDialable(f"{text!r}: {error.reason}") from error
        if not isinstance(uri, SipUri):
            raise NotDialable(f"{text!r} is not a sip: URI")
        if uri.headers or "maddr" in uri.params:
            raise NotDialable(
                f"{text!r} carries headers or maddr, which would change where it goes"
            )
        transport = transport_of(uri)
        if transport == "unsupported":
            raise NotDialable(f"{text!r}: its transport is not supported; it is udp, tcp or tls")
        if self._trunks.at(uri) or any(host.permits(uri, transport) for host in self._hosts):
            return uri
        reason = f"host {uri.host!r} is not in dial.allow_hosts"
        if any(uri.host == host.host for host in self._hosts):
            where = f"{uri.address[1]};transport={transport}"
            reason = f"port {where} of {uri.host!r} is not in dial.allow_hosts"
        raise NotDialable(reason)

    def no_trunk_for(self, text: str, *, trunk: str | None) -> NoTrunkUsable | None:
        """Why no trunk can carry a call to `text` now; None where one can, or none is needed."""
        try:
            self.destination(text, field="to", trunk=trunk)
        except NoTrunkUsable as error:
            return error
        except EngineError:  # refused for another reason, which is named when it is dialled
            return None
        return None

    def redirected(self, text: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
        """The targets that a redirection (3xx) to the URI `text` leads to.

        With `by_proxy` that target is called by way of the proxy `text` (305). Raises EngineError
        `refused`: whoever redirects a call is permitted no more than whoever asks for one.
        """
        if by_proxy is None:
            scheme, _, number = text.partition(":")
            is_number = scheme.lower() == "tel"
            return self.destination(number if is_number else text, field="to").targets
        with refused("to"):
            proxy = self._permitted_uri(text)
        loose = SipUri(
            proxy.scheme, proxy.host, proxy.user, None, proxy.port, {**proxy.params, "lr": None}, {}
        )
        by_this = replace(by_proxy, hop_uri=text, route=(f"<{loose}>",), named_by=None, others=())
        return (by_this,)

    def trunk_failed(
        self, name: str, for_s: float, reason: str, *, is_silent: bool, host: str = ""
    ) -> None:
        """A call found that a host of a trunk ("": all) does not work: pass it over.

        `is_silent`: nobody answered there. Otherwise it said itself for how long.
        """
        self._trunk_states.rest(name, for_s, reason, is_silent=is_silent, host=host)

    def media_policy_of(self, trunk: str) -> MediaPolicy:
        """That of calls by this trunk; "": by none."""
        return self._trunks.media_policy(trunk)

    def browser_policy(self) -> MediaPolicy:
        """That of calls from pages, and from browsers that take their call over."""
        return self._of_browsers

    def session_expires_s(self, trunk: str | None, otherwise: int) -> int:
        """The session interval of calls by this trunk; `otherwise` where it has none of its own."""
        return self._trunks.session_expires_s(trunk, otherwise)

    def _number(
        self, text: str, field: str, trunk: str | None, *, may_be_full: bool = False
    ) -> Destination:
        reading = self.read(text, field=field)
        number = reading.digits
        names = [trunk] if trunk is not None else self._route(reading)[1]
        if not names:
            raise EngineError("refused", f"no route for {number}", field=field)
        states = self._trunk_states
        usable = usable_now(states, names, may_be_full=may_be_full)
        if not usable and any(map(states.is_usable, names)):
            raise trunks_full(states, names, number, field)
        if not usable:
            reason = f"no trunk for {number} is usable now ({', '.join(names)})"
            raise NoTrunkUsable(reason, field)
        with refused(field):
            targets = self._trunks.targets(reading, usable, self._check_number)
        return Destination(number, targets)

    def _route(self, reading: Reading) -> tuple[str | None, list[str]]:
        """The prefix of the route that takes a number, and its trunks."""
        if reading.trunks:
            return None, list(reading.trunks)
        for route in self._routes:
            if reading.digits.startswith(route.prefix):
                return route.prefix, list(route.trunks)
        return None, []
