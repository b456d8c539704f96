"""Trunks: the registrations that keep them usable, and how each stands."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from config.settings import Trunk
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.events import RegistrationChanged
from sip.registration import Account, Registration
from sip.resolver import ResolutionFailed
from sip.uri import SipUri, parse_uri

from .dialplan import credentials_of
from .events import EventLog

log = structlog.get_logger()

# How soon a registrar whose name was not found is looked up again.
SEARCH_AGAIN_S = 30.0


class Trunks:
    """The configured trunks. One with `register` is not used while its registration fails."""

    def __init__(self, trunks: Sequence[Trunk], *, sip: SipEndpoint, events: EventLog) -> None:
        self._settings = {trunk.name: trunk for trunk in trunks}
        self._sip = sip
        self._events = events
        self._registrations: dict[Registration, str] = {}
        self._states = {
            trunk.name: "registering" if trunk.register_ else "static" for trunk in trunks
        }
        self._reasons: dict[str, str] = {}
        self._searching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Register every trunk that wants it; what comes of it is told by events."""
        for trunk in self._settings.values():
            if trunk.register_ and not await self._register(trunk):
                loop = asyncio.get_running_loop()
                self._searching.append(loop.create_task(self._register_later(trunk)))

    async def _register(self, trunk: Trunk) -> bool:
        """Begin to register; False when the registrar's address is not to be found."""
        try:
            hop = await self._sip.resolve(trunk.uri)
        except (ResolutionFailed, ParseError) as error:
            self._tell(trunk.name, "failed", str(error))
            return False
        account = Account(
            aor=_aor(trunk),
            registrar=trunk.uri,
            hop=hop,
            credentials=credentials_of(trunk),
            expires_s=trunk.register_expires_s,
        )
        self._registrations[self._sip.register(account)] = trunk.name
        return True

    async def _register_later(self, trunk: Trunk) -> None:
        found = False
        while not found:
            await asyncio.sleep(SEARCH_AGAIN_S)
            found = await self._register(trunk)

    def stop(self) -> None:
        """Take every registration back."""
        for search in self._searching:
            search.cancel()
        for registration in self._registrations:
            self._sip.unregister(registration)

    def is_usable(self, name: str) -> bool:
        """Whether calls may be placed through the trunk now."""
        return self._states.get(name) != "failed"

    def on_sip(self, event: RegistrationChanged) -> None:
        """Take one event of a registration."""
        name = self._registrations.get(event.registration)
        if name is not None:
            reason = event.phrase if event.status is None else f"{event.status} {event.phrase}"
            self._tell(name, event.state, reason)

    def _tell(self, name: str, state: str, reason: str) -> None:
        self._states[name] = state
        self._reasons[name] = reason
        log.info("trunk", trunk=name, state=state, reason=reason)
        self._events.publish(f"trunk.{state}", trunk=name, reason=reason)

    def view(self) -> list[dict[str, Any]]:
        """Each trunk as `engine.status` shows it."""
        return [
            {
                "name": trunk.name,
                "uri": trunk.uri,
                "state": self._states[trunk.name],
                "reason": self._reasons.get(trunk.name),
            }
            for trunk in self._settings.values()
        ]


def _aor(trunk: Trunk) -> str:
    uri = parse_uri(trunk.uri)
    if not isinstance(uri, SipUri):
        raise ParseError(f"{trunk.uri!r} is not a sip: URI")
    return str(SipUri("sip", uri.host, trunk.username))
