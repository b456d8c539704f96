"""The sections about reports, metrics and webhooks."""

import re
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .sections import Section, read_secret
from .values import HostPort, Name, OptionalPath, Seconds, Secret, wrong

_EVENT_PREFIX = re.compile(r"[a-z_]+(\.[a-z_]*)?")
SECRET_CHARACTERS = 16
_BASE64_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")


def _check_zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise wrong("", f"{name!r} is not a time zone such as Europe/Paris") from None
    return name


def _check_url(text: str) -> str:
    reason = "this is not an http: or https: URL"  # which is not repeated: it may have a token
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        what = " with a port" if "ort" in str(error) else ""
        raise wrong("", f"{reason}{what}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise wrong("", reason)
    if not text.isprintable() or " " in text:
        raise wrong("", "must be printable characters without blanks")
    if parts.fragment:
        raise wrong("", "has a #fragment, which is never sent")
    return text


def _check_prefix(text: str) -> str:
    if not _EVENT_PREFIX.fullmatch(text):
        raise wrong("", f"{text!r} is not the beginning of an event's type, such as callback.")
    return text


TimeZone = Annotated[str, AfterValidator(_check_zone)]
Url = Annotated[str, AfterValidator(_check_url)]
EventPrefix = Annotated[str, AfterValidator(_check_prefix)]
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


class Webhook(Section):
    """[[webhooks]]: events sent to a URL, signed."""

    name: Name
    url: Url
    secret: Secret = SecretStr("")
    secret_file: OptionalPath = ""
    types: list[EventPrefix] = Field(default=["callback."], min_length=1)
    timeout_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 5.0
    max_attempts: int = Field(default=12, ge=1, le=100)
    retry_s: Seconds = 1.0
    retry_most_s: Seconds = 300.0
    connections: int = Field(default=4, ge=1, le=64)
    max_pending: int = Field(default=10_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _load_secret(self) -> "Webhook":
        if self.secret.get_secret_value() and self.secret_file:
            raise wrong("secret_file", "secret and secret_file are both given; give one")
        if self.secret_file:
            object.__setattr__(self, "secret", read_secret(self.secret_file, "secret_file"))
        if len(self.secret.get_secret_value()) < SECRET_CHARACTERS:
            raise wrong(
                "secret", f"a webhook needs a secret of at least {SECRET_CHARACTERS} characters"
            )
        given = self.secret.get_secret_value()
        if given.startswith("whsec_") and not _BASE64_SECRET.fullmatch(given):
            raise wrong("secret", "what follows whsec_ must be base64")
        if self.retry_most_s < self.retry_s:
            raise wrong("retry_most_s", "must not be below retry_s")
        return self
