"""Trunks: the registrations that keep them usable, and how each stands."""

import random
from collections.abc import Sequence
from typing import Literal, TypedDict

import structlog

from config.settings import Trunk
from sip.dialog.options import OptionsTarget
from sip.endpoint import SipEndpoint
from sip.events import Binding, RegistrationChanged
from sip.registration.registration import Account
from sip.usage import RegistrationUsage

from ..store.event_log import EventLog
from .capacity.trunk_load import TrunkLoad
from .hosts.trunk_health import HostState, TrunkHealth
from .hosts.trunk_hosts import hosts_of, in_turn
from .targets.destination import credentials_of

log = structlog.get_logger()


TrunkState = Literal["static", "registering", "registered", "unregistered", "failed"]


class TrunkView(TypedDict):
    """A trunk."""

    name: str
    """The name."""
    uri: str
    """Where it is."""
    state: TrunkState
    """`static`: without a registration; else how the registration stands."""
    reason: str | None
    """Why the registration failed."""
    down: str | None
    """Why the trunk is passed over for now."""


class Trunks:
    """The configured trunks. One with `register` is not used while its registration fails."""

    def __init__(self, trunks: Sequence[Trunk], *, sip: SipEndpoint, events: EventLog) -> None:
        self._settings = {trunk.name: trunk for trunk in trunks}
        self._sip = sip
        self.load = TrunkLoad(trunks)
        self._events = events
        self._registrations: dict[RegistrationUsage, str] = {}
        self._states: dict[str, TrunkState] = {
            trunk.name: "registering" if trunk.register_ else "static" for trunk in trunks
        }
        self._reasons: dict[str, str] = {}
        self._bindings: dict[str, Binding] = {}
        self._rng = random.Random()
        self._health = TrunkHealth(
            events,
            lambda name, host: sip.hops(host.sent_to, name),
            lambda host, hop: sip.ask_options(OptionsTarget(host.domain, host.route), hop),
            self._host_down,
            self._rng,
        )
        for trunk in trunks:
            self._health.configure(trunk.name, hosts_of(trunk), trunk.qualify_s)
        # Registrations that are being taken back, and whose trunk may register again after it.
        self._next: dict[RegistrationUsage, str] = {}

    def start(self) -> None:
        """Register every trunk that is to be registered, and ask those that are to be asked.

        The results are published as events.
        """
        self._health.start()
        for trunk in self._settings.values():
            if trunk.register_:
                self._register(trunk)

    def reconfigure(self, trunks: Sequence[Trunk]) -> None:
        """Take the trunks as they are configured now: registrations begin, change and end."""
        self.load.configure(trunks)
        before, self._settings = self._settings, {trunk.name: trunk for trunk in trunks}
        for name in before:
            # A reload may have mended the trunk.
            self._health.forget(name, "the configuration was read again")
        for name, trunk in self._settings.items():
            self._health.configure(name, hosts_of(trunk), trunk.qualify_s)
        self._health.start()
        for name, old in before.items():
            new = self._settings.get(name)
            if new is None or _account_of(new) != _account_of(old):
                self._forget(name)
        for name, trunk in self._settings.items():
            if name in self._states:
                continue
            self._states[name] = "registering" if trunk.register_ else "static"
            if trunk.register_ and name not in self._next.values():
                self._register(trunk)

    def _forget(self, name: str) -> None:
        """Take a registration back. One that follows it waits until that is done: the registrar
        would take the binding of both away."""
        self._states.pop(name, None)
        self._reasons.pop(name, None)
        self._bindings.pop(name, None)
        for registration, registered in tuple(self._registrations.items()):
            if registered == name:
                del self._registrations[registration]
                self._next[registration] = name
                self._sip.unregister(registration)

    def _register(self, trunk: Trunk) -> None:
        """Begin to register, at one host after the other until one takes it."""
        hosts = in_turn(hosts_of(trunk), self._rng, lambda _host: False)
        first, *_others = registrars = [host.registrar(trunk.username) for host in hosts]
        account = Account(
            aor=first.aor,
            registrar=first.registrar,
            trunk=trunk.name,
            credentials=credentials_of(trunk),
            expires_s=trunk.register_expires_s,
            hosts=tuple(registrars),
            is_down=lambda host: self._health.is_host_down(trunk.name, host),
        )
        self._registrations[self._sip.register(account)] = trunk.name

    def stop(self) -> None:
        """Take every registration back."""
        self._health.stop()
        for registration in self._registrations:
            self._sip.unregister(registration)

    def is_usable(self, name: str) -> bool:
        """Whether calls may be placed through the trunk now."""
        return self._states.get(name) != "failed"

    def is_resting(self, name: str) -> bool:
        """Whether calls go by other trunks for now, where there are such."""
        return self._health.is_resting(name)

    def is_full(self, name: str) -> bool:
        """Whether the trunk carries all the calls that it may."""
        return self.load.is_full(name)

    def free_in_s(self, name: str) -> float | None:
        """How long until the trunk may begin a call; None: until one of its calls is over."""
        return self.load.free_in_s(name)

    def is_host_down(self, name: str, host: str) -> bool:
        """Whether calls by the trunk go by its other hosts for now, where there are such."""
        return self._health.is_host_down(name, host)

    def binding(self, name: str) -> Binding | None:
        """The binding at the trunk's registrar that holds now; None where there is none."""
        return self._bindings.get(name)

    def hosts(self, name: str) -> list[HostState]:
        """How each host of the trunk stands."""
        return self._health.hosts(name)

    def qualify_s(self, name: str) -> float:
        """How often its hosts are sent an OPTIONS; 0: only while they are down."""
        trunk = self._settings.get(name)
        return 0.0 if trunk is None else trunk.qualify_s

    def _host_down(self, name: str, host: str) -> None:
        """Have the trunk registered at another host, where it is registered at this one."""
        for registration, registered in self._registrations.items():
            if registered == name:
                self._sip.host_down(registration, host)

    def rest(
        self, name: str, for_s: float, reason: str, *, is_silent: bool, host: str = ""
    ) -> None:
        """Pass a host over ("": all): it said for how long (Retry-After), or nobody answers."""
        self._health.rest(name, host, for_s, reason, is_silent=is_silent)

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
            has_moved = self._note_binding(name, event.binding)
            if has_moved or (self._states[name], self._reasons.get(name)) != (event.state, reason):
                self._report(name, event.state, reason)

    def _note_binding(self, name: str, binding: Binding | None) -> bool:
        """Note where the trunk is registered. Returns False where it only was refreshed there."""
        if binding is None:
            self._bindings.pop(name, None)
            return True
        before = self._bindings.get(name)
        self._bindings[name] = binding
        self._health.registered(name, binding.host)
        return before is None or (before.host, before.hop) != (binding.host, binding.hop)

    def _gone(self, event: RegistrationChanged) -> None:
        """A registration of an earlier configuration has changed."""
        if event.state != "unregistered":
            return
        name = self._next.pop(event.registration, None)
        trunk = self._settings.get(name or "")
        if trunk is not None and trunk.register_:
            self._register(trunk)
        elif name is not None:
            self._events.publish("trunk.unregistered", trunk=name, reason="not configured any more")

    def _report(self, name: str, state: TrunkState, reason: str) -> None:
        self._states[name] = state
        self._reasons[name] = reason
        level = log.warning if state == "failed" else log.info
        level("trunk", trunk=name, state=state, reason=reason)
        self._events.publish(f"trunk.{state}", trunk=name, reason=reason)

    def view(self) -> list[TrunkView]:
        """Each trunk as `engine.status` shows it."""
        return [
            {
                "name": trunk.name,
                "uri": trunk.uri,
                "state": self._states[trunk.name],
                "reason": self._reasons.get(trunk.name),
                "down": self._health.reason(trunk.name),
            }
            for trunk in self._settings.values()
        ]


def _account_of(trunk: Trunk) -> object:
    """What makes another registration, or none, when it changes."""
    if not trunk.register_:
        return trunk.uri
    return hosts_of(trunk), trunk.username, trunk.password, trunk.register_expires_s
