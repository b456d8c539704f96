"""What stays of a job, a record, an event and an audit entry when its person is erased.

Counts stay: when, for how long, in which queue, by which agent, how it ended. Who it was goes, and
so does all that people and services wrote about them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..job import Job, LegRecord
from .person import ERASED, Person

# The members of a record and of an event that say nothing of the person.
_KEPT_OF_RECORD = frozenset(
    {
        "id", "kind", "direction", "site", "queue", "agent", "state", "result", "cause",
        "cancelled_by", "created", "due_at", "deadline", "called_at", "operator_at", "customer_at",
        "talk_at", "ended_at",
        "talk_s", "cost", "order", "priority", "joined", "stays", "alone_s", "trunk", "route",
        "started", "taken_at", "answered_at", "bridged_at", "call", "attestation",
        "attestation_reason",
    }
)  # fmt: skip
_KEPT_OF_EVENT = frozenset(
    {
        "seq", "epoch", "time", "type", "job", "call", "leg", "agent", "queue", "site", "state",
        "result", "kind", "position", "priority", "role", "sip_status", "trunk", "route",
        "direction", "since", "until", "attempt", "talk_s", "waited_s", "order", "media",
        "attestation", "attestation_reason",
    }
)  # fmt: skip


def scrub_job(job: Job, person: Person) -> Job:
    """The ended `job` without its person. Its id stays known, so that it is not called again."""
    request = msgspec.structs.replace(
        job.request,
        to=ERASED,
        numbers=[],
        context={},
        whisper=None,
        caller_id=None,
        source=None,
        notify_url=None,
    )
    attempts = [
        msgspec.structs.replace(
            attempt,
            number=None if attempt.number is None else ERASED,
            cause=person.without(attempt.cause),
            legs=[_scrub_leg(leg, person) for leg in attempt.legs],
        )
        for attempt in job.attempts
    ]
    return msgspec.structs.replace(
        job,
        request=request,
        fingerprint=ERASED,
        meaning="",
        attempts=attempts,
        recording=None,
        called=None,
        dial_to=None,
        notes=[],
        cause=person.without(job.cause),
        outside_tried={},
    )


def _scrub_leg(leg: LegRecord, person: Person) -> LegRecord:
    uri = ERASED if leg.role == "customer" else person.without(leg.uri)
    return msgspec.structs.replace(leg, uri=uri, reason=person.without(leg.reason))


def scrub_record(record: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """The body of a record without its person."""
    kept = {name: value for name, value in record.items() if name in _KEPT_OF_RECORD}
    attempts = [
        {
            name: [_scrub_shown_leg(leg) for leg in value] if name == "legs" else value
            for name, value in attempt.items()
            if name != "number"
        }
        for attempt in record.get("attempts") or ()
    ]
    offers = record.get("offers") or []
    scrubbed = {**kept, "attempts": attempts, "offers": offers}
    if "to" in record:
        scrubbed["to"] = ERASED
    return {**person.without(scrubbed), "context": {}, "recording": None, ERASED: True}


def _scrub_shown_leg(leg: Mapping[str, Any]) -> dict[str, Any]:
    return {**leg, "uri": ERASED}


def scrub_event(event: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """An event of a job or call of the person, without them."""
    kept = {name: value for name, value in event.items() if name in _KEPT_OF_EVENT}
    return {**person.without(kept), ERASED: True}
