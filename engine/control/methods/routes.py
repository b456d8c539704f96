"""The method route.explain: what would become of a request or a call, and why.

It asks the functions that act on a real one: the rules, the checks of the intake, the policies, the
inbound routes and the queues. Nothing is dialled, nobody is offered anything, nothing is counted.
"""

import time
from typing import Any, cast

from ...callbacks.intake import Intake
from ...errors import BadParams, EngineError
from ...inbound.call_info import InboundCallInfo
from ...inbound.caller.caller_id import CallingParty
from ...inbound.inbound import Inbound
from ...request import CallbackRequest, Identifier, Target, UnixTime
from ...routing.admission import Admission, Admitted
from ...routing.conditions import CallerHistory
from ...routing.router import Router
from ...routing.rules import Ruling
from ...stir.verdict import Attestation
from ..connections.peer import Peer
from ..method import Method
from ..route_view import Explanation, Objections, PartyView, explained, requested, verdict_of


class RouteQuery(CallbackRequest):
    """route.explain: a request as callback.request takes it, at `at` (None: now).

    With `from_trunk` and `dialled` it is a call that comes in, and `to` is who calls.
    """

    at: UnixTime | None = None
    from_trunk: Identifier | None = None
    dialled: Target | None = None
    attestation: Attestation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.from_trunk is None) != (self.dialled is None):
            missing = "dialled" if self.dialled is None else "from_trunk"
            raise BadParams(missing, "a call that comes in has both from_trunk and dialled")


class RouteMethods:
    """What a client may ask of the routing."""

    def __init__(
        self,
        router: Router,
        admission: Admission,
        intake: Intake,
        inbound: Inbound,
        parties: PartyView,
    ) -> None:
        self._router = router
        self._admission = admission
        self._intake = intake
        self._inbound = inbound
        self._parties = parties

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {"route.explain": Method(RouteQuery, self._explain, is_costly=True)}

    async def _explain(self, params: RouteQuery, _peer: Peer) -> Explanation:
        now = params.at if params.at is not None else time.time()
        if params.from_trunk is not None:
            return self._call(params, await self._router.history(params.to), now)
        objections = Objections()
        with objections.of("engine"):
            self._intake.check_accepting()
        reading = self._intake.check.reading(params.to, params.region)
        with objections.of("numbers"):
            params = self._intake.check.read_numbers(params)
        await self._intake.inspect_whisper(params)
        history = await self._router.history(params.to)
        found = self._callback(params, history, objections, now)
        found["reading"] = reading
        return found

    # -- a callback -------------------------------------------------------------------------

    def _callback(
        self, params: RouteQuery, history: CallerHistory, objections: Objections, now: float
    ) -> Explanation:
        check = self._intake.check
        facts = self._router.facts(params, history, now)
        filled, ruling = self._router.route(params, history, now, explain=True)
        admitted, admission = self._explain_admission(filled, now, objections)
        for step, holds in check.checks(filled, now):
            with objections.of(step):
                holds()
        joined = self._intake.joined_by(filled, admission["called"])
        if joined is None:
            with objections.of("whisper"):
                self._intake.check_whisper(filled, ruling)
            with objections.of("queue"):
                admitted = check.place(filled, admitted, now)
        queue = self._parties.queue(filled, facts, now)
        agent = self._parties.agent(filled, facts, now)
        trunks = self._parties.trunks(filled.to, filled.trunk)
        is_down = bool(trunks) and not any(trunk["usable"] for trunk in trunks)
        view = explained("callback", facts, ruling, now) | {
            "request": requested(filled, ruling),
            "admission": admission,
            "not_before": admitted.not_before,
            "scheduled": admitted.scheduled,
            "joins": None if joined is None else joined.id,
            "trunks": trunks,
            "queue": queue,
            "agent": agent,
        }
        verdict = verdict_of(
            objections.found, admitted.not_before, now, queue, agent, is_trunk_down=is_down
        )
        return cast(Explanation, view | verdict)

    def _explain_admission(
        self, params: RouteQuery, now: float, objections: Objections
    ) -> tuple[Admitted, dict[str, Any]]:
        """What the policies admit, and what they say."""
        admission = self._admission
        number = admission.number(params.to)
        view: dict[str, Any] = {
            "called": number and number.e164,
            "region": number and number.region,
            "line_type": number and number.line_type,
            "zones": number.zones if number else [],
            "cost_estimate": number and admission.rates.estimate(number.e164),
        }
        try:
            admitted = self._intake.check.admit(params, now)
        except EngineError as error:
            objections.add_objection("admission", error)
            rest = {"allowed": False, "policy": error.data.get("policy"), "reason": error.message}
            return Admitted(not_before=params.not_before), view | rest | {"not_before": None}
        policy = "hours" if admitted.scheduled else None
        rest = {"allowed": True, "policy": policy, "reason": admitted.scheduled}
        return admitted, view | rest | {"not_before": admitted.not_before}

    # -- a call that comes in ---------------------------------------------------------------

    def _call(self, params: RouteQuery, history: CallerHistory, now: float) -> Explanation:
        trunk, dialled = params.from_trunk or "", params.dialled or ""
        self._parties.require_trunk(trunk)
        route = self._inbound.route(dialled, trunk)
        refusal = self._inbound.refusal(route)
        if route is None or refusal is not None:
            return self._without_queue(params, history, now, refusal)
        if route.handler == "client":  # no rule is asked: a client says what becomes of it
            return self._without_queue(params, history, now, None, route.name)
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
            attestation=params.attestation or "none",
        )
        call.ruling = self._router.apply(facts, explain=True)
        kept_s = call.waiting(now)["known_agent_s"]
        objections = Objections()
        filled = _as_request(call, params.to)
        with objections.of("queue"):
            self._inbound.check_queue(call.queue, facts.number, now)
        queue = self._parties.queue(filled, facts, now, kept_s)
        agent = self._parties.outside(call.agent)
        view = explained("call", facts, call.ruling, now) | {
            "route": route.name,
            "request": requested(filled, call.ruling),
            "admission": None,
            "not_before": None,
            "scheduled": None,
            "trunks": [],
            "queue": queue,
            "agent": agent,
        }
        return cast(Explanation, view | verdict_of(objections.found, None, now, queue, agent))

    def _without_queue(
        self,
        params: RouteQuery,
        history: CallerHistory,
        now: float,
        refusal: tuple[int, str] | None,
        route: str | None = None,
    ) -> Explanation:
        """A call that is refused, or handed to a client, before any rule is looked at."""
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
            attestation=params.attestation or "none",
        )
        objections = Objections()
        if refusal is not None:
            status, reason = refusal
            objections.add_objection("route", EngineError("refused", f"{reason}: {status}"))
        view = explained("call", facts, Ruling(), now) | {
            "route": route,
            "request": requested(CallbackRequest(to=params.to), Ruling()),
            "admission": None,
            "not_before": None,
            "scheduled": None,
            "trunks": [],
            "queue": None,
            "agent": None,
        }
        return cast(Explanation, view | verdict_of(objections.found, None, now, None, None))


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
