"""[streams]: the services to which the sound of a leg may go, such as voice bots."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, no_duplicate, take_token
from .values import OptionalPath, Printable, Seconds

PORTS = {"ws": 80, "wss": 443}
MAX_URL_CHARACTERS = 1024
RateHz = Literal[8000, 16000, 24000]


def check_stream_url(text: str) -> str:
    """The URL, where it can be connected to. Raises an error that does not repeat it."""
    reason = "this is not a ws: or wss: URL"  # which is not repeated: it may have a token
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong("", reason) from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise wrong("", reason)
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise wrong("", "has characters that no URL has")
    if len(text) > MAX_URL_CHARACTERS:
        raise wrong("", f"has more than {MAX_URL_CHARACTERS} characters")
    if parts.fragment or parts.username is not None or parts.password is not None:
        raise wrong("", "has a user or a #fragment, which are never sent")
    if any(one in (".", "..") or "%2e" in one.lower() for one in parts.path.split("/")):
        raise wrong("", "has . or .. in its path, which programs read in different ways")
    if _is_odd_address(parts.hostname):
        raise wrong("", "its host is neither a name nor an address in its usual spelling")
    return text


def _is_odd_address(host: str) -> bool:
    """Whether a host may be read as an IPv4 address in an odd spelling: `127.1`, `0x7f000001`."""
    last = host.rstrip(".").rpartition(".")[2]
    if not (last.isdigit() or last.startswith("0x")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that `check_stream_url` accepts."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".").lower()
    return parts.scheme, host, parts.port or PORTS[parts.scheme]


def shown_url(url: str) -> str:
    """A URL for people: without its query, which may have a token."""
    return url.partition("?")[0]


StreamUrl = Annotated[str, AfterValidator(check_stream_url)]
OptionalStreamUrl = Annotated[str, AfterValidator(lambda text: text and check_stream_url(text))]


def _check_allowed(text: str) -> str:
    check_stream_url(text)
    if "?" in text:
        raise wrong("", "has a query; give the URL up to it")
    return text


class Fallback(Section):
    """What becomes of a party whose bot cannot be reached, or is lost: one of these, or nothing."""

    queue: Printable = ""
    agent: Printable = ""
    to: Printable = ""
    announcement: Printable = ""
    hang_up: bool = False

    @model_validator(mode="after")
    def _check_one(self) -> "Fallback":
        given = [self.queue, self.agent, self.to, self.announcement, self.hang_up]
        if sum(map(bool, given)) > 1:
            raise wrong("", "give one of queue, agent, to, announcement and hang_up")
        return self

    @property
    def is_given(self) -> bool:
        """Whether it is anything."""
        return self != Fallback()


class Streams(Section):
    """[streams]: which URLs a client may name, and how streams are."""

    allow: Annotated[
        list[Annotated[str, AfterValidator(_check_allowed)]],
        AfterValidator(no_duplicate),
        Field(max_length=256),
    ] = Field(default=[])
    ca_file: OptionalPath = ""
    token: SecretStr = SecretStr("")
    token_file: OptionalPath = ""
    rate_hz: RateHz = 16000
    ahead_ms: int = Field(default=60_000, ge=1_000, le=600_000)
    connect_s: Seconds = 5.0
    retries: int = Field(default=3, ge=0, le=20)
    max_streams: int = Field(default=50, ge=0, le=10_000)

    @model_validator(mode="after")
    def _check_token(self) -> "Streams":
        take_token(self, self.token, self.token_file)
        return self
