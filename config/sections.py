"""The sections of the configuration file and their defaults. Unknown keys are errors."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from .caller_identity import CallerIds, FromText, Identity
from .choices import OnCrash
from .dscp import EXPEDITED_FORWARDING, Dscp
from .errors import wrong
from .header_templates import HeaderTemplates, TrunkHeaders
from .patterns import Pattern
from .section import Section, first_duplicate, read_secret
from .sounds import find_configured
from .trunk_hosts import Reached
from .trunk_numbers import NumberRewriting, OutgoingNumbers
from .values import (
    AdvertisedHost,
    CertificateName,
    Codecs,
    Country,
    DialHost,
    Dtmf,
    FilePath,
    HostPort,
    IpAddress,
    Listens,
    Name,
    Network,
    OptionalPath,
    PerSecond,
    PortRange,
    Printable,
    Ptime,
    Region,
    RoutePrefix,
    Rtp,
    Seconds,
    Secret,
    SessionExpires,
    SocketPath,
    Srtp,
    Template,
    User,
)


class Control(Section):
    """[control]: the control socket."""

    socket: SocketPath = Path("run/control.sock")
    tcp: HostPort = ""
    tls_cert: OptionalPath = ""
    tls_key: OptionalPath = ""
    token: Secret = SecretStr("")
    token_file: OptionalPath = ""
    allow_users: list[User] = Field(default=[])
    default_role: Literal[
        "", "none", "request", "gateway", "read", "operate", "supervise", "administer"
    ] = ""
    replay_events: int = Field(default=100_000, ge=1, le=10_000_000)
    replay_bytes: int = Field(default=64 << 20, ge=1 << 20)
    max_request_bytes: int = Field(default=1 << 20, ge=32 << 10, le=1 << 20)
    max_connections: int = Field(default=256, ge=1, le=10_000)
    max_in_flight: int = Field(default=256, ge=1, le=10_000)
    slow_reader_bytes: int = Field(default=1 << 20, ge=64 << 10)

    @property
    def allowed_uids(self) -> frozenset[int]:
        """`allow_users` as user numbers; empty means that the file mode of the socket decides."""
        return frozenset(int(user) for user in self.allow_users)

    @model_validator(mode="after")
    def _check_tcp(self) -> "Control":
        if self.token.get_secret_value() and self.token_file:
            raise wrong("token_file", "token and token_file are both given; give one")
        if self.token_file:
            object.__setattr__(self, "token", read_secret(self.token_file, "token_file"))
        token = self.token.get_secret_value()
        if self.tcp and token and len(token) < 16:
            raise wrong("token", "control.tcp needs a token of at least 16 characters")
        if not self.tcp:
            return self
        for key in ("tls_cert", "tls_key"):
            if not getattr(self, key):
                raise wrong(
                    key, "needed with control.tcp: the control socket is never in clear on TCP"
                )
        return self


class Store(Section):
    """[store]: where jobs are kept, and the event log."""

    path: FilePath = Path("run/ringback.db")
    keep_events: int = Field(default=1_000_000, ge=1_000)
    keep_days: float = Field(default=0.0, ge=0.0)
    keep_events_days: float = Field(default=0.0, ge=0.0)
    keep_recordings_days: float = Field(default=0.0, ge=0.0)
    keep_audit: int = Field(default=1_000_000, ge=1_000)
    keep_audit_days: float = Field(default=365.0, ge=0.0)


class MediaSound(Section):
    """[media.sound]: what is looked for in the sound of two who talk, and how often."""

    every_s: float = Field(default=0.0, ge=0, le=3600)
    window_s: float = Field(default=2.0, ge=1, le=10)
    one_way_s: float = Field(default=15.0, ge=0, le=3600)
    clipped_share: float = Field(default=0.005, ge=0, le=1)
    echo_db: float = Field(default=-30.0, ge=-60, le=0)
    voice: bool = False

    @model_validator(mode="after")
    def _check(self) -> "MediaSound":
        if self.every_s and self.every_s < self.window_s:
            raise wrong("every_s", "must not be shorter than window_s")
        return self


class Media(Section):
    """[media]: RTP addresses and ports, worker processes, sounds."""

    address: IpAddress = "127.0.0.1"
    advertise: AdvertisedHost = ""
    ports: PortRange = (10_000, 19_999)
    dscp: Dscp = EXPEDITED_FORWARDING
    workers: int = Field(default=1, ge=1, le=64)
    hold: OptionalPath = ""
    ringing: Country = "GB"
    timeout_s: float = Field(default=30.0, ge=0, le=86400)
    silence_s: float = Field(default=10.0, ge=0, le=86400)
    loudness_lufs: float = Field(default=-19.0, ge=-40, le=-10)
    orphan_s: float = Field(default=10.0, ge=0, le=3600)
    poor_mos: float = Field(default=3.1, ge=0, le=4.5)
    good_mos: float = Field(default=3.6, ge=0, le=4.5)
    sound: MediaSound = MediaSound()
    recordings: FilePath = Path("run/recordings")
    sounds: list[FilePath] = Field(default=[Path("run/sounds")], max_length=64)

    @model_validator(mode="after")
    def _check_hold(self) -> "Media":
        if self.poor_mos and self.good_mos < self.poor_mos:
            raise wrong("good_mos", "must not be lower than poor_mos")
        first, last = self.ports
        if (last - first + 1) // 2 < self.workers:
            raise wrong("ports", f"too few: each of {self.workers} workers has two of its own")
        if self.hold and find_configured(self.hold, self.sounds) is None:
            raise wrong("hold", f"{self.hold}: there is no such file")
        return self


class Dial(Section):
    """[dial]: whom the engine may call, how long and how often it tries."""

    allow_hosts: list[DialHost] = Field(default=["127.0.0.1"])
    default_region: Region = "GB"
    caller_id: Printable = ""
    ring_s: Seconds = 30.0
    max_duration_s: Seconds = 7200.0
    max_hold_s: Seconds = 600.0
    max_wait_s: Seconds = 86400.0
    join: bool = True
    on_crash: OnCrash = "fail"
    crash_pause_s: float = Field(default=0.0, ge=0, le=86400 * 7, allow_inf_nan=False)
    decide_s: Seconds = 86400.0
    max_attempts: int = Field(default=1, ge=1, le=100)
    retry_s: Seconds = 5.0
    max_calls: int = Field(default=1000, ge=1, le=100_000)
    header_bytes: int = Field(default=1024, ge=64, le=8192)
    max_late_ms: float = Field(default=80.0, ge=0, le=60_000, allow_inf_nan=False)
    headers: HeaderTemplates = Field(
        default={"X-Ringback-Job": "{id}", "X-Ringback-Context": "{context}"}
    )


class Whisper(Section):
    """[whisper]: what the agent hears before the customer is called."""

    default: Template = ""
    voice: Printable = Field(default="en-gb", min_length=1)
    cache_dir: FilePath = Path("run/speech")
    keep_days: float = Field(default=30.0, ge=0.0)


class Log(Section):
    """[log]: how much is logged, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json", "journal"] = "console"


