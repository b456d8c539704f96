"""Traced calls as the control protocol shows them."""

from collections.abc import Iterable
from typing import Annotated, Literal, TypedDict, cast

from msgspec import Meta

from ..job import Job, LegRecord
from .flow import TracedMessage
from .message_view import LegOfMessage, located, repetitions
from .trace import Trace, messages_of
from .traced_call import TracedCall, TracedLeg

# A leg that borrows a line looks at the line's messages from a moment before it was called.
_BEFORE_S = 0.5
_AFTER_S = 2.0

_Caller = TypedDict(
    "_Caller",
    {
        "from": Annotated[str, Meta(description="Of a call that came in: who calls, as shown.")],
        "number": Annotated[str, Meta(description="The number of the customer in E.164.")],
        "dialled": Annotated[str, Meta(description="Of a call that came in: what was dialled.")],
        "trunk": Annotated[str, Meta(description="Of a call that came in: its trunk.")],
        "route": Annotated[str, Meta(description="Of a call that came in: its inbound route.")],
        "attestation": Annotated[
            str, Meta(description="Of a call that came in: whether the number is verified.")
        ],
        "queue": Annotated[str, Meta(description="The queue that it waited in last.")],
        "agent": Annotated[str, Meta(description="The agent who had it last; whose line it is.")],
    },
    total=False,
)


class TracedCallView(_Caller):
    """A call that is up or over, as the trace knows it."""

    call: str
    """Its id; of the permanent line of an agent, that of its leg."""
    job: str | None
    """The job that it was an attempt of."""
    direction: Literal["inbound", "outbound"]
    """Whether it came in."""
    site: str | None
    """The web site, or other origin."""
    started: float
    """When it began."""
    bridged_at: float | None
    """When the two were joined."""
    ended_at: float | None
    """When it ended; null while it is up."""
    result: str | None
    """How it ended, in one word; null while it is up, or where nothing is recorded."""
    cause: str | None
    """Why it ended so, in a sentence."""
    legs: list[LegRecord]
    """Its legs in the order dialled, with codec, addresses and the figures of their RTP."""
    messages: int
    """How many of its messages are kept."""
    dropped: int
    """How many are not, as there were too many."""


class Located(TypedDict):
    """A message of a call, with what is said of it besides."""

    message: TracedMessage
    repetition: int
    where: LegOfMessage


def call_view(trace: Trace, call: TracedCall, job: Job | None, ending: "Ending") -> TracedCallView:
    """The call as it is shown, without its messages."""
    dropped = messages = 0
    for leg in call.legs:
        for key in leg.call_ids:
            flow = trace.flow(key)
            if flow is not None:
                dropped += flow.dropped
                messages += sum(_is_of(message, leg, trace, key) for message in flow.messages())
    about = dict(call.about)
    if job is not None:
        about |= {name: value for name, value in job.about().items() if name in _OF_JOB and value}
    view = {
        "call": call.id,
        "job": call.job_id,
        "direction": call.direction,
        "site": call.site if job is None else job.request.site,
        "started": call.started,
        "bridged_at": call.bridged_at,
        "ended_at": call.ended_at,
        "result": ending["result"],
        "cause": ending["cause"],
        "legs": [leg.record for leg in call.legs],
        "messages": messages,
        "dropped": dropped,
        **about,
    }
    return cast(TracedCallView, view)


_OF_JOB = frozenset({"number", "queue", "agent"})


class Ending(TypedDict):
    """How a call ended; None while it is up."""

    result: str | None
    cause: str | None


def ending_of_attempt(call: TracedCall, job: Job | None) -> Ending:
    """How the attempt ended that the call was."""
    attempts = () if job is None else job.attempts
    for attempt in attempts:
        if attempt.call == call.id:
            return {"result": attempt.result, "cause": sentence(attempt.cause)}
    return {"result": None, "cause": None}


def sentence(words: str | None) -> str | None:
    """A cause as a sentence."""
    if not words:
        return None
    return words[0].upper() + words[1:] + ("" if words.endswith(".") else ".")


def messages_of_call(trace: Trace, call: TracedCall) -> list[Located]:
    """The messages of all legs of a call, in order."""
    found: list[Located] = []
    for leg in call.legs:
        where: LegOfMessage = {"call": call.id, "leg": leg.record.leg}
        for key in leg.call_ids:
            flow = trace.flow(key)
            if flow is None:
                continue
            messages = located(flow.messages())
            for message, repetition in zip(messages, repetitions(messages), strict=True):
                if _is_of(message, leg, trace, key):
                    found.append({"message": message, "repetition": repetition, "where": where})
    return sorted(found, key=lambda one: one["message"].number)


def messages_of_flow(trace: Trace, call_id: str) -> list[Located]:
    """The messages with a Call-ID that belongs to no call."""
    flow = trace.flow(call_id.encode("utf-8", "surrogateescape"))
    messages = located(messages_of([] if flow is None else [flow]))
    nowhere: LegOfMessage = {"call": None, "leg": None}
    counted = zip(messages, repetitions(messages), strict=True)
    return [{"message": one, "repetition": times, "where": nowhere} for one, times in counted]


def _is_of(message: TracedMessage, leg: TracedLeg, trace: Trace, key: bytes) -> bool:
    """Whether a message is of this leg: those of a line are of the call that has it then."""
    owner = trace.call_of_flow(key)
    if owner is None or leg in owner.legs:
        return True
    record = leg.record
    began = message.at >= record.started - _BEFORE_S
    return began and (record.ended is None or message.at <= record.ended + _AFTER_S)


def customers_numbers(call: TracedCall, job: Job | None) -> Iterable[str]:
    """The numbers by which the customer of a call is known, in E.164."""
    for number in (call.about.get("number"), None if job is None else job.called):
        if isinstance(number, str):
            yield number
