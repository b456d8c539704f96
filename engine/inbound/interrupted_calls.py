"""Calls without a job that a crash cut off: their end is published when the engine starts again.

A callback is a job, and the next engine ends it. A call that came in, or that a client originated,
has nothing but its events.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..store.store import Store

Event = Mapping[str, Any]

STORED_AS = "call_up"
CAUSE = "engine restarted"
_CALLER = ("from", "number", "dialled", "trunk", "route", "attestation", "attestation_reason")
# What each event adds: members that are as it has them, and one that is its time.
_KNOWN_FROM: Mapping[str, tuple[tuple[str, ...], str]] = {
    "call.incoming": (("context", *_CALLER), "started"),
    "call.originated": (("context", "to", "number", "trunk"), "started"),
    "call.answered": (("queue", "agent"), "taken_at"),
    "queue.answered": (("agent",), "answered_at"),
    "call.bridged": (("agent",), "bridged_at"),
}
WATCHED: Final = frozenset({*_KNOWN_FROM, "call.ended"})
"""The types of the events that say something of a call without a job."""
_DIRECTIONS: Final = {"call.incoming": "inbound", "call.originated": "outbound"}


class InterruptedCalls:
    """Stores what is known of each call without a job until its end is published."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._up: dict[str, dict[str, Any]] = {}
        self._cut_off: dict[str, dict[str, Any]] = {}

    async def open(self) -> None:
        """Read what an earlier engine left. Raises StoreError."""
        self._cut_off = await self._store.load(STORED_AS, dict)

    def cut_off(self, at: float) -> Iterator[dict[str, Any]]:
        """The members of `call.ended` for each call that was up when its engine died, at `at`."""
        for call, known in tuple(self._cut_off.items()):
            yield {
                "call": call,
                "direction": "inbound",
                **known,
                "result": "completed" if "bridged_at" in known else "failed",
                "cause": CAUSE,
                "ended_at": max(at, *(known.get(name) or 0.0 for _, name in _KNOWN_FROM.values())),
            }

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the calls have been up for as long as before."""
        for call, known in self._up.items():
            for _names, moment in _KNOWN_FROM.values():
                if moment in known:
                    known[moment] += by_s
            self._store.put(STORED_AS, call, known)

    def watch(self, event: Event) -> None:
        """Handle one event, as it is published."""
        kind = event["type"]
        if kind == "call.ended":
            call = event["call"]
            if self._up.pop(call, None) is not None or self._cut_off.pop(call, None) is not None:
                self._store.drop(STORED_AS, call)
            return
        known_from = _KNOWN_FROM.get(kind)
        if known_from is None or "call" not in event:
            return
        call = event["call"]
        if kind in _DIRECTIONS:
            self._up[call] = {"direction": _DIRECTIONS[kind]}
        known = self._up.get(call)
        if known is not None:
            members, moment = known_from
            known |= {name: event[name] for name in members if name in event}
            known[moment] = event["time"]
            self._store.put(STORED_AS, call, known)
