"""A party that may be dialled, and the ways to it: what the dialplan finds."""

from dataclasses import dataclass

from config.agents import Agent, ReachedKind
from config.settings import Trunk
from sip.auth.digest import Credentials
from sip.hop import Hop
from sip.transport.web_edge import browser_name

from ...errors import EngineError
from ..identity.caller_identity import NO_IDENTITY, CallerIdentity
from ..media_policy import DEFAULT_MEDIA, MediaPolicy
from .stream_target import StreamTarget


@dataclass(frozen=True, slots=True)
class DialTarget:
    """One way to reach a party: its URI, where to send the request, and as whom.

    `sent_as` is the Request-URI and To, where the trunk wants the number written in another way
    than the engine does.
    """

    target: str
    hop_uri: str
    trunk: str | None = None
    credentials: Credentials | None = None
    caller_id: str = ""  # that of the trunk, for calls that name none
    identity: CallerIdentity = NO_IDENTITY
    session_expires_s: int | None = None  # the session interval; None: the usual one
    route: tuple[str, ...] = ()  # the Route of the INVITE
    plays_early_media: bool = True  # whether what the network plays before the answer is heard
    media: MediaPolicy = DEFAULT_MEDIA
    sent_as: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # templates of the trunk
    host: str = ""  # the host of the trunk
    called_trunk: str = ""  # the trunk at which the number of a `sip:` URI is
    named_by: Hop | None = None  # the registrar that named `hop_uri`
    others: "tuple[DialTarget, ...]" = ()  # the same by the trunk's other hosts, best first

    @property
    def line_of(self) -> str | None:
        """The trunk of which a call takes a line; None where it takes none."""
        return self.trunk or self.called_trunk or None

    @property
    def request_uri(self) -> str:
        """The URI that the INVITE asks for."""
        return self.sent_as or self.target


@dataclass(frozen=True, slots=True)
class Destination:
    """A party that may be dialled: how it is shown (`user`), and the targets, best first."""

    user: str
    targets: tuple[DialTarget, ...]
    ring_s: float | None = None  # how long it rings, where the address says so
    kind: ReachedKind | None = None  # of an agent's address
    agent: str | None = None  # whose address it is
    confirm: str = ""  # the key that accepts a call there
    stream: StreamTarget | None = None  # a service, which is reached by a WebSocket

    @property
    def is_browser(self) -> bool:
        """Whether it is the browser of an agent."""
        return browser_name(self.targets[0].request_uri) is not None

    def uri_for_phones(self, field: str) -> str:
        """The URI that a phone calls which is sent there itself, by REFER or 302.

        Raises EngineError `refused` of `field` where nobody but the engine reaches the party.
        """
        uri = self.targets[0].request_uri
        if self.stream is not None or self.is_browser:
            what = "a service" if self.stream is not None else "a browser"
            reason = f"{self.user} is {what}, which no phone can call by itself"
            raise EngineError("refused", reason, field=field)
        return uri


def credentials_of(account: Agent | Trunk) -> Credentials | None:
    """What a trunk or an agent's proxy is answered when it asks for digest; None if not set."""
    if not account.username:
        return None
    return Credentials(account.username, account.password.get_secret_value())
