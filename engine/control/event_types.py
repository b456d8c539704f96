"""Every type of event, with the members that it may have besides those that all events have.

A member without a value is left out of an event. docs/ has the same table for people; a test holds
the two against each other, and against the types that the code publishes.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..errors import BadParams

COMMON = ("seq", "epoch", "time", "type")
"""Of every event."""
ABOUT = ("job", "call", "leg", "site", "number", "queue", "agent", "context", "has_notify_url")
"""Of an event that is about one of these, as far as it is known by then."""

_WAY = ("call_id", "trunk", "hop", "codec", "local_media", "remote_media", "srtp")
_LEG = ("role", "uri", "sip_status", "reason", *_WAY)
_AGENT = ("agent", "previous", "reason", "work", "since", "missed", "outcome_due")
_LINE = ("agent", "uri", "sip_status", "reason", "retry_s", *_WAY)
_SUPERVISOR = ("leg", "supervisor", "mode")
_TRANSFER = ("leg", "from_leg", "to", "to_queue", "mode", "how", "by")
_SCRIPT = ("leg", "script")
_RECORDING = ("recording", "path")
_RECORD = (
    "to", "order", "source", "result", "cause", "cancelled_by", "failure",
    "created", "due_at", "deadline", "called_at", "operator_at", "customer_at", "talk_at",
    "ended_at", "talk_s", "cost", "recording",
    "joined", "attempts", "offers", "outcome", "rating",
)  # fmt: skip
_CALLER = ("from", "number", "dialled", "trunk", "route", "attestation", "attestation_reason")
_QUEUE = (
    "kind", "queue", "place", "waited_s", "expected_wait_s", "priority", "centre", "from_queue",
)  # fmt: skip


class EventType(NamedTuple):
    """When events of a type are published, and what they say besides COMMON and ABOUT."""

    when: str
    members: tuple[str, ...] = ()


def _each(group: str, names: str, when: str, *members: str) -> dict[str, EventType]:
    return {f"{group}.{name}": EventType(when, members) for name in names.split()}


EVENT_TYPES: Mapping[str, EventType] = {
    # -- callbacks
    **_each("callback", "queued", "accepted, or waiting for the next attempt",
            "next_attempt_at", "cause"),
    **_each("callback", "dialing_agent whispering dialing_customer holding bridged",
            "the job enters the state", "attempt"),
    **_each("callback", "completed failed cancelled expired", "the job has ended", *_RECORD),
    **_each("callback", "joined", "a further request for the same number joined this job",
            "joined", "request", "kept", "dropped"),
    **_each("callback", "message_left", "a message was left with who or what has answered",
            "leg", "label"),
    **_each("callback", "rescheduled", "the job was rescheduled by command",
            "not_before", "deadline", "reason"),
    **_each("callback", "reprioritised", "the priority was changed by command", "priority"),
    **_each("callback", "decision_needed", "after a crash: somebody may have been called",
            "cause", "decide_by"),
    **_each("callback", "poisoned", "set aside: it was under way in two crashes",
            "crashes", "cause"),
    **_each("callback", "decided", "it was decided whether to call again", "decision"),
    **_each("callback", "annotated", "notes, outcome or rating were written",
            "notes", "outcome", "rating"),
    # -- legs
    **_each("leg", "dialing", "INVITE is about to be sent", *_LEG),
    **_each("leg", "ringing", "180", *_LEG),
    **_each("leg", "early_media", "18x with media", *_LEG),
    **_each("leg", "answered", "2xx", *_LEG, "permanent"),
    **_each("leg", "held resumed", "the phone holds the call, or resumes it", *_LEG),
    **_each("leg", "dtmf", "a digit was pressed", *_LEG, "digit", "duration_ms"),
    **_each("leg", "silence", "no voice for media.silence_s", *_LEG, "silent_ms"),
    **_each("leg", "quality", "a direction of its sound has become poor, or is good again",
            *_LEG, "direction", "level", "mos", "loss", "jitter_ms", "round_trip_ms"),
    **_each("leg", "one_way", "nothing is heard of a party that is spoken to", *_LEG, "cause",
            "for_s"),
    **_each("leg", "clipping", "its sound is at full scale too often", *_LEG, "share"),
    **_each("leg", "echo", "what it hears comes back from it", *_LEG, "delay_ms", "level_db"),
    **_each("leg", "voice", "the party begins to speak, or stops", *_LEG, "speaking"),
    **_each("leg", "media_timeout", "no RTP for media.timeout_s", *_LEG, "silent_s"),
    **_each("leg", "not_played", "what the party should hear could not be spoken or played",
            *_LEG, "error"),
    **_each("leg", "peer_moved", "RTP comes from another address now", *_LEG, "host", "port"),
    **_each("leg", "extension_required", "420 or 421: a SIP extension is missing",
            *_LEG, "extensions"),
    **_each("leg", "redirected", "3xx: the call goes on elsewhere, as far as that is permitted",
            *_LEG, "targets", "refused"),
    **_each("leg", "replaced", "another party has called to take the place of this one",
            *_LEG, "from_uri"),
    **_each("leg", "ended", "the leg is over", *_LEG, "result", "reason_header",
            "events_dropped"),
    # -- what a command lets a party hear
    **_each("play", "started", "a party begins to hear what a command plays or says", "role",
            "play"),
    **_each("play", "finished", "it is heard no more: why, and how much of it was heard", "role",
            "play", "reason", "heard_ms", "error"),
    **_each("gather", "started", "a party is asked for keys, or words, by command", "role"),
    **_each("gather", "finished", "it is asked no more: how that ended", "role", "ended", "keys",
            "digits", "text", "word", "confidence", "speech_failed"),
    **_each("recognition", "started", "what a party says is recognised by command", "role",
            "recognition"),
    **_each("recognition", "ended", "it is recognised no more", "role", "recognition", "cause",
            "failed"),
    **_each("speech", "recognised", "a party has said this, or seems to", "role", "text", "word",
            "confidence", "final", "from_ms", "to_ms"),
    # -- who or what has answered
    **_each("call", "detected", "it is known who or what has answered", "role", "label",
            "after_ms", "reason", "greeting_ms", "phrases"),
    **_each("call", "beep", "the beep of a mailbox has ended", "role", "after_ms",
            "duration_ms", "hz"),
    # -- transfers
    **_each("transfer", "started", "one of two who talk is to be connected with a third party",
            *_TRANSFER),
    **_each("transfer", "completed", "the third party has taken the place of who transferred",
            *_TRANSFER, "new_leg"),
    **_each("transfer", "failed", "the third party was not reached: the two talk again",
            *_TRANSFER, "result", "cause", "sip_status"),
    # -- supervision
    **_each("supervision", "started", "a supervisor has answered, and hears the call",
            *_SUPERVISOR),
    **_each("supervision", "changed", "others hear the supervisor from now on", *_SUPERVISOR),
    **_each("supervision", "ended", "the supervisor hears the call no more",
            *_SUPERVISOR, "result", "cause", "sip_status"),
    **_each("supervision", "failed", "the supervisor has not answered",
            *_SUPERVISOR, "result", "cause", "sip_status"),
    # -- scripts
    **_each("script", "step", "a party enters a step of a script", *_SCRIPT, "step", "step_kind",
            "nth"),
    **_each("script", "finished", "the script is over for the party", *_SCRIPT, "use", "result",
            "cause", "steps", "path"),
    **_each("voicemail", "left", "a caller has left a message for the queue", "recording",
            "duration_s"),
    # -- streams
    **_each("stream", "started", "the service has taken the stream of a leg",
            *_LEG, "of_leg", "mode", "rate_hz"),
    **_each("stream", "interrupted", "the connection to the service is lost, and tried again",
            *_LEG, "cause"),
    **_each("stream", "resumed", "the connection to the service is back", *_LEG, "attempts"),
    **_each("stream", "failed", "the service cannot be reached, or is lost",
            *_LEG, "cause", "fallback"),
    **_each("stream", "ended", "the stream is over", *_LEG, "cause",
            "heard_ms", "dropped_ms", "sent_ms", "lost_ms", "reconnects"),
    **_each("bridge", "joined left", "the leg hears its partner, or no longer", *_LEG),
    **_each("recording", "started", "the talk is recorded from now on", *_RECORDING,
            "format", "channels", "side"),
    **_each("recording", "paused resumed", "the recording is silent from here, or no longer",
            *_RECORDING, "at_s", "reason"),
    **_each("recording", "ended", "the file of the recording is complete", *_RECORDING, "format",
            "duration_s", "bytes", "sha256", "marks", "reason"),
    **_each("recording", "failed", "the talk cannot be recorded, or not to its end",
            *_RECORDING, "format", "duration_s", "bytes", "sha256", "marks", "reason"),
    **_each("recording", "moved", "the command of the configuration has moved the file",
            *_RECORDING, "location", "attempts"),
    **_each("recording", "deleted", "the recording was deleted, with all that is known of it",
            *_RECORDING, "reason", "by"),
    # -- agents
    **_each("agent", "available reserved ringing talking wrap_up paused logged_out",
            "the agent enters the state", *_AGENT),
    **_each("agent", "asked", "during a call: the state that the agent wants after it",
            "agent", "wish", "reason"),
    **_each("agent", "offered", "a callback or call is offered, before the phone rings",
            "agent", "queue", "number", "history", "script"),
    **_each("agent", "offer_ended", "the agent did not get what was offered",
            "agent", "result", "by"),
    **_each("agent", "skills", "skills were changed by command", "agent", "skills"),
    **_each("agent", "addresses", "addresses were changed by command", "agent", "addresses"),
    **_each("agent", "added removed", "the agent was added or removed by command", "agent"),
    **_each("line", "dialing ringing answered held resumed failed",
            "the permanent line of an agent", *_LINE),
    **_each("line", "ended", "the permanent line of an agent is down", *_LINE,
            "result", "reason_header", "events_dropped"),
    **_each("line", "extension_required", "420 or 421: a SIP extension is missing",
            *_LINE, "extensions"),
    **_each("line", "redirected", "3xx: as leg.redirected", *_LINE, "targets", "refused"),
    **_each("line", "replaced", "as leg.replaced", *_LINE, "from_uri"),
    # -- calls that come in
    **_each("call", "incoming", "a call is taken from a trunk", *_CALLER, "bodies",
            "handler", "decide_by"),
    **_each("call", "answered",
            "the caller begins to wait, or the party of a call by command is up",
            "queue", "agent", "joined_at", "regained"),
    **_each("call", "bridged", "caller and agent talk, or two parties by command",
            "agent", "partner"),
    **_each("call", "unbridged", "a bridge by command is taken apart", "partner"),
    **_each("call", "held resumed", "a command puts the party on hold, or ends that"),
    **_each("call", "originated", "a call by command begins", "to", "trunk"),
    **_each("call", "handed_back", "no client has taken the call in time: its fallback has it",
            "reason"),
    **_each("call", "callback", "the caller pressed the key to be called back", "callback"),
    **_each("call", "callback_refused", "the caller pressed the key, and cannot be called back",
            "callback", "reason"),
    **_each("call", "ended", "the call is over", *_CALLER, "to",
            "direction", "queue", "agent", "result", "cause", "started", "taken_at", "answered_at",
            "bridged_at", "talk_s", "cost", "recording", "callback", "offers", "legs", "scripts",
            "ended_at"),
    **_each("call", "refused", "a call of a trunk was refused",
            "from", "number", "dialled", "trunk", "sip_status", "reason", "extensions"),
    # -- conferences
    **_each("conference", "created", "a conference was created", "conference", "max_members"),
    **_each("conference", "joined", "a party takes part from now on",
            "conference", "muted", "deaf"),
    **_each("conference", "left", "a party takes part no more", "conference", "cause"),
    **_each("conference", "failed", "whom the engine called does not take part",
            "conference", "reason"),
    **_each("conference", "muted unmuted", "nobody hears the member, or all do again",
            "conference"),
    **_each("conference", "deafened undeafened", "the member hears nobody, or all again",
            "conference"),
    **_each("conference", "locked unlocked", "nobody more may join, or all may again",
            "conference"),
    **_each("conference", "ended", "the conference is over", "conference", "cause"),
    **_each("customer", "left_waiting", "a customer who was called has no agent yet", "waited_s"),
    **_each("customer", "callback", "such a customer pressed the key to be called back"),
    **_each("customer", "callback_refused", "such a customer cannot be called back", "reason"),
    **_each("customer", "do_not_call", "who was called pressed the key not to be called again",
            "reason"),
    # -- queues
    **_each("queue", "joined", "a callback or caller begins to wait", *_QUEUE),
    **_each("queue", "offered", "agents are reserved", *_QUEUE, "agents", "ring_s"),
    **_each("queue", "unanswered", "none of the agents answered", *_QUEUE, "agents"),
    **_each("queue", "answered", "an agent answered", *_QUEUE, "agent"),
    **_each("queue", "moved", "the entry goes to another queue, or stands in another position",
            *_QUEUE, "to_queue", "from_place"),
    **_each("queue", "overflowed", "the entry goes to an outside number", *_QUEUE, "to_queue",
            "target", "reason"),
    **_each("queue", "abandoned", "the caller hung up", *_QUEUE, "reason"),
    **_each("queue", "left", "the entry leaves for another reason", *_QUEUE, "reason"),
    **_each("queue", "paused resumed", "the queue was paused or resumed by command", "queue"),
    **_each("alert", "raised cleared", "a figure is past its threshold, or no longer",
            "alert", "figure", "value", "threshold", "since_s"),
    # -- the rest
    **_each("number", "blocked unblocked", "the list of blocked numbers has changed",
            "number", "reason", "until", "by"),
    **_each("person", "erased", "the personal data of a number were erased by command",
            "jobs", "records", "events", "audit", "recordings", "by"),
    **_each("trunk", "down up", "passed over for now (503, no answer); its end",
            "trunk", "reason", "cause"),
    **_each("trunk", "host_down host_up", "one of several hosts is passed over; its end",
            "trunk", "host", "reason", "cause"),
    **_each("trunk", "registered unregistered failed", "the registration changed",
            "trunk", "reason"),
    **_each("webhook", "failed", "a delivery was given up",
            "webhook", "event", "last_event", "attempts", "reason"),
    **_each("webhook", "ended", "the receiver answered 410: nothing more is sent to it",
            "webhook", "event", "undelivered", "reason"),
    **_each("engine", "started stopping draining", "the engine as a whole"),
    **_each("engine", "not_saved", "in place of an event that could not be written", "of", "agent"),
    **_each("engine", "reloaded", "another configuration holds",
            "by", "changes", "changed", "restart"),
    **_each("engine", "reload_failed", "the configuration is wrong, and nothing has changed",
            "by", "reason"),
    **_each("engine", "clock_stepped", "the wall clock was set forward (or back, below 0)", "by_s"),
    **_each("engine", "media_worker_died", "the calls of a media worker have ended",
            "reason", "legs"),
    **_each("engine", "media_worker_started", "a media worker has taken its place"),
    **_each("engine", "overloaded", "new calls are refused: those that are up would suffer",
            "reason", "legs"),
    **_each("engine", "relieved", "new calls are accepted again", "for_s", "legs"),
    **_each("engine", "slow_reader", "only to the reader that is cut off", "resume", "reason"),
    # -- snapshots: the first views that a subscriber gets
    **_each("snapshot", "agent call job number queue trunk", "one thing as it is now", "view"),
    **_each("snapshot", "end", "the snapshot is complete", "counts"),
}  # fmt: skip


def check_types(field: str, wanted: Iterable[str]) -> None:
    """Raise BadParams where nothing that is published has a type that begins so."""
    for text in wanted:
        if not any(name.startswith(text) for name in EVENT_TYPES):
            near = difflib.get_close_matches(text, EVENT_TYPES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadParams(field, f"{text!r} is not the beginning of any event's type{hint}")
