"""The section about the trace of calls."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator

from .errors import wrong
from .section import Section, read_secret
from .values import HostPort, OptionalPath, Secret


class Trace(Section):
    """[trace]: the SIP messages of calls that are kept, and that a Homer collector gets."""

    keep_calls: int = Field(default=2_000, ge=0, le=1_000_000)
    keep_mib: Annotated[float, Field(ge=1, le=65_536, allow_inf_nan=False)] = 32.0
    hep: HostPort = ""
    hep_id: int = Field(default=2_001, ge=0, le=4_294_967_295)
    hep_password: Secret = SecretStr("")
    hep_password_file: OptionalPath = ""

    @field_validator("hep")
    @classmethod
    def _check_hep(cls, hep: str) -> str:
        if hep.endswith(":0"):
            raise wrong("", "the port of a collector must not be 0")
        return hep

    @model_validator(mode="after")
    def _load_password(self) -> "Trace":
        if self.hep_password.get_secret_value() and self.hep_password_file:
            reason = "hep_password and hep_password_file are both given; give one"
            raise wrong("hep_password_file", reason)
        if self.hep_password_file:
            secret = read_secret(self.hep_password_file, "hep_password_file")
            object.__setattr__(self, "hep_password", secret)
        return self
