"""Rights: who is at the other end of a control connection, and what they may ask for.

Root and the engine's own user administer. Others are who the kernel says they are, or who a
token that they show stands for; see config/rights.py.
"""

import grp
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from config.rights import Right
from config.sections import Control

from .connections.peer import Peer, user_name
from .method_roles import (
    AGENT_METHODS,
    AGENT_REQUEST_METHODS,
    OWN_JOB_METHODS,
    RANKS,
    SITE_METHODS,
    NoRight,
    Role,
    needed,
)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a role, perhaps for some `sites` only, or an agent who acts for themselves alone.

    `right` is the entry that says so, `token` the digest of the token that they have shown. An
    agent's calls stay theirs for `own_s`; `may_request` says whether they may ask for callbacks.
    """

    name: str
    role: Role
    agent: str | None = None
    right: str | None = None
    token: bytes | None = field(default=None, repr=False, compare=False)
    sites: frozenset[str] = frozenset()
    own_s: float = 0.0
    may_request: bool = False

    def check(self, method: str) -> None:
        """Raise NoRight where a method is not for them."""
        need = needed(method)
        if need == "none":
            return
        had: str = self.role
        if self.agent is not None:
            allowed, had = method in AGENT_METHODS, "agent"
            allowed = allowed or (self.may_request and method in AGENT_REQUEST_METHODS)
        elif self.role in OWN_JOB_METHODS:
            allowed = method in OWN_JOB_METHODS[self.role]
        else:
            allowed = RANKS[self.role] >= RANKS[need]
        if not allowed:
            reason = f"{method} needs the role {need}; {self.name} has {had}"
            raise NoRight(reason, field="method", role=need, had=had)
        if self.sites and method not in SITE_METHODS:
            reason = f"{method} is not told apart by site; {self.name} acts for some sites only"
            raise NoRight(reason, field="method", role=need, had=had)

    @property
    def is_limited(self) -> bool:
        """Whether they see only some jobs: their own, or those of their sites."""
        return self.has_own_jobs_only or bool(self.sites)

    @property
    def has_own_jobs_only(self) -> bool:
        """Whether they see only the jobs that they have requested themselves."""
        return self.role in OWN_JOB_METHODS


DAY_S = 86400.0
NOBODY = Principal("nobody", "none")


class Rights:
    """The configured rights. `configure` takes other ones at any time."""

    def __init__(self, control: Control, rights: Sequence[Right] = ()) -> None:
        self.configure(control, rights)

    def configure(self, control: Control, rights: Sequence[Right]) -> None:
        """Go by these from now on."""
        self._allowed_uids = control.allowed_uids
        self._by_name = {right.name: _principal(right) for right in rights}
        self._users = {right.user: right.name for right in rights if right.user != ""}
        self._groups = [
            (grp.getgrnam(right.group).gr_gid, right.name) for right in rights if right.group
        ]
        tokens = [(control.token.get_secret_value(), Principal("token", "administer"))]
        tokens += [(right.token.get_secret_value(), self._by_name[right.name]) for right in rights]
        self._tokens = [
            replace(principal, token=_digest(token)) for token, principal in tokens if token
        ]
        self._default: Role = control.default_role or (
            "none" if self._users or self._groups else "administer"
        )

    def of_peer(self, peer: Peer) -> Principal:
        """Who a local user is; where several of their groups are named, the highest role holds."""
        if peer.uid is None:
            return NOBODY
        name = user_name(peer.uid)
        if peer.uid in (0, os.geteuid()):
            return Principal(name, "administer")
        right = self._users.get(peer.uid)
        if right is not None:
            return self._by_name[right]
        found = [self._by_name[right] for gid, right in self._groups if gid in peer.groups]
        if found:
            best = max(found, key=lambda one: RANKS[one.role])
            return replace(best, name=name)
        return Principal(name, self._default)

    def of_token(self, token: str) -> Principal | None:
        """Who a token stands for. Every token is compared, and takes the same time."""
        shown = _digest(token)
        found = None
        for principal in self._tokens:
            if hmac.compare_digest(principal.token or b"", shown):
                found = principal
        return found

    @staticmethod
    def is_privileged(peer: Peer) -> bool:
        """Whether a local user is root, or the user that the engine runs as."""
        return peer.uid in (0, os.geteuid())

    def may_connect(self, peer: Peer) -> bool:
        """Whether a local user may use the socket at all.

        Where `allow_users` names nobody, the file mode of the socket has decided already.
        """
        if not self._allowed_uids or peer.uid in (0, os.geteuid(), *self._allowed_uids):
            return True
        return self.of_peer(peer).right is not None

    def again(self, peer: Peer, principal: Principal) -> Principal | None:
        """Who they are now that rights may have changed; None: they may not stay."""
        if principal.token is not None:
            return next((one for one in self._tokens if one.token == principal.token), None)
        return self.of_peer(peer) if self.may_connect(peer) else None


def _principal(right: Right) -> Principal:
    role, agent = right.role or "none", right.agent or None
    return Principal(
        right.name,
        role,
        agent,
        right.name,
        sites=frozenset(right.sites),
        own_s=right.own_days * DAY_S if agent else 0.0,
        may_request=right.may_request,
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