class WithCredentials(Section):
    """What stands for an account: a user name and a password, or a file that holds it."""

    username: Printable = ""
    password: Secret = SecretStr("")
    password_file: OptionalPath = ""

    @model_validator(mode="after")
    def _load_password(self) -> "WithCredentials":
        if not self.password_file:
            return self
        if self.password.get_secret_value():
            raise wrong("password_file", "password and password_file are both given; give one")
        object.__setattr__(self, "password", read_secret(self.password_file, "password_file"))
        return self


class InboundAuth(WithCredentials):
    """[trunks.inbound_auth]: the user name and password that calls of the trunk have to show."""

    @model_validator(mode="after")
    def _check_both(self) -> "InboundAuth":
        if self.username and not self.password.get_secret_value():
            raise wrong("password", "needed with username (or password_file)")
        if self.password.get_secret_value() and not self.username:
            raise wrong("username", "needed with password")
        return self


# Names, and extensions of a few digits. A gateway would dial longer digits: they are numbers.
TRUNK_USERS = r"[A-Za-z][A-Za-z0-9._-]*|[0-9]{2,6}"


class Trunk(Reached, WithCredentials):
    """[[trunks]]: a way into the telephone network."""

    name: Name
    sources: list[Network] = Field(default=[])
    inbound_auth: InboundAuth = InboundAuth()
    trusted: bool = True
    media: list[Network] = Field(default=[])
    register_: bool = Field(default=False, alias="register")
    register_expires_s: int = Field(default=3600, ge=60, le=86400)
    caller_id: Printable = ""
    caller_ids: CallerIds = Field(default={})
    from_: FromText = Field(default="", alias="from")
    identity: Identity = "from"
    numbers_out: OutgoingNumbers | None = None
    numbers_in: NumberRewriting | None = None
    users: Pattern = TRUNK_USERS
    rtp: Rtp = "symmetric"
    session_expires_s: SessionExpires | None = None
    early_media: Literal["relay", "ignore"] = "relay"
    detect: bool | None = None
    max_calls: int = Field(default=0, ge=0, le=100_000)
    max_calls_per_s: PerSecond = 0.0
    srtp: Srtp = "off"
    codecs: Codecs = Field(default=[])
    ptime_ms: Ptime = 20
    comfort_noise: bool = False
    dtmf: Dtmf = "rfc4733"
    rtp_ports: PortRange | None = None
    headers: TrunkHeaders = Field(default={})
    listen: Listens = Field(default=[])
    advertise: AdvertisedHost = ""
    tls_cert: OptionalPath = ""
    tls_key: OptionalPath = ""
    tls_ca: OptionalPath = ""
    tls_names: list[CertificateName] = Field(default=[])

    @model_validator(mode="after")
    def _check_tls(self) -> "Trunk":
        if self.tls_key and not self.tls_cert:
            raise wrong("tls_cert", "needed with tls_key")
        if self.advertise and not self.listen:
            raise wrong(
                "advertise", "needs listen: sip.advertise holds for addresses of all trunks"
            )
        return self

    @field_validator("caller_ids")
    @classmethod
    def _check_caller_ids(cls, caller_ids: CallerIds) -> CallerIds:
        for prefix, shown in caller_ids.items():
            if not shown:
                raise wrong(prefix, "names no caller id")
        return caller_ids

    @model_validator(mode="after")
    def _check_register(self) -> "Trunk":
        if self.register_ and not self.username:
            raise wrong("username", "needed with register = true")
        return self


class Route(Section):
    """[[routes]]: which trunks carry the numbers that begin with `prefix`."""

    prefix: RoutePrefix
    trunks: list[str] = Field(min_length=1)

    @field_validator("trunks")
    @classmethod
    def _check_trunks(cls, trunks: list[str]) -> list[str]:
        twice = first_duplicate(trunks)
        if twice is not None:
            raise wrong("", f"trunk {twice!r} stands twice")
        return trunks
