"""Which targets still have an INVITE of ours to clear that was cancelled.

A 2xx may have crossed the CANCEL. Then the phone is in a call that only its answer to our BYE ends,
and another INVITE would find it busy, or ring in the middle of that call.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Cancelled:
    """A cancelled INVITE. It waits for its final response until `until`, and for its BYE longer."""

    until: float
    is_answered: bool = False


class Clearing:
    """The cancelled INVITEs by the target that they called, each known by its Call-ID."""

    def __init__(self) -> None:
        self._by_target: dict[str, dict[str, _Cancelled]] = {}

    def cancelled(self, target: str, call_id: str, until: float) -> None:
        """An INVITE was cancelled. A final response is waited for until `until` at most."""
        self._by_target.setdefault(target, {})[call_id] = _Cancelled(until)

    def answered(self, target: str, call_id: str) -> None:
        """Its 2xx had crossed the CANCEL: BYE was sent."""
        one = self._by_target.get(target, {}).get(call_id)
        if one is not None:
            one.is_answered = True

    def over(self, target: str, call_id: str) -> None:
        """It is over on both sides. Does nothing for one that was not cancelled."""
        waiting = self._by_target.get(target)
        if waiting is not None:
            waiting.pop(call_id, None)
            if not waiting:
                del self._by_target[target]

    def wait_s(self, target: str, now: float) -> float | None:
        """How long to wait at most until it is worth asking again; None if the target is clear.

        Infinite while a BYE waits for its answer.
        """
        waiting = self._by_target.get(target)
        if not waiting:
            return None
        if any(one.is_answered for one in waiting.values()):
            return float("inf")
        left_s = max(one.until for one in waiting.values()) - now
        return left_s if left_s > 0 else None
