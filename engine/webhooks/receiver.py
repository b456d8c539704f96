"""Who gets the deliveries of a webhook: which events, where, and how they are signed."""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from config.reporting import NOTIFY_NAME, Deliveries, Notify
from config.reporting import Webhook as WebhookSettings
from config.urls import without_secrets

from .signature import key_of

Origin = Literal["configured", "added", "requests"]
_NOTIFY_TYPES = ("callback.",)


class About(msgspec.Struct):
    """What an event is about."""

    job: str | None = None
    call: str | None = None
    agent: str | None = None
    queue: str | None = None
    site: str | None = None
    has_notify_url: bool = False

    def subject(self) -> str:
        """Events with the same one are delivered in order."""
        return self.job or self.call or self.agent or self.queue or ""


class Target(NamedTuple):
    """Where one event goes. Those with the same `group` share some of the connections."""

    url: str
    group: str = ""


class Described(NamedTuple):
    """A receiver as it is shown."""

    url: str
    sites: list[str]
    queues: list[str]


class Receiver(Protocol):
    """Gets deliveries."""

    @property
    def name(self) -> str:
        """The name of the webhook."""

    @property
    def origin(self) -> Origin:
        """Where it is from."""

    @property
    def url(self) -> str:
        """The one URL; empty: each delivery has its own."""

    @property
    def settings(self) -> Deliveries:
        """How often, how fast and how many."""

    @property
    def types(self) -> tuple[str, ...]:
        """The beginnings of the types of events that it gets."""

    @property
    def key(self) -> bytes | None:
        """What deliveries are signed with; None: they are not."""

    @property
    def most_per_group(self) -> int | None:
        """How many deliveries of one group may be under way; None: all that may at all."""

    @property
    def repeats_answers(self) -> bool:
        """Whether errors repeat what it answers."""

    @property
    def ends_as_one(self) -> bool:
        """Whether a 410 ends all its deliveries, and not only those of the subject."""

    def target(self, about: About) -> Target | None:
        """Where an event goes; None: it is not for this receiver. Raises StoreError."""

    def describe(self) -> Described:
        """What is shown of it: no secret."""


class UrlReceiver:
    """The receiver of a webhook that is configured, or was added: one URL."""

    most_per_group = None
    repeats_answers = True
    ends_as_one = True

    def __init__(self, settings: WebhookSettings, origin: Origin = "configured") -> None:
        self.name = settings.name
        self.origin = origin
        self.url = settings.url
        self.settings = settings
        self.types = tuple(settings.types)
        self.key: bytes | None = key_of(settings.secret.get_secret_value())
        self._sites, self._queues = frozenset(settings.sites), frozenset(settings.queues)

    def target(self, about: About) -> Target | None:
        """Where an event goes; None: it is of another site or queue."""
        if self._sites and about.site not in self._sites:
            return None
        if self._queues and about.queue not in self._queues:
            return None
        return Target(self.settings.url)

    def describe(self) -> Described:
        """What is shown of it: no secret."""
        settings = self.settings
        return Described(without_secrets(settings.url), settings.sites, settings.queues)


class RequestReceiver:
    """The receivers that requests name by their `notify_url`: each gets the events of its job."""

    name: str = NOTIFY_NAME
    origin: Origin = "requests"
    types = _NOTIFY_TYPES
    # Nobody reads by a request what a server says to the engine alone.
    repeats_answers = False
    ends_as_one = False
    url = ""

    def __init__(self, settings: Notify, url_of: Callable[[str], str | None]) -> None:
        secret = settings.secret.get_secret_value()
        self.settings = settings
        self.key = key_of(secret) if secret else None
        # One receiver that hangs leaves connections to the others.
        self.most_per_group = max(1, settings.connections // 4)
        self._url_of = url_of

    def target(self, about: About) -> Target | None:
        """The URL of the job; None: it has none, or is no longer known. Raises StoreError."""
        if not about.has_notify_url or about.job is None:
            return None
        url = self._url_of(about.job)
        return None if url is None else Target(url, urlsplit(url).netloc.rpartition("@")[2])

    def describe(self) -> Described:
        """What is shown of it: the URLs are the clients' own."""
        return Described("", [], [])
