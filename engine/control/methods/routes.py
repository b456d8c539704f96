"""The method route.explain: what would become of a request or a call, and why.

The same rules, policies, routes and queues are asked as for a real one. Nothing is dialled, nobody
is offered anything, and nothing is counted.
"""

import time
from typing import TYPE_CHECKING, Any

import msgspec

from ...acd.explain import could_take, waiting_as_if
from ...errors import BadParams, EngineError
from ...request import CallbackRequest, Identifier, Target, UnixTime
from ...routing.admission import AdmissionQuery
from ...routing.rules import Condition, Facts, Ruling, Step
from ..method import Method
from ..peer import Peer

if TYPE_CHECKING:
    from config.inbound import Inbound as Route

    from ...parts import Parts


class RouteQuery(CallbackRequest):
    """route.explain: a request as callback.request takes it, at `at` (None: now).

    With `from_trunk` and `dialled` it is a call that comes in, and `to` is who calls.
    """

    at: UnixTime | None = None
    from_trunk: Identifier | None = None
    dialled: Target | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.from_trunk is None) != (self.dialled is None):
            missing = "dialled" if self.dialled is None else "from_trunk"
            raise BadParams(missing, "a call that comes in has both from_trunk and dialled")


class RouteMethods:
    """What a client may ask of the routing."""

    def __init__(self, daemon: "Parts") -> None:
        self._daemon = daemon

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {"route.explain": Method(RouteQuery, self._explain)}

    async def _explain(self, params: RouteQuery, _peer: Peer) -> dict[str, Any]:
        now = params.at if params.at is not None else time.time()
        history = await self._daemon.router.history(params.to)
        if params.from_trunk is not None:
            return self._call(params, history, now)
        return self._callback(params, history, now)

    # -- a callback -------------------------------------------------------------------------

    def _callback(self, params: RouteQuery, history: Any, now: float) -> dict[str, Any]:
        router = self._daemon.router
        facts = router.facts(params, history, now)
        ruling = router.rules.apply(facts, explain=True)
        filled = router.fill(params, ruling)
        assert isinstance(filled, RouteQuery)
        objections: list[dict[str, Any]] = []
        not_before, admission = self._admission(filled, now, objections)
        queue, agent = self._agent(filled, facts, now, objections)
        trunks = self._trunks(filled.to, filled.trunk, "to", objections)
        explained = _explained("callback", facts, ruling, now) | {
            "request": _requested(filled, ruling),
            "admission": admission,
            "trunks": trunks,
            "queue": queue,
            "agent": agent,
        }
        return explained | _verdict(objections, not_before, now, queue, agent)

    def _admission(
        self, params: RouteQuery, now: float, objections: list[dict[str, Any]]
    ) -> tuple[float | None, dict[str, Any]]:
        """When it would be called, and what the policies say."""
        admission = self._daemon.admission
        query = AdmissionQuery.of(params)
        number = admission.number(params.to)
        view: dict[str, Any] = {
            "called": number and number.e164,
            "region": number and number.region,
            "line_type": number and number.line_type,
            "zones": number.zones if number else [],
            "cost_estimate": number and admission.rates.estimate(number.e164),
        }
        try:
            admitted = admission.check(query, now)
        except EngineError as error:
            objections.append(_objection("admission", error))
            rest = {"allowed": False, "policy": error.data.get("policy"), "reason": error.message}
            return None, view | rest | {"not_before": None}
        policy = "hours" if admitted.scheduled else None
        rest = {"allowed": True, "policy": policy, "reason": admitted.scheduled}
        return admitted.not_before, view | rest | {"not_before": admitted.not_before}

    # -- a call that comes in ---------------------------------------------------------------

    def _call(self, params: RouteQuery, history: Any, now: float) -> dict[str, Any]:
        router, objections = self._daemon.router, list[dict[str, Any]]()
        trunk, dialled = params.from_trunk or "", params.dialled or ""
        if trunk not in {one["name"] for one in self._daemon.trunks.view()}:
            reason = f"there is no trunk named {trunk!r}"
            raise EngineError("not_found", reason, field="from_trunk")
        route = self._daemon.inbound.route(dialled, trunk)
        own = {} if route is None else route.context
        caller = self._daemon.admission.number(params.to)
        shown = {"caller": caller.e164 if caller else params.to, "dialled": dialled}
        context = {**own, **shown, **(params.context or {})}
        facts = router.call_facts(
            params.to,
            dialled=dialled,
            trunk=trunk,
            queue=None if route is None else route.queue,
            context=context,
            now=now,
            history=history,
        )
        if route is None:
            # As for a real one: it is refused before any rule is looked at.
            refused = EngineError("refused", f"no inbound route takes {dialled} by {trunk}: 404")
            objections.append(_objection("route", refused))
            ruling = Ruling()
        else:
            ruling = router.rules.apply(facts, explain=True)
        kept_s = route.agent_s if route is not None and ruling.agent is not None else None
        filled = _waiting_of(route, ruling, params.to)
        queue, _none = self._agent(filled, facts, now, objections, kept_s)
        agent = self._outside(ruling.agent)
        explained = _explained("call", facts, ruling, now) | {
            "route": route and route.name,
            "request": _requested(filled, ruling),
            "admission": None,
            "trunks": [],
            "queue": queue,
            "agent": agent,
        }
        return explained | _verdict(objections, None, now, queue, agent)

    # -- who would take it, and by what it would be carried ---------------------------------

    def _agent(
        self,
        params: CallbackRequest,
        facts: Facts,
        now: float,
        objections: list[dict[str, Any]],
        kept_s: float | None = None,
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The queue that it would wait in, or the agent who is named."""
        centre = self._daemon
        waiting = waiting_as_if(
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
        if params.queue is not None:
            matcher = centre.queues.matcher
            try:
                matcher.queues.check(params.queue, now)
            except EngineError as error:
                is_later = bool(error.data.get("schedule")) and error.data.get("opens_at")
                if not is_later:
                    objections.append(_objection("queue", error))
                if error.kind == "refused":
                    return None, None
            view = matcher.queues.named(params.queue).view(now)
            return view | {"agents": could_take(matcher, centre.agents, waiting, now)}, None
        if params.agent is None:
            if not objections:
                reason = "neither the request nor a rule says which agent or queue"
                objections.append({"step": "party", "kind": "params", "reason": reason})
            return None, None
        known = centre.agents.get(params.agent)
        if known is not None:
            could = known.state == "available"
            return None, {
                "agent": known.name,
                "state": known.state,
                "could": could,
                "why_not": None if could else known.state.replace("_", " "),
                "addresses": [address.uri for address in known.addresses],
            }
        trunks = self._trunks(params.agent, params.trunk, "agent", objections)
        return None, {"agent": params.agent, "state": None, "could": True, "trunks": trunks}

    def _outside(self, number: str | None) -> dict[str, Any] | None:
        """The outside number that a call would go to before it enters its queue."""
        if number is None or self._daemon.dialplan.is_agent(number):
            return None
        against: list[dict[str, Any]] = []
        trunks = self._trunks(number, None, "agent", against)
        return {"agent": number, "state": None, "could": not against, "trunks": trunks}

    def _trunks(
        self, text: str, trunk: str | None, field: str, objections: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The trunks that would carry it, in the order in which they are tried."""
        plan, trunks = self._daemon.dialplan, self._daemon.trunks
        try:
            plan.destination(text, field=field, trunk=trunk)
        except EngineError as error:
            objections.append(_objection("trunks", error))
        if plan.is_agent(text) or text[:5].lower().startswith(("sip:", "sips:")):
            return []
        number, prefix, names = plan.trunks_for(text, trunk)
        stand = {one["name"]: one for one in trunks.view()}
        return [
            {
                "trunk": name,
                "number": number,
                "route": prefix,
                "state": stand.get(name, {}).get("state"),
                "reason": stand.get(name, {}).get("reason"),
                "usable": name in stand and trunks.is_usable(name),
            }
            for name in names
        ]


# -- how it is told -----------------------------------------------------------------------------


def _explained(kind: str, facts: Facts, ruling: Ruling, now: float) -> dict[str, Any]:
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


def _requested(params: CallbackRequest, ruling: Ruling) -> dict[str, Any]:
    """The request as the rules leave it."""
    shown = {
        name: value
        for name in CallbackRequest.__struct_fields__
        if name not in ("context", "id") and (value := getattr(params, name)) is not None
    }
    if ruling.whisper is not None:
        shown["whisper"] = {"template": ruling.whisper}
    return shown


def _waiting_of(route: "Route | None", ruling: Ruling, caller: str) -> CallbackRequest:
    """What route and rules make of a call, in the members of a request."""
    if route is None:
        return CallbackRequest(to=caller)
    return CallbackRequest(
        to=caller,
        queue=ruling.queue or route.queue,
        priority=route.priority if ruling.priority is None else ruling.priority,
        skills={**route.skills, **ruling.skills} or None,
        record=route.record if ruling.record is None else ruling.record,
        caller_id=ruling.caller_id,
        script=ruling.script,
        known_agent=ruling.agent or ruling.known_agent,
        centre=ruling.centre,
    )


def _objection(step: str, error: EngineError) -> dict[str, Any]:
    policy = error.data.get("policy")
    told = {"step": step, "kind": error.kind, "reason": error.message}
    return told if policy is None else told | {"policy": policy}


def _verdict(
    objections: list[dict[str, Any]],
    not_before: float | None,
    now: float,
    queue: dict[str, Any] | None,
    agent: dict[str, Any] | None,
) -> dict[str, Any]:
    """What would become of it, in one word, and everything that is against it."""
    if objections:
        kinds = {one["kind"] for one in objections}
        verdict = "unavailable" if kinds == {"unavailable"} else "refused"
    elif (not_before is not None and not_before > now) or (queue is not None and not queue["open"]):
        verdict = "scheduled"
    else:
        could = [one["could"] for one in (*(queue["agents"] if queue else ()), agent) if one]
        verdict = "called" if any(could) else "waits"
    return {"verdict": verdict, "objections": objections}
