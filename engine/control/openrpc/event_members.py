"""The members of events: their types, and a sentence each. docs/openrpc.json is made from it.

A member means the same in every event. Where it does not, `OTHERWISE` has the exception.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypedDict

from config.choices import CrashDecision, Order
from config.queues import EntryKind
from config.recording import RecordingFormat
from config.scripts import StepKind
from media.detection_limits import Label
from media.detection_limits import Reason as DetectionReason
from media.protocol.messages import PlayEnd
from media.sound_settings import OneWayCause

from ...acd.agent import Wish
from ...acd.agent_view import AgentView
from ...acd.queue import QueueView
from ...calls.call import CallView, OtherBody, TransferMode
from ...calls.keys.gather import GatherEnd
from ...calls.supervision.supervisors import SuperviseMode
from ...job import (
    TERMINAL_STATES,
    AttemptRecord,
    CancelledBy,
    CostView,
    Failure,
    LegRecord,
    OfferRecord,
)
from ...recordings.entry import Channels, Mark, Side
from ...reports.job_view import JobView
from ...reports.record_view import HistoryEntry
from ...routing.blocking.do_not_call import Blocked
from ...routing.trunks import TrunkView
from ...scripts.actions import EndWord
from ...scripts.record import ScriptRecord, ScriptUse
from ...stir.verdict import Attestation, AttestationFailure


class Member(NamedTuple):
    """The type of a member, and what it says."""

    type: Any
    says: str


class AddressState(TypedDict):
    """An address of an agent, in `agent.addresses`."""

    uri: str
    """A sip: URI, or a number."""
    enabled: bool
    """Whether it is rung."""


MEMBERS: Final[Mapping[str, Member]] = {
    # -- of every event
    "seq": Member(int, "Its number in the event log."),
    "epoch": Member(str, "The name of the event log."),
    "time": Member(float, "When it was published (Unix seconds)."),
    "type": Member(str, "Its type."),
    "erased": Member(Literal[True], "The person was erased, and what said anything of them."),
    # -- what it is about
    "job": Member(str, "The callback job that it is about."),
    "call": Member(str, "The call that it is about."),
    "leg": Member(str, "The leg that it is about."),
    "context": Member(dict[str, Any], "What the client, or the inbound route, gave."),
    "agent": Member(str, "The agent."),
    "queue": Member(str, "The queue."),
    "trunk": Member(str, "The trunk."),
    "attestation": Member(Attestation, "Whether the caller's number is verified (STIR/SHAKEN)."),
    "attestation_reason": Member(AttestationFailure, "Why verification failed."),
    "webhook": Member(str, "The webhook."),
    "number": Member(str, "The number in E.164."),
    "site": Member(str, "The site of the request."),
    "has_notify_url": Member(Literal[True], "Its request has a `notify_url`, which is not shown."),
    "view": Member(dict[str, Any], "The thing as it is now."),
    # -- how and why
    "result": Member(str, "How it ended, in one word."),
    "cause": Member(str, "Why, in words."),
    "cancelled_by": Member(CancelledBy, "Who has cancelled it by command."),
    "reason": Member(str, "Why, in words."),
    "error": Member(str, "What went wrong, in words."),
    "failure": Member(Failure, "Which side failed, at which moment, and what SIP said."),
    "by": Member(str, "Who did it: a user or token, or the agent who answered."),
    # -- callbacks
    "attempt": Member(int, "The number of the attempt, from 1."),
    "next_attempt_at": Member(float, "When the next attempt is due (Unix seconds)."),
    "joined": Member(int, "How many further requests have joined the job."),
    "request": Member(str, "The id of the request that joined."),
    "kept": Member(list[str], "The parameters of that request that hold for the job."),
    "dropped": Member(list[str], "The parameters of that request that do not."),
    "to": Member(str, "Whom the request names, as it was written."),
    "order": Member(Order, "Who is called first."),
    "source": Member(str, "The address that asked for it."),
    "created": Member(float, "When it was requested (Unix seconds)."),
    "due_at": Member(float, "When it was to be called at the earliest (Unix seconds)."),
    "called_at": Member(float, "When the customer was dialled first (Unix seconds)."),
    "operator_at": Member(float, "When an agent answered first (Unix seconds)."),
    "customer_at": Member(float, "When the customer answered first (Unix seconds)."),
    "talk_at": Member(float, "When the two were joined (Unix seconds)."),
    "talk_s": Member(float, "How long they talked."),
    "cost": Member(CostView, "What it cost."),
    "not_before": Member(float, "Nobody is called before this time (Unix seconds)."),
    "deadline": Member(float, "By when an attempt has to begin (Unix seconds)."),
    "priority": Member(int, "The priority; the higher, the sooner."),
    "decide_by": Member(float, "By when somebody has to decide (Unix seconds)."),
    "handler": Member(Literal["client"], "Who says what becomes of the call, where no queue does."),
    "partner": Member(str, "The leg with which it is bridged."),
    "decision": Member(CrashDecision, "What was decided."),
    "notes": Member(str, "The note that was written."),
    "outcome_due": Member(str, "The job or call whose outcome the agent has to write back."),
    "outcome": Member(str, "The outcome that was written."),
    "rating": Member(int, "The rating that was written, 0 to 10."),
    # -- legs
    "role": Member(Literal["agent", "customer", "supervisor"], "Whom the leg goes to."),
    "uri": Member(str, "The request URI that was called."),
    "sip_status": Member(int, "The last SIP status, where SIP has answered."),
    "call_id": Member(str, "The Call-ID of its SIP dialog."),
    "hop": Member(str, "Where its SIP goes, or comes from."),
    "codec": Member(str, "The codec that was agreed on."),
    "local_media": Member(str, "Our address for its RTP."),
    "remote_media": Member(str, "The address of the party for its RTP."),
    "srtp": Member(str, "The suite that protects its RTP (RFC 4568), where it is protected."),
    "reason_header": Member(str, "The Reason header of the BYE, CANCEL or response."),
    "permanent": Member(bool, "That the agent was on the line already."),
    "digit": Member(str, "The key."),
    "duration_ms": Member(int, "How long it was pressed."),
    "play": Member(str, "What names the play."),
    "ended": Member(GatherEnd, "How the gathering ended."),
    "keys": Member(int, "How many keys were pressed."),
    "digits": Member(str, "The keys, where they are not secret."),
    "text": Member(str, "What was said, where it is not secret."),
    "word": Member(str, "What of the words it is, or the digits in figures."),
    "confidence": Member(float, "How sure the recogniser is, from 0 to 1."),
    "recognition": Member(str, "What names the recognition."),
    "failed": Member(bool, "That the recogniser is lost."),
    "final": Member(bool, "That it was said whole: false, it seems to be said so far."),
    "from_ms": Member(int, "When it began, since the recognition began."),
    "to_ms": Member(int, "When it ended, since the recognition began."),
    "speech_failed": Member(str, "Why nothing more was recognised."),
    "heard_ms": Member(int, "How much of it was sent to the party, in ms."),
    "silent_ms": Member(float, "For how long nobody has spoken."),
    "level": Member(Literal["poor", "good"], "What it is now."),
    "mos": Member(float, "The opinion score of the stretch since the last report, 1 to 4.5."),
    "loss": Member(float, "The share of packets that was lost in it: 0 to 1."),
    "jitter_ms": Member(float, "The jitter in it."),
    "round_trip_ms": Member(float, "The round trip, where it is known."),
    "silent_s": Member(float, "For how long no RTP has come."),
    "host": Member(str, "The host that RTP comes from now."),
    "port": Member(int, "The port that it comes from."),
    "path": Member(str, "The file of the recording."),
    "format": Member(RecordingFormat, "The format of the file."),
    "channels": Member(Channels, "1: all in one channel."),
    "side": Member(Side, "Who is in it."),
    "at_s": Member(float, "Where in the recording, in seconds from its beginning."),
    "duration_s": Member(float, "How long it is, with what is silent in it."),
    "bytes": Member(int, "The size of the file."),
    "sha256": Member(str, "The SHA-256 of the file, in hexadecimal digits."),
    "marks": Member(list[Mark], "Where it was paused and resumed."),
    "location": Member(str, "Where it was moved to, as the command has said."),
    "events_dropped": Member(int, "How many events the phone caused beyond what one may."),
    "extensions": Member(list[str], "The SIP extensions that are missing (420, 421)."),
    "from_leg": Member(str, "The leg whose party is replaced."),
    "new_leg": Member(str, "The leg of the third party."),
    "mode": Member(
        TransferMode,
        "Blind, after who is replaced has talked with the third party, or after all three have.",
    ),
    "how": Member(
        Literal["bridge", "refer", "replaces"],
        "The engine calls the third party itself, sends REFER, or the third party has called.",
    ),
    "conference": Member(str, "The conference."),
    "max_members": Member(int, "How many may take part at once."),
    "muted": Member(bool, "Whether nobody hears the member."),
    "deaf": Member(bool, "Whether the member hears nobody."),
    "supervisor": Member(str, "The agent's name, or the number or address that was called."),
    "from_uri": Member(str, "The party whose place another has taken."),
    "targets": Member(list[str], "The URIs that are called in its place."),
    "refused": Member(list[str], "The URIs that are not, each with the reason."),
    "retry_s": Member(float, "When it is tried again, in seconds."),
    # -- agents
    "previous": Member(str, "The state before."),
    "work": Member(str, "The job or call that they are on."),
    "since": Member(float, "Since when they are in the state (Unix seconds)."),
    "missed": Member(bool, "Whether they did not answer a call."),
    "wish": Member(Wish, "The state that they want after the call."),
    "history": Member(list[HistoryEntry], "Earlier callbacks and calls of the number."),
    "script": Member(str, "What the agent's screen shows."),
    "skills": Member(dict[str, int], "The level of each skill."),
    "addresses": Member(list[AddressState], "The addresses, in their order."),
    # -- calls that come in
    "from": Member(str, "Who calls, as it is shown."),
    "dialled": Member(str, "What was dialled."),
    "bodies": Member(list[OtherBody], "What its INVITE has beside its session description."),
    "route": Member(str, "The inbound route that accepts the call."),
    "joined_at": Member(float, "Since when the caller waits: their position (Unix seconds)."),
    "regained": Member(bool, "Whether it is a position that was kept for them."),
    "callback": Member(str, "The job by which the caller is called back."),
    "direction": Member(Literal["inbound", "outbound"], "Whether the call came in."),
    "started": Member(float, "When it came in (Unix seconds)."),
    "taken_at": Member(float, "When the engine answered it (Unix seconds)."),
    "answered_at": Member(float, "When an agent answered it (Unix seconds)."),
    "bridged_at": Member(float, "When the two were joined (Unix seconds)."),
    "ended_at": Member(float, "When it ended, where that was before a crash (Unix seconds)."),
    "recording": Member(str, "The file of the recording."),
    "offers": Member(list[OfferRecord], "The agents it was offered to."),
    "legs": Member(list[LegRecord], "Its legs."),
    # -- queues
    "kind": Member(EntryKind, "Whether a callback waits or a caller."),
    "place": Member(int, "The position, from 1."),
    "waited_s": Member(float, "How long it has waited."),
    "expected_wait_s": Member(float, "How long it still waits, by estimate."),
    "centre": Member(str, "The centre whose turn it is."),
    "from_queue": Member(str, "The queue that it comes from."),
    "from_place": Member(int, "The position that was published before."),
    "to_queue": Member(str, "The queue that it goes to."),
    "target": Member(str, "The outside number that it goes to."),
    "agents": Member(list[str], "The agents who are offered it."),
    "ring_s": Member(float, "How long their phones ring."),
    "crashes": Member(int, "In how many crashes of the engine the job was under way."),
    "alert": Member(str, "The alert."),
    "figure": Member(str, "The figure that it watches."),
    "value": Member(float, "What the figure is now."),
    "threshold": Member(float, "The threshold that it is held against."),
    "since_s": Member(float, "For how long the figure has been past it."),
    "share": Member(float, "The share of its samples at full scale: 0 to 1."),
    "delay_ms": Member(int, "How late it comes back."),
    "level_db": Member(float, "How much louder it comes back; below 0: softer."),
    "speaking": Member(bool, "Whether the party speaks from now on."),
    "for_s": Member(float, "How long it lasted."),
    "by_s": Member(float, "How far the clock was set forward, or back below 0."),
    # -- the rest
    "until": Member(float, "Until when the number is blocked (Unix seconds)."),
    "event": Member(int, "The number of the event that was not delivered."),
    "undelivered": Member(int, "How many pending deliveries were dropped."),
    "last_event": Member(int, "The last of several, else the same number."),
    "attempts": Member(int, "How often it was tried."),
    "of": Member(str, "The type of the event that could not be written."),
    "changes": Member(list[str], "What has changed, one line each; not all of many."),
    "changed": Member(int, "How many keys have changed."),
    "restart": Member(list[str], "The keys that hold only after a restart."),
    "resume": Member(
        int, "The number of the last event that was sent: subscribe again `since` it."
    ),
    # -- who or what has answered
    "label": Member(Label, "Who or what has answered."),
    "after_ms": Member(int, "How long after the answer, or the command, that was."),
    "greeting_ms": Member(int, "How long it spoke, from the first word to the last."),
    "phrases": Member(int, "How many phrases it said, with a pause between each two."),
    "hz": Member(int, "The frequency of the beep."),
    # -- scripts
    "step": Member(str, "The step that the party enters."),
    "step_kind": Member(StepKind, "What kind of step it is."),
    "nth": Member(int, "How many steps were entered before it, and itself."),
    "use": Member(ScriptUse, "When the party goes through the script."),
    "steps": Member(int, "How many steps were entered."),
    "scripts": Member(list[ScriptRecord], "The scripts that its parties went through."),
    # -- streams
    "of_leg": Member(str, "The leg whose sound the service gets, where a command named one."),
    "rate_hz": Member(int, "How many samples a second the service gets."),
    "fallback": Member(str, "What becomes of the party: a queue, an agent, a number, or a word."),
    "dropped_ms": Member(int, "How much of what it said was cleared, or had no room."),
    "sent_ms": Member(int, "How much sound it was sent."),
    "lost_ms": Member(int, "How much of the sound for it was lost on the way."),
    "reconnects": Member(int, "How often the connection was lost, and came back."),
    "counts": Member(dict[str, int], "How many views there were of each kind."),
    "jobs": Member(int, "How many jobs were changed."),
    "records": Member(int, "How many records were changed."),
    "events": Member(int, "How many events were changed."),
    "audit": Member(int, "How many entries of the audit log were changed."),
    "recordings": Member(int, "How many recordings were deleted."),
}

OTHERWISE: Final[Mapping[tuple[str, str], Member]] = {
    **{
        (f"callback.{state}", name): member
        for state in TERMINAL_STATES
        for name, member in {
            "attempts": Member(list[AttemptRecord], "The attempts, with their legs."),
            "ended_at": Member(float, "When it ended (Unix seconds)."),
        }.items()
    },
    **{
        (f"supervision.{what}", "mode"): Member(SuperviseMode, "Who hears the supervisor.")
        for what in ("started", "changed", "ended", "failed")
    },
    **{
        (f"recording.{kind}", "recording"): Member(str, "The recording.")
        for kind in ("started", "paused", "resumed", "ended", "failed", "moved", "deleted")
    },
    ("script.step", "script"): Member(str, "The script."),
    ("script.finished", "script"): Member(str, "The script."),
    ("script.finished", "result"): Member(EndWord, "How it ended, in one word."),
    ("script.finished", "path"): Member(list[str], "The steps in their order, the first hundred."),
    ("voicemail.left", "recording"): Member(str, "The recording of the message."),
    ("call.detected", "reason"): Member(DetectionReason, "By what it was told."),
    ("call.beep", "duration_ms"): Member(int, "How long the beep was."),
    ("play.finished", "reason"): Member(PlayEnd, "Why it is heard no more."),
    ("leg.one_way", "cause"): Member(OneWayCause, "What comes instead of sound."),
    ("leg.one_way", "for_s"): Member(float, "For how long by now."),
    ("leg.quality", "direction"): Member(
        Literal["received", "sent"], "What the party says, or what it hears."
    ),
    ("engine.media_worker_died", "legs"): Member(int, "How many legs it had."),
    ("engine.overloaded", "legs"): Member(int, "How many legs are up."),
    ("engine.relieved", "legs"): Member(int, "How many legs are up."),
    ("engine.not_saved", "agent"): Member(str, "The agent, where the event was about one."),
    ("stream.ended", "heard_ms"): Member(int, "How much of what the service said was heard."),
    ("stream.started", "mode"): Member(
        Literal["talk", "listen"], "Whether the service is heard, or hears alone."
    ),
    ("stream.resumed", "attempts"): Member(int, "How many tries it took."),
    ("trunk.host_down", "host"): Member(str, "The URI of the host."),
    ("trunk.host_up", "host"): Member(str, "The URI of the host."),
    ("snapshot.agent", "view"): Member(AgentView, "The agent."),
    ("snapshot.call", "view"): Member(CallView, "The call."),
    ("snapshot.job", "view"): Member(JobView, "The job."),
    ("snapshot.number", "view"): Member(Blocked, "The blocked number."),
    ("snapshot.queue", "view"): Member(QueueView, "The queue."),
    ("snapshot.trunk", "view"): Member(TrunkView, "The trunk."),
}


def member_of(event: str, name: str) -> Member:
    """The member `name` of events of this type. Raises KeyError for one that has no sentence."""
    return OTHERWISE.get((event, name)) or MEMBERS[name]
