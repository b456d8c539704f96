"""What a request must pass to be accepted, check by check.

The intake stops at the first objection; `route.explain` makes the same checks and shows each.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from config.reporting import Notify
from config.urls import host_and_port

from ..calls.services import CallServices
from ..errors import BadParams, EngineError
from ..request import CallbackRequest
from ..routing.admission import Admission, AdmissionQuery, Admitted
from ..routing.numbers.phone_number import check_region
from ..routing.numbers.reading import ReadingView, is_uri
from ..routing.trunk_states import NoTrunkUsable, TrunksFull
from .open_times import OpenTimes
from .slot_bookings import SlotBookings

Step = Literal[
    "party", "agent", "trunks", "caller_id", "known_agent", "centre", "notify_url", "deadline",
    "slot", "scripts",
]  # fmt: skip
Request = TypeVar("Request", bound=CallbackRequest)
Check = tuple[Step, Callable[[], object]]


class RequestCheck:
    """The checks of requests, once the rules have completed them."""

    def __init__(
        self,
        services: CallServices,
        admission: Admission,
        notify: Notify,
        bookings: SlotBookings,
    ) -> None:
        self._services = services
        self._admission = admission
        self._bookings = bookings
        self.open_times = OpenTimes(services.queues, admission)
        self.apply_settings(notify)

    def apply_settings(self, notify: Notify) -> None:
        """Accept the URLs of requests by these settings from now on."""
        self._notify = notify

    def read_numbers(self, params: Request) -> Request:
        """The request with its numbers in full, where it says what they are or where from.

        Raises EngineError `refused` for a text that is no number where it has to be one.
        """
        if params.to_kind != "number" and params.region is None:
            return params
        dialplan, region = self._services.dialplan, params.region
        if region is not None:
            check_region(region)

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

    def reading(self, to: str, region: str | None = None) -> ReadingView | None:
        """What the party is read as; None where it is nothing that is dialled."""
        try:
            return self._services.dialplan.classify(to, region=region).view()
        except EngineError:
            return None

    def checks(self, params: CallbackRequest, now: float) -> list[Check]:
        """The checks before the policies are asked, in their order.

        Each raises EngineError or BadParams where it objects.
        """
        destination = self._services.dialplan.destination

        def customer(text: str, field: str) -> None:
            try:
                destination(text, field=field, trunk=params.trunk)
            except NoTrunkUsable:  # while its trunk is down a callback waits
                return

        def agent() -> None:
            if params.agent is None:
                return
            try:
                destination(params.agent, field="agent", trunk=params.trunk)
            except TrunksFull:  # it waits for a line
                return

        def numbers() -> None:
            for number in params.numbers or ():
                customer(number, "numbers")

        return [
            ("party", params.require_party),
            ("agent", agent),
            ("trunks", lambda: customer(params.to, "to")),
            ("trunks", numbers),
            ("caller_id", lambda: self._caller_id(params.caller_id)),
            ("known_agent", lambda: self._known_agent(params.known_agent)),
            ("centre", lambda: self._centre(params.centre)),
            ("notify_url", lambda: self._notify_url(params.notify_url)),
            ("deadline", lambda: self._deadline(params.deadline, now)),
            ("slot", lambda: self._bookings.check(params)),
            ("scripts", lambda: self._scripts(params)),
        ]

    def admit(self, params: CallbackRequest, now: float) -> Admitted:
        """Whether the policies admit it, and for when. Raises EngineError `refused`."""
        return self._admission.check(AdmissionQuery.of(params), now)

    def without_number(self, params: CallbackRequest, now: float) -> float | None:
        """When a number of this place would be called; None: at once.

        Raises EngineError for a time, a queue or a limit with which any number would be refused.
        """
        number = self._services.dialplan.classify(params.to, region=params.region).number
        if number is None or (params.queue is None and params.agent is None):
            return params.not_before
        self._deadline(params.deadline, now)
        self._bookings.check(params)
        query = AdmissionQuery.of(params)
        self._admission.check_visitor(number, query.visitor_of)
        not_before, scheduled = self._admission.when(number, query, now)
        self._admission.check_others(number, query, now)
        admitted = Admitted(called=number.e164, not_before=not_before, scheduled=scheduled)
        return self.place(params, admitted, now).not_before

    def place(self, params: CallbackRequest, admitted: Admitted, now: float) -> Admitted:
        """What is admitted, at a time at which its queue is open, and accepts one more, or at
        which its agent has hours.

        A callback that is for later is accepted however many wait now. Raises EngineError: there
        is no such queue, it is full, or closed whenever the callback could be made, or in the slot
        that it is for (`opens_at`).
        """
        placed = self._in_hours(params, admitted, now)
        if params.slot is not None and not params.slot.holds(placed.not_before):
            # Moved to another slot it would be one too many there.
            data = {"policy": "hours", "opens_at": placed.not_before}
            raise EngineError("refused", f"not in the slot: {placed.scheduled}", "slot", data)
        return placed

    def _in_hours(self, params: CallbackRequest, admitted: Admitted, now: float) -> Admitted:
        if params.queue is None and self._services.queues.agent_hours(params.agent) is None:
            return admitted
        queues = self._services.queues.matcher.queues
        if params.queue is not None:
            queues.require(params.queue)
        admitted = self.open_times.admit(
            admitted,
            params.queue,
            params.agent,
            not_before=params.not_before,
            deadline=params.deadline,
            now=now,
        )
        if params.queue is not None and (admitted.not_before or 0.0) <= now:
            queues.check(params.queue, now, taken=params.queue_taken or 0)
        return admitted

    def _scripts(self, params: CallbackRequest) -> None:
        for field in ("customer_script", "agent_script", "after_script"):
            name = getattr(params, field)
            if name is not None:
                self._services.scripts.named(name, field)

    def _caller_id(self, text: str | None) -> None:
        if text is not None:
            self._services.dialplan.check_caller_id(text, field="caller_id")

    def _known_agent(self, name: str | None) -> None:
        if name is not None and name not in self._services.agents:
            raise EngineError("refused", f"there is no agent named {name!r}", field="known_agent")

    def _centre(self, name: str | None) -> None:
        if name is not None and name not in self._services.queues.matcher.queues.centres:
            raise EngineError("refused", f"there is no centre named {name!r}", field="centre")

    def _notify_url(self, url: str | None) -> None:
        if url is None:
            return
        found = host_and_port(url)
        if found is None:
            raise BadParams("notify_url", "must be an http: or https: URL that can be posted to")
        if not self._notify.permits(url):
            host, port = found
            reason = f"host {host} with port {port} is not among notify.hosts"
            raise EngineError("refused", reason, field="notify_url")

    def _deadline(self, deadline: float | None, now: float) -> None:
        if deadline is not None and deadline <= now:
            raise EngineError("refused", "the deadline has already passed", field="deadline")
