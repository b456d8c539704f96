"""A call: the legs of one attempt, and the register of calls and legs that are up."""

import time
from typing import Any

from .leg import Leg


class Call:
    """The legs of one attempt of a job."""

    def __init__(self, call_id: str, job_id: str) -> None:
        self.id = call_id
        self.job_id = job_id
        self.state = "dialing"
        self.started = time.time()
        self.bridged_at: float | None = None
        self.legs: list[Leg] = []

    def view(self) -> dict[str, Any]:
        """The call as the control protocol shows it."""
        return {
            "call": self.id,
            "job": self.job_id,
            "state": self.state,
            "started": self.started,
            "bridged_at": self.bridged_at,
            "legs": [leg.record for leg in self.legs],
        }


class CallRegister:
    """Every call and leg that is up now."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.legs: dict[str, Leg] = {}

    def add(self, call: Call) -> None:
        """Register a call that begins."""
        self.calls[call.id] = call

    def add_leg(self, call: Call, leg: Leg) -> None:
        """Register a leg of a registered call."""
        call.legs.append(leg)
        self.legs[leg.id] = leg

    def remove(self, call: Call) -> None:
        """Forget a call that is over, and its legs."""
        self.calls.pop(call.id, None)
        for leg in call.legs:
            self.legs.pop(leg.id, None)
