"""How the method route.explain shows what it found out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from config.urls import without_secrets

from ..acd.agents import AgentRegistry
from ..acd.explain import CouldTake, could_take, waiting_as_if
from ..acd.queue import QueueNow
from ..acd.queues import Queues
from ..acd.waiting import Waiting
from ..errors import BadParams, EngineError
from ..request import CallbackRequest
from ..routing.conditions import Condition, Facts
from ..routing.dialplan import Dialplan
from ..routing.numbers.reading import ReadingView, is_uri
from ..routing.rates import Cost
from ..routing.rules import Ruling, Step
from ..routing.trunk_states import usable_now
from ..routing.trunks import Trunks, TrunkState


class HistoryFacts(TypedDict):
    """Earlier callbacks of the number, where a rule looks at them."""

    callbacks: int
    """How many there were."""
    attempts: int
    """Their attempts."""
    completed: int
    """How many came to a talk."""
    last: float | None
    """When the last one was requested (Unix seconds)."""


class FactsView(TypedDict):
    """What rules look at."""

    to: str
    """The customer, or the caller, as given."""
    number: str | None
    """The number in E.164."""
    region: str | None
    """Its country."""
    line_type: str | None
    """What kind of number it is."""
    queue: str | None
    """The queue that the request or the inbound route names."""
    agent: str | None
    """The agent that the request names."""
    site: str | None
    """The web site."""
    trunk: str | None
    """Of a call: the trunk that brings it."""
    dialled: str | None
    """Of a call: what was dialled."""
    attestation: str | None
    """Of a call: whether the caller's number is verified."""
    context: dict[str, Any]
    """What the client, or the inbound route, gives with it."""
    history: HistoryFacts
    """Earlier callbacks of the number."""


class ConditionView(TypedDict):
    """One condition of a rule."""

    name: str
    """What it looks at."""
    wants: str
    """What it wants, in words."""
    found: Any
    """What there is."""
    holds: bool
    """Whether it holds."""


class RuleView(TypedDict):
    """One rule, in its turn."""

    rule: str
    """The name."""
    outcome: Literal["fired", "no_match", "not_looked_at"]
    """What became of it."""
    why: str
    """Why, in words."""
    conditions: list[ConditionView]
    """Its conditions."""
    set: dict[str, Any]
    """What it sets."""
    kept: dict[str, str]
    """What it would set and did not, and why."""


class AdmissionView(TypedDict):
    """What the policies say of a request."""

    called: str | None
    """The number in E.164."""
    region: str | None
    """Its country."""
    line_type: str | None
    """What kind of number it is."""
    zones: Sequence[str]
    """The time zones that it may be in."""
    cost_estimate: Cost | None
    """What a call is expected to cost."""
    allowed: bool
    """Whether it is admitted."""
    policy: str | None
    """The policy that refuses it, or postpones the call."""
    reason: str | None
    """Why, in words."""
    not_before: float | None
    """When it would be called (Unix seconds); null: at once."""


class RouteTrunk(TypedDict):
    """A trunk that would carry the call."""

    trunk: str
    """The name."""
    number: str | None
    """What is dialled, in full."""
    sent: str | None
    """What the trunk is sent for it; null: it is not dialled there."""
    route: str | None
    """The prefix of the route."""
    state: TrunkState | None
    """How its registration stands; null: there is no such trunk."""
    reason: str | None
    """What the registrar said last."""
    full: bool
    """Whether it carries all the calls that it may (`max_calls`)."""
    down: str | None
    """Why it is down, and passed over while another trunk is not; null: it is up."""
    usable: bool
    """Whether a call that comes now would be tried by it."""


class NamedParty(TypedDict):
    """The agent who is named, or the number or URI in their place."""

    agent: str
    """The name, number or URI."""
    state: str | None
    """What the agent does now; null: it is no configured agent."""
    could: bool
    """Whether they could take it now."""
    why_not: NotRequired[str | None]
    """Of an agent: why not, in words."""
    addresses: NotRequired[list[str]]
    """Of an agent: their addresses."""
    trunks: NotRequired[list[RouteTrunk]]
    """Of any other: the trunks that would carry the call."""


class QueueCandidates(QueueNow):
    """The queue that it would wait in."""

    agents: list[CouldTake]
    """The agents who may serve it; first those who could take it now."""


class ObjectionView(TypedDict):
    """What is against it."""

    step: str
    """The check that objects."""
    kind: str
    """The kind of the error that a real one would get."""
    reason: str
    """Why, in words."""
    policy: NotRequired[str]
    """The policy that refuses it."""
    opens_at: NotRequired[float]
    """When it may be (Unix seconds)."""


