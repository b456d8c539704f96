"""The dialplan: from what a client asked for to the targets that are dialled.

A client names a party by number, by `sip:` URI or by a configured agent's name. The dialplan reads
that once, when the callback is requested, so that what may not be dialled is refused at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.agents import Agent, Kind
from config.settings import Route, Trunk
from config.values import Rtp
from sip.auth.digest import Credentials
from sip.errors import ParseError
from sip.message.uri import SipUri, Uri, parse_uri

from ..errors import EngineError
from .phone_number import read_number


class AgentAddress(Protocol):
    """Where an agent is reached: a sip: URI, or a number that a route takes."""

    @property
    def uri(self) -> str:
        """The URI, or number."""

    @property
    def kind(self) -> Kind:
        """Desk phone, browser or mobile."""

    @property
    def ring_s(self) -> float | None:
        """How long it rings before the next address does; None: as the request says."""

    @property
    def confirm(self) -> str:
        """The key by which a call is taken there; "": by answering."""


@dataclass(frozen=True, slots=True)
class DialTarget:
    """One way to reach a party: the request URI, where to send it, and as whom."""

    target: str
    hop_uri: str
    trunk: str | None = None
    credentials: Credentials | None = None
    from_host: str | None = None
    caller_id: str = ""
    rtp: Rtp = "symmetric"  # from where RTP is taken


@dataclass(frozen=True, slots=True)
class Destination:
    """A party that may be dialled: how it is shown (`user`), and the targets, best first."""

    user: str
    targets: tuple[DialTarget, ...]
    ring_s: float | None = None  # how long it rings, where the address says so
    kind: Kind | None = None  # of an agent's address
    agent: str | None = None  # whose address it is
    confirm: str = ""  # the key that accepts a call there


class Dialplan:
    """Reads destinations by the configured trunks, routes, agents and permitted hosts."""

    def __init__(
        self,
        *,
        trunks: Sequence[Trunk],
        routes: Sequence[Route],
        agents: Sequence[Agent],
        allow_hosts: Sequence[str],
        default_region: str,
        trunk_usable: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._trunk_usable = trunk_usable
        self._agents: dict[str, tuple[tuple[AgentAddress, ...], Credentials | None, Rtp]] = {}
        for agent in agents:
            self.set_agent(agent.name, agent.reached_at, credentials_of(agent), agent.rtp)
        self.configure(
            trunks=trunks, routes=routes, allow_hosts=allow_hosts, default_region=default_region
        )

    def configure(
        self,
        *,
        trunks: Sequence[Trunk],
        routes: Sequence[Route],
        allow_hosts: Sequence[str],
        default_region: str,
    ) -> None:
        """Dial by these from now on; the agents stay. Raises ParseError, see `check`."""
        uris = self.check(trunks)
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._trunk_uris = uris
        self._routes = list(routes)
        self._hosts = {host.strip("[]").lower() for host in allow_hosts}
        self._hosts |= {uri.host for uri in uris.values()}
        self._region = default_region

    @staticmethod
    def check(trunks: Sequence[Trunk]) -> dict[str, SipUri]:
        """The URIs of these trunks by name. Raises ParseError for one that cannot be called."""
        return {trunk.name: _sip_uri(trunk.uri) for trunk in trunks}

    def destination(self, text: str, *, field: str, trunk: str | None = None) -> Destination:
        """The targets that reach `text`. Raises EngineError `refused` or `unavailable` of `field`.

        `trunk` restricts a number to one configured trunk.
        """
        if trunk is not None and trunk not in self._trunks:
            raise EngineError("refused", f"there is no trunk named {trunk!r}", field="trunk")
        if text in self._agents:
            return self.agent_destinations(text, field=field)[0]
        scheme = text[:5].lower()
        if scheme.startswith("sip:") or scheme == "sips:":
            return self._uri(text, field)
        return self._number(text, field, trunk)

    def is_internal(self, text: str) -> bool:
        """Whether `text` is an agent's name or an extension, and no telephone number."""
        return text in self._agents or self._extension(text) is not None

    def is_agent(self, text: str) -> bool:
        """Whether `text` is an agent's name."""
        return text in self._agents

    def trunks_for(
        self, text: str, trunk: str | None = None
    ) -> tuple[str | None, str | None, list[str]]:
        """The number that is dialled, the prefix of its route, and the route's trunks in their
        order, usable or not. None and no trunks where it is no number or has no route."""
        number = self._extension(text) or self._e164(text)
        if number is None:
            return None, None, []
        for route in self._routes:
            if number.startswith(route.prefix):
                return number, route.prefix, [trunk] if trunk else list(route.trunks)
        return number, None, [trunk] if trunk else []

    # -- agents -----------------------------------------------------------------------------

    def set_agent(
        self,
        name: str,
        addresses: Sequence[AgentAddress],
        credentials: Credentials | None = None,
        rtp: Rtp = "symmetric",
    ) -> None:
        """Know an agent by `name`, to be reached at `addresses` in this order from now on."""
        self._agents[name] = (tuple(addresses), credentials, rtp)

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
        addresses, credentials, rtp = self._agents[name]
        reason = f"agent {name} has no address that is switched on"
        why_not = EngineError("unavailable", reason, field=field)
        found = []
        for address in addresses:
            try:
                found.append(self._address(name, address, (credentials, rtp), field))
            except EngineError as error:
                why_not = error
        if not found:
            raise why_not
        return tuple(found)

    def check_address(self, text: str, *, field: str) -> None:
        """Raise EngineError `refused` where an agent may not be given the address `text`.

        A URI must be at a permitted host, a number must have a route.
        """
        try:
            if text[:4].lower() == "sip:":
                self._uri(text, field)
            else:
                self._number(text, field, None)
        except EngineError as error:
            if error.kind == "refused":
                raise

    def _address(
        self,
        name: str,
        address: AgentAddress,
        own: tuple[Credentials | None, Rtp],
        field: str,
    ) -> Destination:
        if address.uri[:4].lower() == "sip:":  # it was checked when it was set
            credentials, rtp = own
            credentials = credentials or self._credentials_at(parse_uri(address.uri))
            targets: tuple[DialTarget, ...] = (
                DialTarget(address.uri, address.uri, credentials=credentials, rtp=rtp),
            )
        else:
            targets = self._number(address.uri, field, None).targets
        return Destination(name, targets, address.ring_s, address.kind, name, address.confirm)

    def _uri(self, text: str, field: str) -> Destination:
        try:
            uri = parse_uri(text)
        except ParseError as error:
            raise EngineError("refused", f"{text!r}: {error.reason}", field=field) from error
        if not isinstance(uri, SipUri) or uri.scheme != "sip":
            raise EngineError("refused", f"{text!r} is not a sip: URI", field=field)
        if uri.headers or "maddr" in uri.params:
            reason = f"{text!r} carries headers or maddr, which would change where it goes"
            raise EngineError("refused", reason, field=field)
        if uri.host not in self._hosts:
            reason = f"host {uri.host!r} is not in dial.allow_hosts"
            raise EngineError("refused", reason, field=field)
        transport = (uri.params.get("transport") or "udp").lower()
        if transport not in ("udp", "tcp"):
            reason = f"{text!r}: transport {transport} is not supported; it is udp or tcp"
            raise EngineError("refused", reason, field=field)
        target = DialTarget(
            text, text, credentials=self._credentials_at(uri), rtp=self._rtp_at(uri)
        )
        return Destination(uri.user or uri.host, (target,))

    def rtp_of(self, trunk: str) -> Rtp:
        """From where RTP of calls by this trunk is taken."""
        return self._trunks[trunk].rtp if trunk in self._trunks else "symmetric"

    def _rtp_at(self, uri: SipUri) -> Rtp:
        """The policy of a trunk that `uri` leads to: the stricter one of several."""
        at = [name for name, there in self._trunk_uris.items() if there.address == uri.address]
        return "strict" if any(self.rtp_of(name) == "strict" for name in at) else "symmetric"

    def _credentials_at(self, uri: Uri) -> Credentials | None:
        """Those of a trunk that `uri` leads to: it asks for them for every call there."""
        if not isinstance(uri, SipUri):
            return None
        for name, trunk_uri in self._trunk_uris.items():
            if trunk_uri.address == uri.address:
                credentials = credentials_of(self._trunks[name])
                if credentials is not None:
                    return credentials
        return None

    def _number(self, text: str, field: str, trunk: str | None) -> Destination:
        number = self._extension(text) or self._e164(text)
        if number is None:
            reason = f"{text!r} is neither a telephone number, a sip: URI nor a configured agent"
            raise EngineError("refused", reason, field=field)
        names = [trunk] if trunk is not None else self._route(number)
        if not names:
            raise EngineError("refused", f"no route for {number}", field=field)
        usable = [name for name in names if self._trunk_usable(name)]
        if not usable:
            reason = f"no trunk for {number} is usable now ({', '.join(names)})"
            raise EngineError("unavailable", reason, field=field)
        return Destination(number, tuple(self._by_trunk(number, name) for name in usable))

    def _e164(self, text: str) -> str | None:
        number = read_number(text, self._region)
        return None if number is None else number.e164

    def _extension(self, text: str) -> str | None:
        """`text` as an extension, when a route for such numbers (no leading +) takes it."""
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit():
            return None
        takes = any(
            route.prefix and not route.prefix.startswith("+") and digits.startswith(route.prefix)
            for route in self._routes
        )
        return digits if takes else None

    def _route(self, number: str) -> list[str]:
        for route in self._routes:
            if number.startswith(route.prefix):
                return list(route.trunks)
        return []

    def _by_trunk(self, number: str, name: str) -> DialTarget:
        trunk, uri = self._trunks[name], self._trunk_uris[name]
        target = SipUri(
            scheme="sip", user=number, password=None, host=uri.host, port=uri.port,
            params=dict(uri.params), headers={},
        )  # fmt: skip
        return DialTarget(
            target=str(target),
            hop_uri=trunk.uri,
            trunk=name,
            credentials=credentials_of(trunk),
            from_host=uri.host,
            caller_id=trunk.caller_id,
            rtp=trunk.rtp,
        )


def credentials_of(account: Agent | Trunk) -> Credentials | None:
    """What a trunk or an agent's proxy is answered when it asks for digest; None if not set."""
    if not account.username:
        return None
    return Credentials(account.username, account.password.get_secret_value())


def _sip_uri(text: str) -> SipUri:
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise ParseError(f"{text!r} is not a sip: URI")
    return uri
