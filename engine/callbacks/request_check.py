"""What a request must pass to be accepted, check by check.

The intake stops at the first objection; `route.explain` makes the same checks and shows each.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeVar

import msgspec

from ..calls.services import CallServices
from ..errors import EngineError
from ..request import CallbackRequest
from ..routing.admission import Admission, AdmissionQuery, Admitted
from ..routing.dialplan import NoTrunkUsable
from ..routing.number_plan import is_uri

Step = Literal["party", "agent", "trunks", "known_agent", "centre", "deadline"]
Request = TypeVar("Request", bound=CallbackRequest)
Check = tuple[Step, Callable[[], object]]


class RequestCheck:
    """The checks of requests, once the rules have completed them."""

    def __init__(self, services: CallServices, admission: Admission) -> None:
        self._services = services
        self._admission = admission

    def read_numbers(self, params: Request) -> Request:
        """The request with its numbers in full, where it says what they are or where from.

        Raises EngineError `refused` for a text that is no number where it has to be one.
        """
        if params.to_kind != "number" and params.region is None:
            return params
        dialplan, region = self._services.dialplan, params.region

        def in_full(text: str, field: str) -> str:
            if params.to_kind == "number":
                return dialplan.read_number(text, field=field, region=region)
            reading = dialplan.read(text, field=field, region=region)
            return reading.digits if reading.kind == "number" and not is_uri(text) else text

        numbers = params.numbers
        return msgspec.structs.replace(
            params,
            to=in_full(params.to, "to"),
            numbers=None if numbers is None else [in_full(one, "numbers") for one in numbers],
        )

    def checks(self, params: CallbackRequest, now: float) -> list[Check]:
        """The checks before the policies are asked, in their order.

        Each raises EngineError or BadParams where it objects.
        """
        destination = self._services.dialplan.destination

        def customer(text: str, field: str) -> None:
            # While its trunk is down a callback waits.
            with suppress(NoTrunkUsable):
                destination(text, field=field, trunk=params.trunk)

        def agent() -> None:
            if params.agent is not None:
                destination(params.agent, field="agent", trunk=params.trunk)

        def numbers() -> None:
            for number in params.numbers or ():
                customer(number, "numbers")

        return [
            ("party", params.require_party),
            ("agent", agent),
            ("trunks", lambda: customer(params.to, "to")),
            ("trunks", numbers),
            ("known_agent", lambda: self._known_agent(params.known_agent)),
            ("centre", lambda: self._centre(params.centre)),
            ("deadline", lambda: self._deadline(params.deadline, now)),
        ]

    def admit(self, params: CallbackRequest, now: float) -> Admitted:
        """Whether the policies admit it, and for when. Raises EngineError `refused`."""
        return self._admission.check(AdmissionQuery.of(params), now)

    def queue(self, queue: str, now: float, not_before: float | None) -> None:
        """Check that a queue accepts one more callback. Raises EngineError.

        A closed queue that opens later accepts it for then. A callback that is to wait until
        `not_before` is accepted whatever the state of the queue is now.
        """
        try:
            self._services.queues.matcher.queues.check(queue, now)
        except EngineError as error:
            is_later = (not_before or 0.0) > now
            is_scheduled = bool(error.data.get("schedule")) and error.data.get("opens_at")
            if error.kind == "refused" or not (is_later or is_scheduled):
                raise

    def _known_agent(self, name: str | None) -> None:
        if name is not None and name not in self._services.agents:
            raise EngineError("refused", f"there is no agent named {name!r}", field="known_agent")

    def _centre(self, name: str | None) -> None:
        if name is not None and name not in self._services.queues.matcher.queues.centres:
            raise EngineError("refused", f"there is no centre named {name!r}", field="centre")

    def _deadline(self, deadline: float | None, now: float) -> None:
        if deadline is not None and deadline <= now:
            raise EngineError("refused", "the deadline has already passed", field="deadline")
