"""[stir]: whether the signatures of callers are verified (STIR/SHAKEN), and by whose trust."""

from typing import Literal

from pydantic import Field, model_validator

from .errors import wrong
from .section import Section
from .values import OptionalPath, UrlHost


class Stir(Section):
    """[stir]: what an Identity header has to be, and from where its certificate is fetched."""

    mode: Literal["off", "verify"] = "off"
    trust: OptionalPath = ""
    max_age_s: float = Field(default=60.0, ge=1, le=3600, allow_inf_nan=False)
    deadline_s: float = Field(default=1.0, gt=0, le=10, allow_inf_nan=False)
    fetch_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    hosts: list[UrlHost] = Field(default=[], max_length=1000)
    allow_private: bool = False
    https_ca: OptionalPath = ""
    max_signatures_per_s: float = Field(default=200.0, gt=0, le=100_000, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_trust(self) -> "Stir":
        if self.mode == "verify" and not self.trust:
            raise wrong("trust", 'needed with mode = "verify"')
        return self
