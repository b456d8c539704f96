"""Who may ask for what: each method of the control protocol, and the role that it needs.

Each role from `read` on may do what those from `read` to it may. `request` and `gateway` may do
what OWN_JOB_METHODS has for them. An agent (config/rights.py) is none of them: see
agent_scope.py. The check itself is in rights.py.
"""

from collections.abc import Mapping
from typing import Literal

from ..errors import EngineError

Role = Literal["none", "request", "gateway", "read", "operate", "supervise", "administer"]
"""`none`: known, and may do nothing. `request`: asks for callbacks, and sees its own. `gateway`:
that too, ends, rates and erases them, lets visitors speak, and sees whether a queue is open."""

RANKS: Mapping[Role, int] = {
    "none": 0,
    "request": 1,
    "gateway": 1,
    "read": 2,
    "operate": 3,
    "supervise": 4,
    "administer": 5,
}

# `none` is for everybody who may connect. `read` changes nothing; whatever else does change
# something, and is kept in the audit log.
METHODS: Mapping[str, Role] = {
    "auth": "none",
    "ping": "none",
    # -- to see
    "agent.availability": "read",
    "agent.get": "read",
    "agent.list": "read",
    "call.get": "read",
    "call.headers": "read",
    "call.list": "read",
    "callback.get": "read",
    "callback.list": "read",
    "conference.get": "read",
    "conference.list": "read",
    "engine.status": "read",
    "events.subscribe": "read",
    "history.get": "read",
    "number.check": "read",
    "number.list": "read",
    "queue.availability": "read",
    "queue.entries": "read",
    "queue.explain": "read",
    "queue.get": "read",
    "queue.list": "read",
    "record.get": "read",
    "record.list": "read",
    "recording.get": "read",
    "recording.list": "read",
    "report.agent": "read",
    "report.call": "read",
    "report.job": "read",
    "report.live": "read",
    "report.queue": "read",
    "report.site": "read",
    "route.explain": "read",
    "trace.explain": "read",
    "trace.follow": "read",
    "trace.get": "read",
    "trunk.get": "read",
    "trunk.list": "read",
    "webhook.list": "read",
    # -- to make callbacks, and to end them
    "browser.ice_servers": "operate",
    "call.answer": "operate",
    "call.bridge": "operate",
    "call.detect": "operate",
    "call.gather": "operate",
    "call.hangup": "operate",
    "call.hold": "operate",
    "call.originate": "operate",
    "call.play": "operate",
    "call.redirect": "operate",
    "call.reject": "operate",
    "call.resume": "operate",
    "call.ring": "operate",
    "call.say": "operate",
    "call.send_dtmf": "operate",
    "call.send_info": "operate",
    "call.stop": "operate",
    "call.stream": "operate",
    "call.unbridge": "operate",
    "call.unrecognise": "operate",
    "call.unstream": "operate",
    "call.transfer": "operate",
    "callback.annotate": "operate",
    "callback.cancel": "operate",
    "callback.feign": "operate",
    "callback.reprioritise": "operate",
    "callback.request": "operate",
    "callback.reschedule": "operate",
    "conference.create": "operate",
    "conference.deafen": "operate",
    "conference.end": "operate",
    "conference.join": "operate",
    "conference.kick": "operate",
    "conference.lock": "operate",
    "conference.mute": "operate",
    "conference.record": "operate",
    "number.block": "operate",
    "number.import": "operate",
    "recording.pause": "operate",
    "recording.resume": "operate",
    "recording.start": "operate",
    "recording.stop": "operate",
    # -- to lead agents and queues
    "call.recognise": "supervise",
    "call.tap": "supervise",
    "agent.address": "supervise",
    "agent.login": "supervise",
    "agent.logout": "supervise",
    "agent.pause": "supervise",
    "agent.ready": "supervise",
    "agent.skills": "supervise",
    "call.supervise": "supervise",
    "callback.decide": "supervise",
    "number.unblock": "supervise",
    "queue.move": "supervise",
    "queue.pause": "supervise",
    "queue.remove": "supervise",
    "queue.resume": "supervise",
    # -- to change what there is
    "agent.add": "administer",
    "browser.admit": "administer",
    "agent.remove": "administer",
    "audit.list": "administer",
    "engine.drain": "administer",
    "engine.reload": "administer",
    "person.erase": "administer",
    "person.export": "administer",
    "recording.delete": "administer",
    "webhook.add": "administer",
    "webhook.remove": "administer",
    "webhook.retry": "administer",
    "webhook.test": "administer",
}

REQUEST_METHODS = frozenset(
    {"callback.get", "callback.list", "callback.request", "events.subscribe"}
)

OWN_JOB_METHODS: Mapping[Role, frozenset[str]] = {
    "request": REQUEST_METHODS,
    "gateway": REQUEST_METHODS
    | {
        "agent.availability",
        "browser.admit",
        "callback.annotate",
        "callback.cancel",
        "callback.feign",
        "callback.reschedule",
        "person.erase",
        "person.export",
        "queue.availability",
        "record.get",
    },
}
"""What the roles have that see their own jobs alone; job_scope.py says what of it. They are no part
of the roles after them: who reads does not request."""

AGENT_METHODS = frozenset(
    {
        "agent.address", "agent.get", "agent.list", "agent.login", "agent.logout", "agent.pause",
        "agent.ready", "browser.ice_servers", "call.get", "call.hangup", "call.list",
        "call.transfer", "callback.annotate", "callback.get", "events.subscribe", "queue.get",
        "queue.list", "record.get", "recording.pause", "recording.resume", "report.agent",
    }
)  # fmt: skip
"""What an agent has; agent_scope.py says what of it."""

AGENT_REQUEST_METHODS = frozenset({"callback.cancel", "callback.request", "callback.reschedule"})
"""What agents have besides, where their right has `may_request`."""

SITE_METHODS = frozenset(
    {
        "agent.availability", "browser.admit", "browser.ice_servers",
        "call.answer", "call.bridge", "call.get", "call.hangup", "call.headers", "call.hold",
        "call.detect", "call.gather", "call.list", "call.originate", "call.play", "call.redirect",
        "call.reject", "call.resume",
        "call.ring", "call.say", "call.send_dtmf", "call.send_info", "call.stop", "call.unbridge",
        "callback.annotate", "callback.cancel", "callback.feign", "callback.get", "callback.list",
        "callback.reprioritise", "callback.request", "callback.reschedule",
        "events.subscribe", "number.check", "person.erase", "person.export", "queue.availability",
        "record.get", "record.list",
        "recording.get", "recording.list", "recording.pause",
        "recording.resume", "recording.start", "recording.stop",
        "report.site", "trace.explain", "trace.follow", "trace.get",
    }
)  # fmt: skip
"""What a client of some sites has, where its role has it: all that can be separated by site, and
what outsiders may know of any queue or agent."""


def needed(method: str) -> Role:
    """The role that a method needs; the highest, where nobody has said."""
    return METHODS.get(method, "administer")


def changes(method: str) -> bool:
    """Whether a method changes something."""
    return RANKS[needed(method)] > RANKS["read"]


class NoRight(EngineError):
    """`refused`: who asks has no right to it. `role` is the one that has, `had` their own."""

    def __init__(self, message: str, *, field: str, role: str, had: str) -> None:
        super().__init__("refused", message, field, {"role": role, "had": had})
