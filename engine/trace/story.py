"""The story of a callback or call in sentences: from its record, and from its SIP where it is kept.

The record says what the engine did and why. The SIP adds what only the wire shows: what had to be
sent again, who was asked for a password, who hung up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

from ..job import AttemptRecord, Job, LegRecord, OfferRecord
from .call_view import Located, sentence
from .leg_story import leg_story, seconds

_WAITS: Final[Mapping[str, str]] = {
    "queued": "It waits to be called",
    "poisoned": "It is set aside: it was under way in two crashes of the engine",
}


class Sentence(TypedDict):
    """One sentence of the story."""

    time: float | None
    """When it was (Unix seconds); null: it is true of the whole."""
    text: str
    """The sentence."""
    call: NotRequired[str]
    """The call that it is about."""
    leg: NotRequired[str]
    """The leg that it is about."""


class Wire:
    """The messages of the calls that are kept, by call."""

    def __init__(self, calls: Mapping[str, Sequence[Located]]) -> None:
        self._calls = calls

    def is_kept(self, call_id: str) -> bool:
        """Whether anything is kept of the SIP of a call."""
        return bool(self._calls.get(call_id))

    def of(self, call_id: str, leg_id: str) -> list[Located]:
        """The messages of one leg."""
        return [one for one in self._calls.get(call_id, ()) if one["where"]["leg"] == leg_id]


def story_of_job(job: Job, wire: Wire) -> list[Sentence]:
    """How a callback came to be, what was tried, and what became of it."""
    told = [_requested(job)]
    if job.scheduled and not job.attempts:
        told.append({"time": None, "text": f"It waits for its time: {job.scheduled}."})
    for offer in job.offers:
        told += _offered(offer)
    for number, attempt in enumerate(job.attempts, start=1):
        told += _attempt(number, attempt, job, wire)
    told.sort(key=lambda one: one["time"] if one["time"] is not None else job.created)
    told += _outcome_of_job(job)
    return told


def _requested(job: Job) -> Sentence:
    request = job.request
    party = "an agent"
    if request.queue is not None:
        party = f"an agent of the queue {request.queue}"
    elif request.agent is not None:
        party = request.agent
    first, second = (
        (party, "the customer") if request.order == "agent_first" else ("the customer", party)
    )
    by = f" by {job.requested_by}" if job.requested_by else ""
    site = f" for {request.site}" if request.site else ""
    return {
        "time": job.created,
        "text": f"A callback to {request.to} was requested{by}{site}: first {first} is called, "
        f"then {second}.",
    }


def _offered(offer: OfferRecord) -> list[Sentence]:
    by = "" if offer.queue is None else f" by the queue {offer.queue}"
    told: list[Sentence] = [{"time": offer.offered, "text": f"{offer.agent} was offered it{by}."}]
    if offer.answered is None and offer.ended is not None:
        how = (offer.result or "without a result").replace("_", " ")
        told.append({"time": offer.ended, "text": f"{offer.agent} did not take it: {how}."})
    return told


def _attempt(number: int, attempt: AttemptRecord, job: Job, wire: Wire) -> list[Sentence]:
    told: list[Sentence] = []
    call = attempt.call
    began = min((leg.started for leg in attempt.legs), default=attempt.ended)
    to = f" at {attempt.number}" if attempt.number else ""
    if not attempt.legs:
        cause = attempt.cause or (attempt.result or "").replace("_", " ")
        because = f": {cause}" if cause else ""
        told.append({"time": began, "text": f"Attempt {number}: nobody was called{because}."})
        return told
    told.append({"time": began, "text": f"Attempt {number}{to} began.", "call": call})
    for leg in attempt.legs:
        told += _leg(leg, call, wire)
    is_last = number == len(job.attempts)
    if job.bridged_at is not None and is_last:
        told.append({"time": job.bridged_at, "text": "The two were joined.", "call": call})
    if attempt.ended is not None:
        result = (attempt.result or "ended").replace("_", " ")
        why = f": {attempt.cause}" if attempt.cause else ""
        told.append(
            {"time": attempt.ended, "text": f"Attempt {number} ended, {result}{why}.", "call": call}
        )
    if not wire.is_kept(call):
        told.append(
            {"time": began, "text": "The SIP of this attempt is not kept any more.", "call": call}
        )
    return told


def _leg(leg: LegRecord, call: str, wire: Wire, *, called_us: bool = False) -> Iterable[Sentence]:
    for time, text in leg_story(leg, wire.of(call, leg.leg), called_us=called_us):
        yield {"time": time, "text": text, "call": call, "leg": leg.leg}


def _outcome_of_job(job: Job) -> list[Sentence]:
    told: list[Sentence] = []
    if not job.is_terminal:
        due = job.next_due_at
        state = _WAITS.get(job.state, f"It is under way: {job.state.replace('_', ' ')}")
        told.append({"time": None, "text": f"{state}."})
        if job.state == "queued" and due:
            told.append({"time": due, "text": "It is called then at the earliest."})
        if job.decision is not None:
            text = "Somebody may have been called before a crash: a person has to decide."
            told.append({"time": None, "text": text})
        return told
    why = f": {job.cause}" if job.cause else ""
    told.append({"time": job.ended_at, "text": f"The callback {_ended(job.state)}{why}."})
    failure = job.failure
    if failure is not None:
        text = f"It failed on the side of the {failure.side}, while {failure.moment}"
        if failure.sip_status is not None:
            text += f"; SIP said {failure.sip_status} {failure.sip_reason or ''}".rstrip()
        if failure.reason_header:
            text += f" with the Reason {failure.reason_header}"
        told.append({"time": None, "text": f"{text}."})
    if job.state == "completed" and job.bridged_at is not None and job.ended_at is not None:
        text = f"They talked for {seconds(job.ended_at - job.bridged_at)}."
        told.append({"time": None, "text": text})
    if job.outcome is not None:
        told.append({"time": None, "text": f"Its outcome was noted as {job.outcome!r}."})
    return told


def _ended(state: str) -> str:
    return {"cancelled": "was cancelled", "expired": "expired", "failed": "failed"}.get(
        state, "completed"
    )


def story_of_call(view: Mapping[str, Any], record: Mapping[str, Any], wire: Wire) -> list[Sentence]:
    """How a call came in or was originated, who was rung, and what became of it.

    `view` is the call as the trace shows it, `record` what is kept of it; empty where there is
    nothing.
    """
    known = {**record, **view}
    call = str(known["call"])
    legs = [_leg_record(leg) for leg in view.get("legs") or record.get("legs") or ()]
    came_in = known.get("direction") != "outbound"
    text = _came_in(known) if came_in else _originated(known, legs)
    told: list[Sentence] = [{"time": known.get("started"), "text": text, "call": call}]
    for stay in record.get("stays") or ():
        told.append({"time": stay["joined_at"], "text": f"They waited in {stay['queue']}."})
    for offer in record.get("offers") or ():
        told += _offered(_offer(offer))
    # The party of a transfer may be a customer too: the caller is the first.
    caller = next((leg for leg in legs if came_in and leg.role == "customer"), None)
    for leg in legs:
        told += _leg(leg, call, wire, called_us=leg is caller)
    if known.get("bridged_at") is not None:
        told.append({"time": known["bridged_at"], "text": "The two were joined.", "call": call})
    told.sort(key=lambda one: one["time"] or 0.0)
    if not wire.is_kept(call):
        told.append({"time": None, "text": "The SIP of this call is not kept any more."})
    if known.get("ended_at") is None:
        told.append({"time": None, "text": "The call is up."})
        return told
    cause = known.get("cause") or str(known.get("result") or "").replace("_", " ")
    why = f" {sentence(cause)}" if cause else ""
    told.append({"time": known["ended_at"], "text": f"The call ended.{why}"})
    if known.get("talk_s") is not None:
        told.append({"time": None, "text": f"They talked for {seconds(known['talk_s'])}."})
    return told


_ATTESTED: Final[Mapping[str, str]] = {
    "A": " Their carrier attests the number (A).",
    "B": " Their carrier attests the caller, and not the number (B).",
    "C": " Their carrier attests neither caller nor number (C).",
    "failed": " The signature of the number could not be verified.",
}


def _came_in(known: Mapping[str, Any]) -> str:
    who = known.get("from") or known.get("number") or "Somebody"
    text = f"{who} called {known.get('dialled') or 'us'}"
    text += f" by the trunk {known['trunk']}" if known.get("trunk") else ""
    text += f", and came in by the route {known['route']}." if known.get("route") else "."
    return text + _ATTESTED.get(known.get("attestation", ""), "")


def _originated(known: Mapping[str, Any], legs: Sequence[LegRecord]) -> str:
    party = known.get("number") or known.get("agent") or (legs[0].uri if legs else "somebody")
    by = f" by the trunk {known['trunk']}" if known.get("trunk") else ""
    return f"The engine called {party}{by}."


def _offer(offer: OfferRecord | Mapping[str, Any]) -> OfferRecord:
    return offer if isinstance(offer, OfferRecord) else OfferRecord(**offer)


def _leg_record(leg: LegRecord | Mapping[str, Any]) -> LegRecord:
    return leg if isinstance(leg, LegRecord) else LegRecord(**leg)
