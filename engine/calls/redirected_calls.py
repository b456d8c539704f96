"""Where a 3xx leads: whom a call may be redirected to, by the one dial policy, hours and limits.

Whoever redirects a call is permitted no more than whoever asks for one: each target is admitted and
counted as if a client had requested it. Agents are not, as in every call to them.
"""

from ..errors import EngineError
from ..routing.admission import Admission, AdmissionQuery
from ..routing.targets.destination import DialTarget
from .call import Call
from .services import CallServices


class RedirectedCalls:
    """The redirections of the legs of one call."""

    __slots__ = ("_admission", "_call", "_counted", "_services")

    def __init__(self, call: Call, services: CallServices, admission: Admission) -> None:
        self._call = call
        self._services = services
        self._admission = admission
        self._counted: list[str] = []

    def targets(self, uri: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
        """The targets that a redirection to `uri` leads to; `by_proxy`: that one, by this proxy.

        Raises EngineError where the dial policy, the hours of the number, or a limit refuses it.
        """
        plan = self._services.dialplan
        found = plan.redirected(uri, by_proxy)
        scheme, _, number = uri.partition(":")
        text = number if scheme.lower() == "tel" else uri
        if by_proxy is None and plan.agent_at(text) is None:
            self._admit(text)
        return found

    def _admit(self, text: str) -> None:
        now = self._services.clock.now()
        query = AdmissionQuery(to=text, site=self._call.site)
        admitted = self._admission.check_now(query, now)
        self._services.registry.check_not_on_the_line(admitted.called, but_for=self._call)
        counted = f"{self._call.id}/redirected-{len(self._counted) + 1}"
        self._admission.count(counted, admitted, now)
        self._counted.append(counted)

    def settle(self) -> None:
        """The call is over. What its legs cost counts with the call, where its end counts them."""
        if self._call.direction == "outbound":
            for counted in self._counted:
                self._admission.settle_call(counted, ())


def check_room(services: CallServices, *, beside: Call | None = None) -> None:
    """Raise EngineError `unavailable` where no call may be added: for the load, or `max_calls`.

    `beside`: a party is added to this call, which has its place already.
    """
    services.overload.check()
    calls, most = services.registry.calls, services.dial.max_calls
    others = len(calls) - (beside is not None and beside.id in calls)
    if others >= most:
        raise EngineError("unavailable", f"{most} calls are up", data={"reason": "max_calls"})
