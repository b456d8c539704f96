"""The method route.explain: what would become of a request or a call, and why.

It asks the functions that act on a real one: the rules, the policies, the inbound routes and the
queues. Nothing is dialled, nobody is offered anything, and nothing is counted.
"""

import time
from typing import Any

from ...acd.agents import AgentRegistry
from ...acd.explain import could_take, waiting_as_if
from ...acd.queues import Queues
from ...callbacks.intake import check_queue
from ...errors import BadParams, EngineError
from ...inbound.call_info import InboundCallInfo
from ...inbound.caller_id import CallingParty
from ...inbound.inbound import Inbound
from ...request import CallbackRequest, Identifier, Target, UnixTime
from ...routing.admission import Admission, AdmissionQuery
from ...routing.dialplan import Dialplan
from ...routing.router import Router
from ...routing.rules import CallerHistory, Facts, Ruling
from ...routing.trunks import Trunks
from ..method import Method
from ..peer import Peer
from ..route_view import explained, objection, requested, verdict_of


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

    def __init__(
        self,
        *,
        router: Router,
        admission: Admission,
        dialplan: Dialplan,
        trunks: Trunks,
        agents: AgentRegistry,
        queues: Queues,
        inbound: Inbound,
    ) -> None:
        self._router = router
        self._admission = admission
        self._dialplan = dialplan
        self._trunks = trunks
        self._agents = agents
        self._queues = queues
        self._inbound = inbound

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {"route.explain": Method(RouteQuery, self._explain, is_costly=True)}

    async def _explain(self, params: RouteQuery, _peer: Peer) -> dict[str, Any]:
        now = params.at if params.at is not None else time.time()
        history = await self._router.history(params.to)
        if params.from_trunk is not None:
            return self._call(params, history, now)
        return self._callback(params, history, now)

    # -- a callback -------------------------------------------------------------------------

    def _callback(self, params: RouteQuery, history: CallerHistory, now: float) -> dict[str, Any]:
        facts = self._router.facts(params, history, now)
        filled, ruling = self._router.route(params, history, now, explain=True)
        objections: list[dict[str, Any]] = []
        not_before, admission = self._explain_admission(filled, now, objections)
        queue, agent = self._explain_party(filled, facts, now, objections)
        trunks = self._explain_trunks(filled.to, filled.trunk, "to", objections)
        view = explained("callback", facts, ruling, now) | {
            "request": requested(filled, ruling),
            "admission": admission,
            "trunks": trunks,
            "queue": queue,
            "agent": agent,
        }
        return view | verdict_of(objections, not_before, now, queue, agent)

    def _explain_admission(
        self, params: RouteQuery, now: float, objections: list[dict[str, Any]]
    ) -> tuple[float | None, dict[str, Any]]:
        """When it would be called, and what the policies say."""
        admission = self._admission
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
            objections.append(objection("admission", error))
            rest = {"allowed": False, "policy": error.data.get("policy"), "reason": error.message}
            return None, view | rest | {"not_before": None}
        policy = "hours" if admitted.scheduled else None
        rest = {"allowed": True, "policy": policy, "reason": admitted.scheduled}
        return admitted.not_before, view | rest | {"not_before": admitted.not_before}

    # -- a call that comes in ---------------------------------------------------------------

    def _call(self, params: RouteQuery, history: CallerHistory, now: float) -> dict[str, Any]:
        trunk, dialled = params.from_trunk or "", params.dialled or ""
        if trunk not in {one["name"] for one in self._trunks.view()}:
            reason = f"there is no trunk named {trunk!r}"
            raise EngineError("not_found", reason, field="from_trunk")
        route = self._inbound.route(dialled, trunk)
        if route is None:
            return self._no_route(params, history, now)
        number = self._admission.number(params.to)
        user = number.e164 if number else params.to
        call = InboundCallInfo(
            call="", route=route, trunk=trunk, party=CallingParty(user, ""), dialled=dialled
        )
        call.context.update(params.context or {})
        facts = self._router.call_facts(
            params.to,
            dialled=dialled,
            trunk=trunk,
            queue=route.queue,
            context=call.context,
            now=now,
            history=history,
        )
        call.ruling = self._router.apply(facts, explain=True)
        kept_s = call.waiting(now)["known_agent_s"]
        objections: list[dict[str, Any]] = []
        filled = _as_request(call, params.to)
        queue, _none = self._explain_party(filled, facts, now, objections, kept_s)
        agent = self._outside(call.agent)
        view = explained("call", facts, call.ruling, now) | {
            "route": route.name,
            "request": requested(filled, call.ruling),
            "admission": None,
            "trunks": [],
            "queue": queue,
            "agent": agent,
        }
        return view | verdict_of(objections, None, now, queue, agent)

    def _no_route(self, params: RouteQuery, history: CallerHistory, now: float) -> dict[str, Any]:
        """A call that no inbound route accepts: it is refused before any rule is looked at."""
        trunk, dialled = params.from_trunk or "", params.dialled or ""
        number = self._admission.number(params.to)
        shown = {"caller": number.e164 if number else params.to, "dialled": dialled}
        facts = self._router.call_facts(
            params.to,
            dialled=dialled,
            trunk=trunk,
            queue=None,
            context={**shown, **(params.context or {})},
            now=now,
            history=history,
        )
        refused = EngineError("refused", f"no inbound route takes {dialled} by {trunk}: 404")
        objections = [objection("route", refused)]
        view = explained("call", facts, Ruling(), now) | {
            "route": None,
            "request": requested(CallbackRequest(to=params.to), Ruling()),
            "admission": None,
            "trunks": [],
            "queue": None,
            "agent": None,
        }
        return view | verdict_of(objections, None, now, None, None)

    # -- who would take it, and by what it would be carried ---------------------------------

    def _explain_party(
        self,
        params: CallbackRequest,
        facts: Facts,
        now: float,
        objections: list[dict[str, Any]],
        kept_s: float | None = None,
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The queue that it would wait in, or the agent who is named."""
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
            matcher = self._queues.matcher
            try:
                check_queue(matcher.queues, params.queue, now)
            except EngineError as error:
                objections.append(objection("queue", error))
                if error.kind == "refused":
                    return None, None
            view = matcher.queues.named(params.queue).view(now)
            return view | {"agents": could_take(matcher, self._agents, waiting, now)}, None
        if params.agent is None:
            if not objections:
                reason = "neither the request nor a rule says which agent or queue"
                objections.append({"step": "party", "kind": "params", "reason": reason})
            return None, None
        known = self._agents.get(params.agent)
        if known is not None:
            could = known.state == "available"
            return None, {
                "agent": known.name,
                "state": known.state,
                "could": could,
                "why_not": None if could else known.state.replace("_", " "),
                "addresses": [address.uri for address in known.addresses],
            }
        trunks = self._explain_trunks(params.agent, params.trunk, "agent", objections)
        return None, {"agent": params.agent, "state": None, "could": True, "trunks": trunks}

    def _outside(self, number: str | None) -> dict[str, Any] | None:
        """The outside number that a call would go to before it enters its queue."""
        if number is None or self._dialplan.is_agent(number):
            return None
        against: list[dict[str, Any]] = []
        trunks = self._explain_trunks(number, None, "agent", against)
        return {"agent": number, "state": None, "could": not against, "trunks": trunks}

    def _explain_trunks(
        self, text: str, trunk: str | None, field: str, objections: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The trunks that would carry it, in the order in which they are tried."""
        plan, trunks = self._dialplan, self._trunks
        try:
            plan.destination(text, field=field, trunk=trunk)
        except EngineError as error:
            objections.append(objection("trunks", error))
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


def _as_request(call: InboundCallInfo, caller: str) -> CallbackRequest:
    """How a call that comes in waits, in the members of a request."""
    return CallbackRequest(
        to=caller,
        queue=call.queue,
        priority=call.priority,
        skills=call.skills or None,
        record=call.is_recorded,
        caller_id=call.ruling.caller_id,
        script=call.ruling.script,
        known_agent=call.known_agent,
        centre=call.ruling.centre,
    )
