"""The configured trunks as ways to a party: where each is, and what it is sent."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from config.settings import Trunk
from sip.auth.digest import Credentials
from sip.message.uri import SipUri

from ..hosts.service_route import TrunkRoute, routes_by
from ..hosts.trunk_hosts import hosts_of, in_turn
from ..identity.caller_identity import CallerIdentity, caller_id_for
from ..media_policy import DEFAULT_MEDIA, MediaPolicy
from ..numbers.number_plan import NumberPlan
from ..numbers.phone_number import CalledNumber
from ..numbers.reading import NotDialable, Reading
from ..permitted_host import sip_uri
from ..trunk_states import AllTrunksUp, TrunkStates
from .destination import DialTarget, credentials_of
from .number_rewriting import SentNumbers


class TrunkTargets:
    """Makes the targets of calls by trunks. Raises ParseError for a trunk that has no sip: URI.

    `states` says which hosts of them are down, and by which route a registrar wants calls.
    """

    def __init__(
        self, trunks: Sequence[Trunk], plan: NumberPlan, states: TrunkStates | None = None
    ) -> None:
        self._plan = plan
        self._states = states or AllTrunksUp()
        self._rng = random.Random()
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._hosts = {trunk.name: hosts_of(trunk) for trunk in trunks}
        self._places = {trunk.name: [sip_uri(uri) for uri in trunk.places] for trunk in trunks}
        self._at = self._by_address()
        self._numbers = {
            trunk.name: SentNumbers.of(trunk.name, trunk.numbers_out, plan.region)
            for trunk in trunks
        }
        self.accounts = tuple(trunk.username for trunk in trunks if trunk.username)
        """The user names by which trunks know us."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a trunk of this name."""
        return name in self._trunks

    def place(self, name: str, uri: SipUri) -> SipUri:
        """The configured URI of a trunk that this one, of a user there, leads to."""
        return next(place for place in self._places[name] if place.address == uri.address)

    def at(self, uri: SipUri) -> Sequence[Trunk]:
        """The trunks that a URI leads to, in the order of the configuration."""
        return self._at.get(uri.address, ())

    def _by_address(self) -> dict[tuple[str, int], list[Trunk]]:
        found: dict[tuple[str, int], list[Trunk]] = {}
        for name, places in self._places.items():
            for address in dict.fromkeys(place.address for place in places):
                found.setdefault(address, []).append(self._trunks[name])
        return found

    def target_of(self, text: str, uri: SipUri, reading: Reading) -> DialTarget:
        """The target of the URI `text`, which is at a trunk: called as that wants its calls."""
        trunks = self.at(uri)
        target = DialTarget(
            text,
            text,
            credentials=self.credentials_at(uri),
            identity=CallerIdentity.at(trunks, uri.host),
            media=MediaPolicy.strictest(trunks),
        )
        return self.sent_by_trunk(_as_calls_of(trunks[0], target), uri, reading)

    def credentials_at(self, uri: SipUri) -> Credentials | None:
        """Those of a trunk that `uri` leads to: it asks for them for every call there."""
        for trunk in self.at(uri):
            credentials = credentials_of(trunk)
            if credentials is not None:
                return credentials
        return None

    def media_policy(self, name: str) -> MediaPolicy:
        """That of calls by this trunk."""
        return MediaPolicy.of(self._trunks[name]) if name in self._trunks else DEFAULT_MEDIA

    def session_expires_s(self, name: str | None, otherwise: int) -> int:
        """The session interval of calls by this trunk; `otherwise` where it has none of its own."""
        expires_s = self._trunks[name].session_expires_s if name in self._trunks else None
        return otherwise if expires_s is None else expires_s

    def uri_at(self, user: str, name: str) -> str:
        """The sip: URI of a user at a trunk, at its best host."""
        return self._routes(name)[0].host.uri_of(user)

    def sent_by_trunk(self, target: DialTarget, uri: SipUri, reading: Reading) -> DialTarget:
        """The target of a URI, sent as requests to its domain are where that is a trunk's.

        One that is read as a number takes a line of the trunk.
        """
        for trunk in self.at(uri)[:1]:
            if reading.number is not None:
                target = replace(target, called_trunk=trunk.name)
            routes = [
                one for one in self._routes(trunk.name) if one.host.domain.address == uri.address
            ]
            if routes and (trunk.hosts or routes[0].route):
                return _by_routes([(one, target) for one in routes])
        return target

    def _routes(self, name: str) -> list[TrunkRoute]:
        """The routes to a trunk that are open now, best first."""
        hosts = in_turn(
            self._hosts[name], self._rng, lambda host: self._states.is_host_down(name, host)
        )
        return routes_by(hosts, self._states.binding(name))

    def targets(
        self, reading: Reading, names: Sequence[str], allow: Callable[[CalledNumber], None]
    ) -> tuple[DialTarget, ...]:
        """The ways by these trunks to a party that may be dialled.

        A trunk that would be sent what may not be dialled is left out; NotDialable is raised where
        each of them is. `allow` is asked about what a trunk could read in the number.
        """
        found: list[DialTarget] = []
        refusal: NotDialable | None = None
        for name in names:
            try:
                found.append(self._target(reading, name, allow))
            except NotDialable as error:
                refusal = refusal or error
        if not found and refusal is not None:
            raise refusal
        return tuple(found)

    def _target(
        self, reading: Reading, name: str, allow: Callable[[CalledNumber], None]
    ) -> DialTarget:
        trunk, number, numbers = self._trunks[name], reading.digits, self._numbers[name]
        sent = number if numbers is None else numbers.written(reading, self._plan, allow)
        caller_id = caller_id_for(number, trunk)
        found = []
        for route in self._routes(name):
            host = route.host
            target = DialTarget(
                target=host.uri_of(number),
                hop_uri=route.sent_to,
                sent_as="" if sent == number else host.uri_of(sent),
                trunk=name,
                credentials=credentials_of(trunk),
                caller_id=caller_id,
                identity=CallerIdentity.of(trunk, host.domain.host, caller_id, numbers),
                media=MediaPolicy.of(trunk),
            )
            found.append((route, _as_calls_of(trunk, target)))
        return _by_routes(found)


def _as_calls_of(trunk: Trunk, target: DialTarget) -> DialTarget:
    """The target with the session interval, the early media and the headers of a trunk's calls."""
    return replace(
        target,
        session_expires_s=trunk.session_expires_s,
        plays_early_media=trunk.early_media == "relay",
        headers=tuple(trunk.headers.items()),
    )


def _by_routes(found: Sequence[tuple[TrunkRoute, DialTarget]]) -> DialTarget:
    """The target by the first route, which has those by the others beside it."""
    first, *others = [
        replace(
            target,
            hop_uri=route.sent_to, route=route.route, host=route.host.name, named_by=route.named_by,
        )
        for route, target in found
    ]  # fmt: skip
    return replace(first, others=tuple(others))
