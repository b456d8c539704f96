"""Which browser an agent is signed in with: registrations over WebSockets (RFC 3261, RFC 7118).

An agent's browser shows the agent's token as the password of digest. Where the connection is lost,
the registration is over: nobody could be reached by it.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import structlog

from config.sip import Digest
from sip.auth.digest_server import DigestServer
from sip.auth.guess_limit import GuessLimit
from sip.errors import ParseError
from sip.hop import Hop
from sip.message.message import Fields, Request
from sip.message.uri import SipUri
from sip.random_ids import BlockRandom

log = structlog.get_logger()

MIN_EXPIRES_S: Final = 30
MAX_EXPIRES_S: Final = 3600
USUAL_EXPIRES_S: Final = 600


class Binding(NamedTuple):
    """A browser that an agent is signed in with. `expires` is on the caller's clock."""

    hop: Hop
    contact: str
    expires: float


class BrowserRegistrar:
    """The browsers of agents. `tokens` are the agents' passwords by name.

    An agent is reached at the browser that registered last. `on_proved(hop)` is called for each
    connection that has shown the right password.
    """

    def __init__(
        self, digest: Digest, tokens: Mapping[str, str], on_proved: Callable[[Hop], None]
    ) -> None:
        self._on_proved = on_proved
        self._guesses = GuessLimit()
        self._bindings: dict[str, dict[Hop, Binding]] = {}
        self.configure(digest, tokens)

    def configure(self, digest: Digest, tokens: Mapping[str, str]) -> None:
        """Know these agents from now on; who has no token any more is signed out."""
        self._tokens = dict(tokens)
        # The libraries of web pages know MD5 alone, and read the last challenge alone.
        algorithms = sorted(digest.algorithms, key=lambda name: name == "MD5")
        self._server = DigestServer(
            digest.realm,
            self._tokens,
            algorithms=algorithms,
            nonce_s=digest.nonce_s,
            rng=BlockRandom(),
        )
        for agent in self._bindings.keys() - self._tokens.keys():
            del self._bindings[agent]

    def register(self, request: Request, hop: Hop, now: float) -> tuple[int, Fields]:
        """The status and header fields that answer a REGISTER that came over `hop`."""
        if self._guesses.is_paused(hop.host, now):
            return 403, []
        verdict = self._server.check(request, hop.host, now)
        if verdict.outcome != "right":
            if verdict.outcome == "wrong":
                self._guesses.note_wrong(hop.host, now)
            is_stale = verdict.outcome == "stale"
            return 401, self._server.challenge(hop.host, now, is_stale=is_stale)
        agent = verdict.user
        try:
            return self._bind(request, agent, hop, now)
        except ParseError as error:
            return error.status, []

    def _bind(self, request: Request, agent: str, hop: Hop, now: float) -> tuple[int, Fields]:
        uri = request.to.uri
        if not isinstance(uri, SipUri) or uri.user != agent:
            return 403, []  # nobody registers for somebody else
        self._on_proved(hop)
        bindings = self._bindings.setdefault(agent, {})
        if request.get("Contact") == "*":
            bindings.clear()
        elif (contact := request.contact) is not None:
            expires_s = _seconds(contact.params.get("expires"), request.expires)
            if expires_s == 0:
                bindings.pop(hop, None)
            elif expires_s < MIN_EXPIRES_S:
                return 423, [("Min-Expires", str(MIN_EXPIRES_S))]
            else:
                if hop not in bindings:
                    log.info("browser_signed_in", agent=agent, hop=str(hop))
                bindings.pop(hop, None)
                granted = min(expires_s, MAX_EXPIRES_S)
                bindings[hop] = Binding(hop, contact.uri.encode(), now + granted)
        found = [
            ("Contact", f"<{one.contact}>;expires={round(one.expires - now)}")
            for one in self._current(agent, now)
        ]
        return 200, found

    def _current(self, agent: str, now: float) -> list[Binding]:
        bindings = self._bindings.get(agent, {})
        for hop in [hop for hop, one in bindings.items() if one.expires <= now]:
            del bindings[hop]
        return list(bindings.values())

    def binding_of(self, agent: str, now: float) -> Binding | None:
        """The browser at which an agent is reached; None where there is none."""
        current = self._current(agent, now)
        return current[-1] if current else None

    def agent_at(self, hop: Hop, now: float) -> str | None:
        """Whose browser is connected by `hop`; None for nobody's."""
        for agent in list(self._bindings):
            if any(one.hop == hop for one in self._current(agent, now)):
                return agent
        return None

    def contact_at(self, hop: Hop) -> str | None:
        """The address of the browser that is connected by `hop`, as it has named it."""
        for bindings in self._bindings.values():
            if hop in bindings:
                return bindings[hop].contact
        return None

    def gone(self, hop: Hop) -> None:
        """A connection is lost."""
        for agent, bindings in self._bindings.items():
            if bindings.pop(hop, None) is not None:
                log.info("browser_gone", agent=agent, hop=str(hop))


def _seconds(named: str | None, otherwise: int | None) -> int:
    if named is not None and named.isascii() and named.isdigit() and len(named) < 10:
        return int(named)
    return USUAL_EXPIRES_S if otherwise is None else otherwise
