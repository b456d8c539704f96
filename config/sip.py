"""[sip] and [sip.tls]: where, as whom and how the engine speaks SIP."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from .dscp import CLASS_SELECTOR_3, Dscp
from .errors import wrong
from .section import Section, first_duplicate, no_duplicate
from .urls import Origin
from .values import (
    AdvertisedHost,
    Listen,
    NameServer,
    Network,
    OptionalPath,
    Printable,
    SessionExpires,
)


def _version(value: object) -> object:
    """`TLSv1.2` and `tls1.2` are `1.2`."""
    return value.lower().removeprefix("tls").removeprefix("v") if isinstance(value, str) else value


MinVersion = Annotated[Literal["1.2", "1.3"], BeforeValidator(_version)]


class Tls(Section):
    """[sip.tls]: our certificate, whom we trust, and what we accept.

    `verify_client`: true, false, or "optional": asked for, and checked where one is shown.
    """

    cert: OptionalPath = ""
    key: OptionalPath = ""
    ca: OptionalPath = ""
    verify_client: bool | Literal["optional"] = False
    min_version: MinVersion = "1.2"
    ciphers: Printable = ""
    alpn: bool = False

    @model_validator(mode="after")
    def _check_key(self) -> "Tls":
        if self.key and not self.cert:
            raise wrong("cert", "needed with key")
        return self


class Digest(Section):
    """[sip.digest]: how trunks with `inbound_auth` are asked for their password.

    `algorithms` is in the order of the challenges: who calls answers the first that they know.
    """

    realm: Annotated[Printable, Field(min_length=1, max_length=128)] = "ringback"
    algorithms: list[Literal["SHA-256", "MD5"]] = Field(default=["SHA-256", "MD5"], min_length=1)
    nonce_s: float = Field(default=300.0, ge=10, le=86400, allow_inf_nan=False)

    _no_algorithm_twice = field_validator("algorithms")(no_duplicate)


class WebSocket(Section):
    """[sip.websocket]: the web pages whose scripts may connect. Empty: those of every page."""

    origins: list[Origin] = Field(default=[], max_length=1000)
    trusted_proxies: list[Network] = Field(default=[])
    """Whose X-Forwarded-For says where a browser is."""

    _no_origin_twice = field_validator("origins")(no_duplicate)


class Sip(Section):
    """[sip]: where and as whom the engine speaks SIP."""

    listen: list[Listen] = Field(default=["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"], min_length=1)
    advertise: AdvertisedHost = ""
    user_agent: Printable = "Ringback"
    max_messages_per_s: int = Field(default=5_000, ge=1)
    max_messages_burst: int = Field(default=10_000, ge=1)
    max_unknown_per_s: int = Field(default=100, ge=1)
    max_unknown_together_per_s: int = Field(default=500, ge=1)
    session_expires_s: SessionExpires = 1800
    dns: list[NameServer] = Field(default=[])
    keepalive_s: float = Field(default=120.0, ge=0, le=3600, allow_inf_nan=False)
    pong_s: float = Field(default=10.0, gt=0, le=120, allow_inf_nan=False)
    dscp: Dscp = CLASS_SELECTOR_3
    tls: Tls = Tls()
    digest: Digest = Digest()
    websocket: WebSocket = WebSocket()

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, listen: list[str]) -> list[str]:
        twice = first_duplicate([item for item in listen if not item.endswith(":0")])
        if twice is not None:
            raise wrong("", f"{twice!r} stands twice")
        return listen
