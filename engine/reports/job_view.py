"""A callback job as the control protocol shows it. Times are Unix seconds."""

from typing import Any, Literal, TypedDict, cast

from config.choices import OnCrash, Order

from ..job import (
    AttemptRecord,
    CancelledBy,
    CostView,
    Failure,
    Job,
    JobState,
    OfferRecord,
)  # fmt: skip


class JobView(TypedDict):
    """A callback job as the control protocol shows it. Times are Unix seconds."""

    id: str
    """Its id: the one of the request, or one that the engine gave."""
    state: JobState
    """What it does now, or how it ended."""
    to: str
    """The customer, as the request says it."""
    agent: str | None
    """The agent, number or sip: URI that it is for; null where a queue finds one."""
    queue: str | None
    """The queue that finds an agent."""
    order: Order
    """Who is called first."""
    context: dict[str, Any]
    """What the client gave with the request; it comes back in every event."""
    priority: int
    """The higher, the sooner its turn."""
    not_before: float | None
    """Nobody is called before this time."""
    deadline: float | None
    """The job expires when no attempt has begun by this time."""
    max_attempts: int
    """How many attempts are made at most."""
    created: float
    """When the request was accepted."""
    attempts: list[AttemptRecord]
    """Every attempt so far."""
    next_attempt_at: float | None
    """When the next attempt is due; null: at once, or none follows."""
    bridged_at: float | None
    """When agent and customer were joined."""
    ended_at: float | None
    """When it ended."""
    result: str | None
    """How it ended, in one word."""
    cause: str | None
    """Why it ended so, in words."""
    cancelled_by: CancelledBy | None
    """Who has cancelled it by command: the client, or the visitor who had asked for it."""
    failure: Failure | None
    """Which side failed, at which moment, and what SIP said."""
    recording: str | None
    """The file of the recording."""
    dial_to: str | None
    """The number that is called next, where it is not `to`."""
    numbers: list[str]
    """Further numbers of the customer."""
    has_notify_url: bool
    """Whether its events are posted to a URL of the request, which is not shown."""
    site: str | None
    """The web site, or other origin, of the request."""
    requested_by: str | None
    """The client that asked for it; null for a caller who pressed the key."""
    source: str | None
    """Who asked at the site, such as an address: limits count by it."""
    skills: dict[str, int]
    """The level of each skill that an agent must have."""
    known_agent: str | None
    """The agent for whom the queue keeps it at first."""
    centre: str | None
    """The centre whose agents are asked first."""
    script: str | None
    """What the agent's screen shows."""
    customer_script: str | None
    """What the customer goes through before they are connected."""
    agent_script: str | None
    """What the agent goes through before the whisper."""
    after_script: str | None
    """What the customer goes through after the talk."""
    on_crash: OnCrash
    """What becomes of it when the engine dies meanwhile."""
    called: str | None
    """The customer's number in E.164, where `to` is one."""
    scheduled: str | None
    """Why the call waits for its time, in words."""
    offers: list[OfferRecord]
    """The agents it was offered to, the latest last."""
    joined: int
    """How many further requests for the same number joined it."""
    decision: Literal["needed"] | None
    """`needed`: after a crash a person decides whether it is called again."""
    decide_by: float | None
    """When it fails if nobody has decided."""
    notes: list[str]
    """What people wrote about it."""
    outcome: str | None
    """The outcome that was written back."""
    rating: int | None
    """The rating that was written back, 0 to 10."""
    cost: CostView | None
    """What it cost."""
    crashes: int
    """In how many crashes of the engine it was under way."""


def job_view(job: Job) -> JobView:
    """The job as it is now."""
    request = job.request
    return {
        "id": job.id,
        "state": job.state,
        "to": request.to,
        "agent": request.agent,
        "queue": request.queue,
        "order": request.order,
        "context": request.context,
        "priority": request.priority,
        "not_before": request.not_before,
        "deadline": request.deadline,
        "max_attempts": request.max_attempts,
        "created": job.created,
        "attempts": job.attempts,
        "next_attempt_at": job.next_attempt_at,
        "bridged_at": job.bridged_at,
        "ended_at": job.ended_at,
        "result": job.result,
        "cause": job.cause,
        "cancelled_by": job.cancelled_by,
        "failure": job.failure,
        "recording": job.recording,
        "dial_to": job.dial_to,
        "numbers": request.numbers,
        "has_notify_url": request.notify_url is not None,
        "site": request.site,
        "requested_by": job.requested_by,
        "source": request.source,
        "skills": request.skills,
        "known_agent": request.known_agent,
        "centre": request.centre,
        "script": request.script,
        "customer_script": request.customer_script,
        "agent_script": request.agent_script,
        "after_script": request.after_script,
        "on_crash": request.on_crash,
        "called": job.called,
        "scheduled": job.scheduled,
        "offers": job.offers,
        "joined": job.joined,
        "decision": job.decision,
        "decide_by": job.decide_by,
        "crashes": job.crashes,
        "notes": job.notes,
        "outcome": job.outcome,
        "rating": job.rating,
        "cost": cast(CostView | None, job.cost),
    }
