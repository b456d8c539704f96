"""[webrtc]: how browsers that speak are reached."""

from pydantic import Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, read_secret
from .values import AdvertisedHost, OptionalPath, Printable, Secret


class WebRtc(Section):
    """[webrtc]: STUN and TURN servers (RFC 7064, RFC 7065), and our own address behind NAT."""

    stun: Printable = Field(default="", pattern=r"^(stun:.+)?$")
    turn: Printable = Field(default="", pattern=r"^(turns?:.+)?$")
    turn_username: Printable = ""
    turn_password: Secret = SecretStr("")
    turn_password_file: OptionalPath = ""
    relay_only: bool = False
    advertise: AdvertisedHost = ""

    @model_validator(mode="after")
    def _check_whole(self) -> "WebRtc":
        if self.turn_password.get_secret_value() and self.turn_password_file:
            raise wrong("turn_password_file", "turn_password is given too; give one")
        if self.turn_password_file:
            password = read_secret(self.turn_password_file, "turn_password_file")
            object.__setattr__(self, "turn_password", password)
        if self.relay_only and not self.turn:
            raise wrong("relay_only", "needs turn, or nobody is reached")
        if self.turn_username and not self.turn:
            raise wrong("turn_username", "needs turn")
        return self
