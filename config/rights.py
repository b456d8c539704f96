"""[[rights]]: who may do what on the control socket."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, read_secret
from .value_checks.this_machine import check_user
from .values import Group, Name, OptionalPath, Printable, Secret

Role = Literal["read", "operate", "supervise", "administer", "request", "gateway"]
# What can be told apart by site is for these.
SITE_ROLES = ("request", "gateway", "read", "operate")

TOKEN_LENGTH = 16

OptionalUser = Annotated[
    str | int, AfterValidator(lambda user: user if user == "" else check_user(user))
]


class Right(Section):
    """What one user, one group or the holder of one token may do: a role, or be an agent."""

    name: Name
    user: OptionalUser = ""
    group: Group = ""
    token: Secret = SecretStr("")
    token_file: OptionalPath = ""
    role: Role | None = None
    agent: Printable = ""
    own_days: Annotated[float, Field(ge=0, le=36500)] = 30.0
    may_request: bool = False
    sites: list[Annotated[Printable, Field(min_length=1, max_length=128)]] = Field(
        default=[], max_length=1000
    )

    @model_validator(mode="after")
    def _check_whole(self) -> "Right":
        if self.token.get_secret_value() and self.token_file:
            raise wrong("token_file", "token and token_file are both given; give one")
        if self.token_file:
            object.__setattr__(self, "token", read_secret(self.token_file, "token_file"))
        token = self.token.get_secret_value()
        whose = {"user": self.user != "", "group": bool(self.group), "token": bool(token)}
        if sum(whose.values()) != 1:
            raise wrong("user", "give one of user, group and token (or token_file)")
        if token and len(token) < TOKEN_LENGTH:
            raise wrong("token", f"must have at least {TOKEN_LENGTH} characters")
        if (self.role is None) == (not self.agent):
            raise wrong("role", "give one of role and agent")
        if self.agent and self.group:
            raise wrong("agent", "a group is no agent; name its users one by one")
        for key in ("own_days", "may_request"):
            if not self.agent and key in self.model_fields_set:
                raise wrong(key, "is for an entry with agent")
        if self.sites and self.role not in SITE_ROLES:
            raise wrong("sites", f"are for the roles {', '.join(SITE_ROLES)}")
        return self