class Explanation(TypedDict):
    """route.explain."""

    kind: Literal["callback", "call"]
    """Whether it is a request, or a call that comes in."""
    at: float
    """The time that was asked for (Unix seconds)."""
    facts: FactsView
    """What rules look at."""
    rules: list[RuleView]
    """Every rule, in its order."""
    fired: list[str]
    """The rules that fired."""
    set: dict[str, Any]
    """All that they set."""
    reading: NotRequired[ReadingView | None]
    """Of a request: what its party is read as; null where it is nothing that is dialled."""
    route: NotRequired[str | None]
    """Of a call: the inbound route that accepts it."""
    request: dict[str, Any]
    """The request as the rules leave it."""
    admission: AdmissionView | None
    """What the policies say; null for a call."""
    not_before: NotRequired[float | None]
    """When the callback would be due, by the hours of the number and of the queue."""
    joins: NotRequired[str | None]
    """The open job of the same number that the request would join; null: it would make one."""
    scheduled: NotRequired[str | None]
    """Why that is not the time that was asked for."""
    trunks: list[RouteTrunk]
    """The trunks that would carry it, in the order in which they are tried."""
    queue: QueueCandidates | None
    """The queue that it would wait in."""
    agent: NamedParty | None
    """The agent who is named."""
    verdict: Literal["called", "waits", "scheduled", "refused", "unavailable"]
    """What would become of it."""
    objections: list[ObjectionView]
    """What is against it."""


def explained(kind: str, facts: Facts, ruling: Ruling, now: float) -> dict[str, Any]:
    """What the rules looked at and what they set, rule by rule."""
    return {
        "kind": kind,
        "at": now,
        "facts": {
            "to": facts.to,
            "number": facts.number,
            "region": facts.region,
            "line_type": facts.line_type,
            "queue": facts.queue,
            "agent": facts.agent,
            "site": facts.site,
            "trunk": facts.trunk,
            "dialled": facts.dialled,
            "attestation": facts.attestation,
            "context": facts.context,
            "history": {
                "callbacks": facts.history.callbacks,
                "attempts": facts.history.attempts,
                "completed": facts.history.completed,
                "last": facts.history.last,
            },
        },
        "rules": [_step(step) for step in ruling.trace],
        "fired": list(ruling.fired),
        "set": ruling.settings(),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "outcome": step.outcome,
        "why": _why(step),
        "conditions": [_condition(one) for one in step.conditions],
        "set": step.set,
        "kept": step.kept,
    }


def _condition(one: Condition) -> dict[str, Any]:
    return {"name": one.name, "wants": one.wants, "found": one.found, "holds": one.holds}


def _why(step: Step) -> str:
    """The first condition that does not hold, or all that do, in words."""
    if step.outcome == "not_looked_at":
        return "a rule before it has decided"
    if step.outcome == "no_match":
        return next(_words(one) for one in step.conditions if not one.holds)
    return ", ".join(_words(one) for one in step.conditions) or "it is for everything"


def _words(one: Condition) -> str:
    found = "nothing" if one.found is None else msgspec.json.encode(one.found).decode()
    return f"{one.name} is {found}, {'which fits' if one.holds else 'not'} {one.wants}"


def requested(params: CallbackRequest, ruling: Ruling) -> dict[str, Any]:
    """The request as the rules leave it."""
    shown = {
        name: value
        for name in CallbackRequest.__struct_fields__
        if name not in ("context", "id") and (value := getattr(params, name)) is not None
    }
    if params.notify_url is not None:
        shown["notify_url"] = without_secrets(params.notify_url)
    if ruling.whisper is not None:
        shown["whisper"] = {"template": ruling.whisper}
    return shown


