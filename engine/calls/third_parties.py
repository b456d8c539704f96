"""Whoever joins a call that is up: whether they may be called, and what they cost.

The policies, hours and limits hold for them as for whomever a client calls. Agents are not counted,
as in every call to them.
"""

from ..errors import EngineError
from ..routing.admission import Admission, AdmissionQuery, Admitted
from ..routing.targets.destination import Destination
from .call import Call
from .call_legs import CallLegs
from .leg import Leg, Role
from .redirected_calls import check_room
from .services import CallServices


class ThirdParties:
    """The third parties of one call."""

    __slots__ = ("_admission", "_admitted", "_call", "_legs", "_services")

    def __init__(
        self, services: CallServices, call: Call, legs: CallLegs, admission: Admission
    ) -> None:
        self._services = services
        self._call = call
        self._legs = legs
        self._admission = admission
        # By their legs: the number that was admitted, where it is one.
        self._admitted: dict[Leg, str | None] = {}

    def admit(self, to: str, destination: Destination, role: Role) -> Leg:
        """The leg to a third party. Policies and limits are asked before it is called.

        Raises EngineError.
        """
        services = self._services
        check_room(services, beside=self._call)
        now = services.clock.now()
        admitted: Admitted | None = None
        if destination.stream is None and not services.dialplan.is_agent(to):
            query = AdmissionQuery(to=to, site=self._call.site)
            admitted = self._admission.check_now(query, now)
            services.registry.check_not_on_the_line(admitted.called, but_for=self._call)
        leg = self._legs.make(role, destination)
        if admitted is not None:
            self._admitted[leg] = admitted.called
            self._admission.count(leg.id, admitted, now)
        return leg

    def answered(self, leg: Leg) -> None:
        """The third party is on the line, and cannot be called there."""
        self._services.registry.occupy_line(self._call, self._admitted.get(leg))

    def settle(self) -> None:
        """The call is over: count what it has cost."""
        for leg in self._admitted:
            self._admission.settle_call(leg.id, [leg.record])


def check_not_busy(state: str, name: str) -> None:
    """Raise EngineError `unavailable` where an agent in this state has a call."""
    if state in ("reserved", "ringing", "talking"):
        raise EngineError("unavailable", f"agent {name} is {state}", field="agent")
