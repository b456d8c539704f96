"""Every way a callback can end, as the phones' behaviour and what is asked of the engine."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ending:
    """One way: what each phone does, what is requested, and the state the job must end in.

    `cancel_at` names the event after which the callback is cancelled, `hang_up_at` the one after
    which its call is hung up, both by command.
    """

    name: str
    agent: str
    customer: str
    state: str = "failed"
    parameters: dict[str, Any] = field(default_factory=dict)
    cancel_at: str = ""
    hang_up_at: str = ""


RING_S = {"ring_s": 0.4}
WHISPER = {"whisper": {"tone": "440/600"}}
CUSTOMER_FIRST = {"order": "customer_first"}

ENDINGS: tuple[Ending, ...] = (
    Ending("customer hangs up", "answer-5", "answer-5.bye-60", "completed"),
    Ending("agent hangs up", "answer-5.bye-1500", "answer-5", "completed"),
    Ending("both hang up", "answer-5.bye-1500", "answer-5.bye-1485", "completed"),
    Ending("maximum duration", "answer-5", "answer-5", "completed", {"max_duration_s": 0.15}),
    Ending("whispered, then talked", "answer-5", "answer-5.bye-50", "completed", WHISPER),
    Ending("early media", "answer-5", "early-20.answer-80.bye-40", "completed"),
    Ending("hung up by command", "answer-5", "answer-5", "completed", {}, "", "bridged"),
    Ending("agent busy", "busy", "answer-5"),
    Ending("agent declines", "decline", "answer-5"),
    Ending("agent unavailable", "unavailable", "answer-5"),
    Ending("agent does not answer", "noanswer", "answer-5", parameters=RING_S),
    Ending("agent's phone is dead", "silent", "answer-5", parameters=RING_S),
    Ending("agent answers too late", "late", "answer-5", parameters=RING_S),
    Ending("agent busy twice", "busy", "answer-5", parameters={"max_attempts": 2}),
    Ending("agent leaves in the whisper", "answer-5.bye-80", "answer-5", parameters=WHISPER),
    Ending("agent leaves while it rings", "answer-5.bye-120", "noanswer"),
    Ending("agent leaves, 200 crosses", "answer-5.bye-120", "late"),
    Ending("customer busy", "answer-5", "busy"),
    Ending("customer declines", "answer-5", "decline"),
    Ending("customer not found", "answer-5", "notfound"),
    Ending("customer does not answer", "answer-5", "noanswer", parameters=RING_S),
    Ending("customer's phone is dead", "answer-5", "silent", parameters=RING_S),
    Ending("cancelled, agent rings", "noanswer", "answer-5", "cancelled", {}, "dialing_agent"),
    Ending("cancelled in the whisper", "answer-5", "answer-5", "cancelled", WHISPER, "whispering"),
    Ending(
        "cancelled, customer rings", "answer-5", "noanswer", "cancelled", {}, "dialing_customer"
    ),
    Ending("cancelled, 200 crosses", "late", "answer-5", "cancelled", {}, "dialing_agent"),
    Ending("cancelled when joined", "answer-5", "answer-5", "cancelled", {}, "bridged"),
    Ending("customer first", "answer-5", "answer-5.bye-1500", "completed", CUSTOMER_FIRST),
    Ending("customer leaves on hold", "noanswer", "answer-5.bye-120", "failed", CUSTOMER_FIRST),
    Ending("customer first, agent busy", "busy", "answer-5", "failed", CUSTOMER_FIRST),
)
