"""A call: the legs of one attempt or of a call that came in, and the registry of what is up."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from ..clock import shifted
from .leg import Leg

# How long the callback of a customer who is calling us waits before it is looked at again.
ON_THE_LINE_S = 30.0


class CallOwner(Protocol):
    """The call flow that a call belongs to."""

    def hang_up(self, leg_id: str | None = None) -> None:
        """End one leg, or all, because a command says so."""


class Call:
    """The legs of one attempt of a job, or (`inbound`) of a call that has no job.

    `about` is shown with it: who calls, what was dialled, in which queue the caller waits.
    """

    def __init__(
        self,
        call_id: str,
        job_id: str | None,
        *,
        direction: Literal["inbound", "outbound"] = "outbound",
        owner: CallOwner | None = None,
        about: Mapping[str, Any] | None = None,
        started: float = 0.0,
    ) -> None:
        self.id = call_id
        self.job_id = job_id
        self.direction = direction
        self.owner = owner
        self.about = about or {}
        self.state = "dialing"
        self.started = started
        self.bridged_at: float | None = None
        self.legs: list[Leg] = []

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the call has been up for as long as before."""
        self.started += by_s
        self.bridged_at = shifted(self.bridged_at, by_s)

    def view(self) -> dict[str, Any]:
        """The call as the control protocol shows it."""
        return {
            "call": self.id,
            "job": self.job_id,
            "direction": self.direction,
            "state": self.state,
            "started": self.started,
            "bridged_at": self.bridged_at,
            "legs": [leg.record for leg in self.legs],
            **self.about,
        }


class CallRegistry:
    """Every call and leg that is up now."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.legs: dict[str, Leg] = {}
        self.recordings: dict[str, Callable[[str], None]] = {}
        """By the path of each file that is being written, whom to tell why that has failed."""
        self._on_the_line: dict[str, set[str]] = {}

    def add_call(self, call: Call) -> None:
        """Know a call that begins."""
        self.calls[call.id] = call
        number = call.about.get("number")
        if number is not None:
            self._on_the_line.setdefault(number, set()).add(call.id)

    def is_on_the_line(self, number: str | None) -> bool:
        """Whether a call from `number` (E.164) is up: its line is busy and cannot be called."""
        return number in self._on_the_line

    def free_line(self, call: Call) -> None:
        """The caller's line is free again, so they may be called back. Idempotent."""
        number = call.about.get("number", "")
        calls = self._on_the_line.get(number, set())
        calls.discard(call.id)
        if not calls:
            self._on_the_line.pop(number, None)

    def add_leg(self, call: Call, leg: Leg) -> None:
        """Register a leg of a registered call."""
        call.legs.append(leg)
        self.legs[leg.id] = leg

    def forget_leg(self, call: Call, leg: Leg) -> None:
        """Show a leg that is over no more."""
        call.legs.remove(leg)
        if self.legs.get(leg.id) is leg:
            del self.legs[leg.id]

    def remove_call(self, call: Call) -> None:
        """Forget a call that is over, and its legs."""
        self.calls.pop(call.id, None)
        self.free_line(call)
        for leg in call.legs:
            if self.legs.get(leg.id) is leg:  # a line that stays up has its own leg back
                del self.legs[leg.id]
