"""What the last event of a call that came in says of its legs and its talk."""

from typing import Any

from ..calls.call import Call
from ..calls.leg import Leg
from ..reports.cdr import talked_s


def ended_facts(call: Call, caller: Leg, now: float) -> dict[str, Any]:
    """The times, how long the two talked (seconds), and the legs."""
    records = [leg.record for leg in call.legs]
    bridged_at = call.bridged_at
    return {
        "direction": "inbound",
        "started": call.started,
        "taken_at": caller.record.answered,
        "bridged_at": bridged_at,
        "talk_s": None if bridged_at is None else talked_s(records, bridged_at, now),
        "legs": records,
    }