class Objections:
    """What is against it, step by step. `found` has each as the protocol shows it."""

    def __init__(self) -> None:
        self.found: list[ObjectionView] = []

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Note what the check inside raises, as an objection of this step."""
        try:
            yield
        except (EngineError, BadParams) as error:
            self.add_objection(step, error)

    def add_objection(self, step: str, error: EngineError | BadParams) -> None:
        """Note an objection. A reason that was given before is not given again."""
        if isinstance(error, BadParams):
            shown: ObjectionView = {"step": step, "kind": "params", "reason": error.reason}
        else:
            shown = {"step": step, "kind": error.kind, "reason": error.message}
            if (policy := error.data.get("policy")) is not None:
                shown["policy"] = policy
            if (opens_at := error.data.get("opens_at")) is not None:
                shown["opens_at"] = opens_at
        if all(one["reason"] != shown["reason"] for one in self.found):
            self.found.append(shown)


def verdict_of(
    objections: list[ObjectionView],
    not_before: float | None,
    now: float,
    queue: QueueCandidates | None,
    agent: NamedParty | None,
    *,
    is_trunk_down: bool = False,
) -> dict[str, Any]:
    """What would become of it, in one word, and every objection."""
    if objections:
        kinds = {one["kind"] for one in objections}
        verdict = "unavailable" if kinds == {"unavailable"} else "refused"
    elif not_before is not None and not_before > now:
        verdict = "scheduled"
    elif is_trunk_down:
        verdict = "waits"
    else:
        could = [one["could"] for one in (queue["agents"] if queue else ())]
        verdict = "called" if any(could) or (agent and agent["could"]) else "waits"
    return {"verdict": verdict, "objections": objections}


class PartyView:
    """Who would take a request or a call now, and which trunks would carry it."""

    def __init__(
        self, agents: AgentRegistry, queues: Queues, dialplan: Dialplan, trunks: Trunks
    ) -> None:
        self._agents = agents
        self._queues = queues
        self._dialplan = dialplan
        self._trunks = trunks

    def require_trunk(self, name: str) -> None:
        """Raise EngineError `not_found` where no trunk has this name."""
        if name not in {one["name"] for one in self._trunks.view()}:
            reason = f"there is no trunk named {name!r}"
            raise EngineError("not_found", reason, field="from_trunk")

    def queue(
        self, params: CallbackRequest, facts: Facts, now: float, kept_s: float | None = None
    ) -> QueueCandidates | None:
        """The queue that it would wait in, with its agents; None where there is none."""
        matcher = self._queues.matcher
        queue = matcher.queues.by_name.get(params.queue or "")
        if queue is None or queue.is_removed:
            return None
        waiting = _as_waiting(params, facts, now, kept_s)
        return {**queue.view(now), "agents": could_take(matcher, self._agents, waiting, now)}

    def agent(self, params: CallbackRequest, facts: Facts, now: float) -> NamedParty | None:
        """The agent who is named, or the number or URI in their place; None where nobody is."""
        name = params.agent
        if name is None or params.queue is not None:
            return None
        known = self._agents.get(name)
        if known is None:
            trunks = self.trunks(name, params.trunk)
            return {"agent": name, "state": None, "could": True, "trunks": trunks}
        waiting = _as_waiting(params, facts, now)
        (found,) = could_take(self._queues.matcher, self._agents, waiting, now)
        return {
            "agent": found["agent"],
            "state": found["state"],
            "could": found["could"],
            "why_not": found["why_not"],
            "addresses": [address.uri for address in known.addresses],
        }

    def outside(self, number: str | None) -> NamedParty | None:
        """The outside number that a call would go to before it enters its queue."""
        if number is None or self._dialplan.is_agent(number):
            return None
        try:
            self._dialplan.destination(number, field="agent")
        except EngineError:
            could = False
        else:
            could = True
        trunks = self.trunks(number, None)
        return {"agent": number, "state": None, "could": could, "trunks": trunks}

    def trunks(self, text: str, trunk: str | None) -> list[RouteTrunk]:
        """The trunks that would carry it, in the order in which they are tried."""
        plan = self._dialplan
        if plan.is_agent(text) or is_uri(text):
            return []
        number, prefix, names = plan.trunks_for(text, trunk)
        stand = {one["name"]: one for one in self._trunks.view()}
        used = usable_now(self._trunks, [name for name in names if name in stand])
        return [
            {
                "trunk": name,
                "number": number,
                "sent": self._sent(text, name),
                "route": prefix,
                "state": stand[name]["state"] if name in stand else None,
                "reason": stand[name]["reason"] if name in stand else None,
                "full": name in stand and self._trunks.is_full(name),
                "down": stand[name]["down"] if name in stand else None,
                "usable": name in used,
            }
            for name in names
        ]

    def _sent(self, text: str, trunk: str) -> str | None:
        try:
            return self._dialplan.sent_to(text, trunk)[0]
        except EngineError:
            return None


def _as_waiting(
    params: CallbackRequest, facts: Facts, now: float, kept_s: float | None = None
) -> Waiting:
    return waiting_as_if(
        kind=facts.kind,
        queue=params.queue,
        agent=params.agent,
        now=now,
        priority=params.priority or 0,
        skills=dict(params.skills or {}),
        number=facts.number,
        region=facts.region,
        context=dict(facts.context),
        known_agent=params.known_agent,
        known_agent_s=kept_s,
        centre=params.centre,
    )
