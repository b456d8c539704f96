"""Owners and listeners of legs, for tests: they keep what they hear."""

import time
from dataclasses import replace
from typing import Any

from engine.calls.hangup_cause import HangupCause
from engine.calls.legs.leg_listener import LegListener, ObservedLeg
from engine.errors import EngineError
from engine.routing.targets.destination import DialTarget
from engine.routing.trunk_figures import TrunkTry


class LegOwner:
    """Made a leg: `published` has the events (kind, fields), `failed` the trunks that failed.

    `call_ids` has the Call-ID of each dialog of the leg.
    """

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.call_ids: list[str | None] = []
        self.failed: list[tuple[str, HangupCause]] = []
        self.failed_hosts: list[str] = []
        self.permitted: set[str] = set()
        self.tried: list[TrunkTry] = []
        self.full: set[str] = set()
        self.turn_s = 0.0

    @property
    def kinds(self) -> list[str]:
        """The kinds of the published events."""
        return [kind for kind, _fields in self.published]

    def now(self) -> float:
        """See engine.calls.legs.leg_listener."""
        return time.time()

    def publish(self, kind: str, _leg: ObservedLeg, /, **fields: Any) -> None:
        """See engine.calls.legs.leg_listener."""
        self.published.append((kind, fields))

    def signalled(self, leg: ObservedLeg, /) -> None:
        """See engine.calls.legs.leg_listener."""
        self.call_ids.append(leg.record.call_id)

    def headers_for(self, target: DialTarget) -> tuple[tuple[str, str], ...]:
        """See engine.calls.legs.leg_listener."""
        return target.headers

    def redirected(self, uri: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
        """See engine.calls.legs.leg_listener. `permitted` are the URIs that may be called."""
        if uri not in self.permitted:
            raise EngineError("refused", f"{uri} is not permitted", field="to")
        if by_proxy is not None:
            return (replace(by_proxy, hop_uri=uri, route=(f"<{uri};lr>",)),)
        return (DialTarget(uri, uri),)

    def trunk_failed(self, target: DialTarget, cause: HangupCause) -> None:
        """See engine.calls.legs.leg_listener."""
        self.failed.append((target.trunk or "", cause))
        self.failed_hosts.append(target.host)

    def trunk_entered(self, _leg: ObservedLeg, trunk: str | None) -> bool:
        """See engine.calls.legs.leg_listener. `full` are the trunks that take no call."""
        return trunk not in self.full

    def trunk_turn_s(self, _trunk: str) -> float:
        """See engine.calls.legs.leg_listener. `turn_s` is when the turn of the next comes."""
        return self.turn_s

    def trunk_tried(self, tried: TrunkTry) -> None:
        """See engine.calls.legs.leg_listener. `tried` has them all."""
        self.tried.append(tried)


class LegWatcher(LegListener):
    """Listens to a leg: the keys that were pressed, and each change of hold."""

    def __init__(self) -> None:
        self.digits: list[str] = []
        self.holds: list[bool] = []

    def digit_pressed(self, _leg: ObservedLeg, digit: str) -> None:
        """See LegListener."""
        self.digits.append(digit)

    def hold_changed(self, leg: ObservedLeg) -> None:
        """See LegListener."""
        self.holds.append(leg.is_held)
