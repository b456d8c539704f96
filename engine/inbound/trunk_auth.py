"""Which trunk calls, by the user name and password that it shows (`[trunks.inbound_auth]`).

A source that is asked for them is told nothing: it gets the same 401 whether the user is unknown
or the password is wrong, for the same work, and nothing is kept of it.
"""

from collections.abc import Sequence
from typing import Final

from config.sections import Trunk
from config.sip import Digest
from sip.auth.digest_server import DigestServer, Outcome
from sip.auth.guess_limit import GuessLimit
from sip.message.message import Fields, Request
from sip.random_ids import BlockRandom

_MOST_HOSTS: Final = 1_000


class TrunkAuth:
    """The accounts of the trunks that show a password when they call."""

    def __init__(self, digest: Digest, trunks: Sequence[Trunk]) -> None:
        self._settings: tuple[Digest, dict[str, tuple[str, str]]] | None = None
        self._guesses = GuessLimit()
        self._proved: dict[str, None] = {}
        self.configure(digest, trunks)

    def configure(self, digest: Digest, trunks: Sequence[Trunk]) -> None:
        """Have these from now on. Nonces stay good where none of it changes."""
        accounts = {
            trunk.name: (auth.username, auth.password.get_secret_value())
            for trunk in trunks
            if (auth := trunk.inbound_auth).username
        }
        if self._settings == (digest, accounts):
            return
        self._settings = digest, accounts
        self._wanted = frozenset(accounts)
        self._trunks = {user: trunk for trunk, (user, _) in accounts.items()}
        self._server = DigestServer(
            digest.realm,
            dict(accounts.values()),
            algorithms=digest.algorithms,
            nonce_s=digest.nonce_s,
            rng=BlockRandom(),
        )

    def wants(self, trunk: str | None) -> bool:
        """Whether a call by this trunk has to show a password; None: whether any trunk's has."""
        return bool(self._wanted) if trunk is None else trunk in self._wanted

    def is_paused(self, host: str, now: float) -> bool:
        """Whether a host has tried too many wrong passwords to be heard now."""
        return self._guesses.is_paused(host, now)

    def has_proved(self, host: str) -> bool:
        """Whether a call with the right password has come from this host lately."""
        return host in self._proved

    def check(self, invite: Request, host: str, now: float) -> tuple[Outcome, str]:
        """What the credentials of an INVITE from `host` are worth, and of which trunk they are."""
        outcome, user = self._server.check(invite, host, now)
        if outcome == "right":
            self._note_proved(host)
            return outcome, self._trunks[user]
        if outcome == "wrong":
            self._guesses.note_wrong(host, now)
        return outcome, ""

    def challenge(self, host: str, now: float, outcome: Outcome) -> Fields:
        """The header fields that ask `host` for its password, after credentials of this worth."""
        return self._server.challenge(host, now, is_stale=outcome == "stale")

    def _note_proved(self, host: str) -> None:
        """Note one host more: the one noted first goes where there is no room."""
        self._proved.pop(host, None)
        if len(self._proved) >= _MOST_HOSTS:
            del self._proved[next(iter(self._proved))]
        self._proved[host] = None
