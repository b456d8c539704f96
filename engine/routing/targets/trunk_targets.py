"""The configured trunks as ways to a party: where each is, and what it is sent."""

from collections.abc import Callable, Sequence

from config.settings import Trunk
from sip.auth.digest import Credentials
from sip.message.uri import SipUri

from ..identity.caller_identity import CallerIdentity, caller_id_for
from ..media_policy import DEFAULT_MEDIA, MediaPolicy
from ..number_plan import NotDialable, NumberPlan, Reading
from ..permitted_host import sip_uri
from ..phone_number import CalledNumber
from .destination import DialTarget, credentials_of
from .number_rewriting import SentNumbers


class TrunkTargets:
    """Makes the targets of calls by trunks. Raises ParseError for a trunk that has no sip: URI."""

    def __init__(self, trunks: Sequence[Trunk], plan: NumberPlan) -> None:
        self._plan = plan
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._uris = {trunk.name: sip_uri(trunk.uri) for trunk in trunks}
        self._numbers = {
            trunk.name: SentNumbers.of(trunk.name, trunk.numbers_out, plan.region)
            for trunk in trunks
        }
        self.accounts = tuple(trunk.username for trunk in trunks if trunk.username)
        """The user names by which trunks know us."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a trunk of this name."""
        return name in self._trunks

    def uri(self, name: str) -> SipUri:
        """Where a trunk is."""
        return self._uris[name]

    def at(self, uri: SipUri) -> list[Trunk]:
        """The trunks that a URI leads to, in the order of the configuration."""
        at = uri.address
        return [self._trunks[name] for name, there in self._uris.items() if there.address == at]

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
        """The sip: URI of a user at a trunk."""
        uri = self._uris[name]
        at = SipUri(
            scheme=uri.scheme, user=user, password=None, host=uri.host, port=uri.port,
            params=dict(uri.params), headers={},
        )  # fmt: skip
        return str(at)

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
        return DialTarget(
            target=self.uri_at(number, name),
            sent_as="" if sent == number else self.uri_at(sent, name),
            hop_uri=trunk.uri,
            trunk=name,
            credentials=credentials_of(trunk),
            caller_id=caller_id,
            identity=CallerIdentity.of(trunk, self._uris[name].host, caller_id, numbers),
            session_expires_s=trunk.session_expires_s,
            plays_early_media=trunk.early_media == "relay",
            media=MediaPolicy.of(trunk),
        )
