"""Trunks: the registrations that keep them usable, and how each stands."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from config.settings import Trunk
from sip.dialog.registration import Account
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.events import RegistrationChanged
from sip.message.uri import SipUri, parse_uri
from sip.transport.resolver import ResolutionFailed
from sip.usage import RegistrationUsage

from ..store.event_log import EventLog
from .dialplan import credentials_of

log = structlog.get_logger()

# How soon a registrar whose name was not found is looked up again.
SEARCH_AGAIN_S = 30.0


class Trunks:
    """The configured trunks. One with `register` is not used while its registration fails."""

    def __init__(self, trunks: Sequence[Trunk], *, sip: SipEndpoint, events: EventLog) -> None:
        self._settings = {trunk.name: trunk for trunk in trunks}
        self._sip = sip
        self._events = events
        self._registrations: dict[RegistrationUsage, str] = {}
        self._states = {
            trunk.name: "registering" if trunk.register_ else "static" for trunk in trunks
        }
        self._reasons: dict[str, str] = {}
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._searching: dict[str, asyncio.Task[None]] = {}
        # Registrations that are being taken back, and whose trunk may register again after it.
        self._next: dict[RegistrationUsage, str] = {}

    async def start(self) -> None:
        """Register every trunk that wants it; what comes of it is told by events."""
        for trunk in self._settings.values():
            if trunk.register_:
                await self._register_or_search(trunk)

    async def _register_or_search(self, trunk: Trunk) -> None:
        if not await self._register(trunk):
            task = asyncio.get_running_loop().create_task(self._register_later(trunk))
            self._searching[trunk.name] = task

    async def reconfigure(self, trunks: Sequence[Trunk]) -> None:
        """Take the trunks as they are configured now: registrations begin, change and end."""
        before, self._settings = self._settings, {trunk.name: trunk for trunk in trunks}
        for name, old in before.items():
            new = self._settings.get(name)
            if new is None or _account_of(new) != _account_of(old):
                self._forget(name)
        for name, trunk in self._settings.items():
            if name in self._states:
                continue
            self._states[name] = "registering" if trunk.register_ else "static"
            waits = name in self._next.values() or name in self._searching
            if trunk.register_ and not waits:
                await self._register_or_search(trunk)

    def _forget(self, name: str) -> None:
        """Take a registration back. One that follows it waits until that is done: the registrar
        would take the binding of both away."""
        self._states.pop(name, None)
        self._reasons.pop(name, None)
        search = self._searching.pop(name, None)
        if search is not None:
            search.cancel()
        for registration, registered in tuple(self._registrations.items()):
            if registered == name:
                del self._registrations[registration]
                self._next[registration] = name
                self._sip.unregister(registration)

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
        for search in self._searching.values():
            search.cancel()
        for resting in self._resting.values():
            resting.cancel()
        for registration in self._registrations:
            self._sip.unregister(registration)

    def is_usable(self, name: str) -> bool:
        """Whether calls may be placed through the trunk now."""
        return self._states.get(name) != "failed"

    def is_resting(self, name: str) -> bool:
        """Whether calls go by other trunks for now, where there are such."""
        return name in self._resting

    def rest(self, name: str, for_s: float, reason: str) -> None:
        """Pass a trunk over for `for_s`: it said so (Retry-After), or nobody answers there."""
        if name not in self._settings:
            return
        loop = asyncio.get_running_loop()
        resting = self._resting.pop(name, None)
        if resting is not None:
            resting.cancel()
            for_s = max(for_s, resting.when() - loop.time())
        else:
            log.warning("trunk_down", trunk=name, reason=reason, for_s=for_s)
            self._events.publish("trunk.down", trunk=name, reason=reason)
        self._resting[name] = loop.call_later(for_s, self._rested, name)

    def _rested(self, name: str) -> None:
        del self._resting[name]
        log.info("trunk_up", trunk=name)
        self._events.publish("trunk.up", trunk=name, reason="its time is over")

    def on_sip(self, event: RegistrationChanged) -> None:
        """Take one event of a registration."""
        name = self._registrations.get(event.registration)
        if name is None:
            self._gone(event)
        else:
            reason = event.phrase if event.status is None else f"{event.status} {event.phrase}"
            if event.state == "failed" and event.expires_s > 0:
                # The binding is good until it is over, and so is the trunk.
                self._reasons[name] = reason
                log.warning(
                    "trunk_not_refreshed", trunk=name, reason=reason, holds_s=event.expires_s
                )
                return
            self._tell(name, event.state, reason)

    def _gone(self, event: RegistrationChanged) -> None:
        """A registration of an earlier configuration has changed."""
        if event.state != "unregistered":
            return
        name = self._next.pop(event.registration, None)
        trunk = self._settings.get(name or "")
        if trunk is not None and trunk.register_:
            task = asyncio.get_running_loop().create_task(self._register_or_search(trunk))
            self._searching[trunk.name] = task
        elif name is not None:
            self._events.publish("trunk.unregistered", trunk=name, reason="not configured any more")

    def _tell(self, name: str, state: str, reason: str) -> None:
        self._states[name] = state
        self._reasons[name] = reason
        say = log.warning if state == "failed" else log.info
        say("trunk", trunk=name, state=state, reason=reason)
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


def _account_of(trunk: Trunk) -> object:
    """What makes another registration, or none, when it changes."""
    if not trunk.register_:
        return trunk.uri
    return trunk.uri, trunk.username, trunk.password, trunk.register_expires_s


def _aor(trunk: Trunk) -> str:
    uri = parse_uri(trunk.uri)
    if not isinstance(uri, SipUri):
        raise ParseError(f"{trunk.uri!r} is not a sip: URI")
    return str(SipUri("sip", uri.host, trunk.username))
