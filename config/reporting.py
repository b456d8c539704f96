"""The sections about reports, metrics and webhooks."""

import re
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, read_secret
from .urls import PORTS, check_url, host_and_port
from .values import HostPort, Name, OptionalPath, Seconds, Secret, UrlHost

_EVENT_PREFIX = re.compile(r"[a-z_]+(\.[a-z_]*)?")
SECRET_CHARACTERS = 16
NOTIFY_NAME = "notify_url"
_BASE64_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")


def _check_zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise wrong("", f"{name!r} is not a time zone such as Europe/Paris") from None
    return name


def _check_prefix(text: str) -> str:
    if not _EVENT_PREFIX.fullmatch(text):
        raise wrong("", f"{text!r} is not the beginning of an event's type, such as callback.")
    return text


def _check_webhook_name(name: str) -> str:
    if name == NOTIFY_NAME:
        raise wrong("", f"{name} stands for the URLs of requests; choose another name")
    return name


TimeZone = Annotated[str, AfterValidator(_check_zone)]
Url = Annotated[str, AfterValidator(check_url)]
EventPrefix = Annotated[str, AfterValidator(_check_prefix)]
Label = Annotated[str, Field(min_length=1, max_length=128)]
Limit = Annotated[float, Field(ge=0, le=86400 * 7, allow_inf_nan=False)]


class Reports(Section):
    """[reports]: what counts as what. Applies to the past as well: reports count from the rows."""

    time_zone: TimeZone = ""
    service_level_s: Seconds = 20.0
    short_abandon_s: Limit = 5.0
    include_abandoned: bool = True
    include_short_abandoned: bool = False
    include_overflowed: bool = False
    include_expired: bool = False
    include_withdrawn: bool = False
    include_lost: bool = False
    promise_s: Limit = 0.0
    alone_s: Limit = 2.0
    keep_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 0.0


class Metrics(Section):
    """[metrics]: figures for Prometheus."""

    listen: HostPort = ""


class Deliveries(Section):
    """How events are sent to URLs: how they are signed, how often, how fast and how many."""

    secret: Secret = SecretStr("")
    secret_file: OptionalPath = ""
    timeout_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 5.0
    max_attempts: int = Field(default=12, ge=1, le=100)
    retry_s: Seconds = 1.0
    retry_most_s: Seconds = 300.0
    connections: int = Field(default=4, ge=1, le=64)
    max_pending: int = Field(default=10_000, ge=1, le=1_000_000)

    @property
    def needs_secret(self) -> bool:
        """Whether everything is signed."""
        return True

    @model_validator(mode="after")
    def _load_secret(self) -> "Deliveries":
        if self.secret.get_secret_value() and self.secret_file:
            raise wrong("secret_file", "secret and secret_file are both given; give one")
        if self.secret_file:
            object.__setattr__(self, "secret", read_secret(self.secret_file, "secret_file"))
        given = self.secret.get_secret_value()
        if len(given) < SECRET_CHARACTERS and (given or self.needs_secret):
            raise wrong(
                "secret", f"a webhook needs a secret of at least {SECRET_CHARACTERS} characters"
            )
        if given.startswith("whsec_") and not _BASE64_SECRET.fullmatch(given):
            raise wrong("secret", "what follows whsec_ must be base64")
        if self.retry_most_s < self.retry_s:
            raise wrong("retry_most_s", "must not be below retry_s")
        return self


class Webhook(Deliveries):
    """[[webhooks]]: events sent to a URL, signed."""

    name: Annotated[Name, AfterValidator(_check_webhook_name)]
    url: Url
    types: list[EventPrefix] = Field(default=["callback."], min_length=1)
    sites: list[Label] = Field(default=[])
    queues: list[Label] = Field(default=[])


class Notify(Deliveries):
    """[notify]: the events of a job, sent to the URL that its request gives.

    `hosts` are the hosts that such a URL may name, each with a port where it is not that of http or
    https.
    """

    hosts: list[UrlHost] = Field(default=[])
    connections: int = Field(default=16, ge=1, le=64)

    @property
    def needs_secret(self) -> bool:
        """Whether everything is signed."""
        return False

    def permits(self, url: str) -> bool:
        """Whether a request may name this URL."""
        found = host_and_port(url)
        if found is None:
            return False
        host, port = found
        shown = f"[{host}]" if ":" in host else host
        is_usual = port == PORTS[urlsplit(url).scheme]
        return f"{shown}:{port}" in self.hosts or (is_usual and host in self.hosts)
