"""[webrtc]: how browsers that speak are reached."""

from pydantic import Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, read_secret
from .values import AdvertisedHost, Codecs, OptionalPath, Printable, Secret


class WebRtc(Section):
    """[webrtc]: STUN and TURN servers (RFC 7064, RFC 7065), and our own address behind NAT.

    With `turn_secret`, which the TURN server shares, the credentials are made for `turn_ttl_s` each
    time. `codecs` are those of browsers that have none of their own. A call waits `rejoin_s` for a
    browser whose connection was closed, and `sleep_s` for one that no longer sends anything.
    """

    stun: Printable = Field(default="", pattern=r"^(stun:.+)?$")
    turn: Printable = Field(default="", pattern=r"^(turns?:.+)?$")
    turn_username: Printable = ""
    turn_password: Secret = SecretStr("")
    turn_password_file: OptionalPath = ""
    turn_secret: Secret = SecretStr("")
    turn_secret_file: OptionalPath = ""
    turn_ttl_s: float = Field(default=3600.0, ge=60, le=604800, allow_inf_nan=False)
    relay_only: bool = False
    advertise: AdvertisedHost = ""
    rejoin_s: float = Field(default=10.0, gt=0, le=300, allow_inf_nan=False)
    codecs: Codecs = Field(default=[])
    sleep_s: float = Field(default=60.0, gt=0, le=3600, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_whole(self) -> "WebRtc":
        for key in ("turn_password", "turn_secret"):
            file = getattr(self, f"{key}_file")
            if file and getattr(self, key).get_secret_value():
                raise wrong(f"{key}_file", f"{key} is given too; give one")
            if file:
                object.__setattr__(self, key, read_secret(file, f"{key}_file"))
        has_secret = bool(self.turn_secret.get_secret_value())
        if has_secret and (self.turn_username or self.turn_password.get_secret_value()):
            raise wrong("turn_secret", "credentials are given too; give one")
        if self.relay_only and not self.turn:
            raise wrong("relay_only", "needs turn, or nobody is reached")
        if (self.turn_username or has_secret) and not self.turn:
            raise wrong("turn_username" if self.turn_username else "turn_secret", "needs turn")
        return self
