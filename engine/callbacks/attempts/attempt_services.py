"""What attempts use besides the services of every call."""

from dataclasses import dataclass
from typing import Self

from ...calls.call_flow import CustomerHistory
from ...calls.services import CallServices
from ...routing.admission import Admission
from ..open_jobs import OpenJobs
from ..scripting.script_callbacks import ScriptCallbacks
from ..slot_bookings import SlotBookings


@dataclass(frozen=True, slots=True)
class AttemptServices:
    """`admission` says who may be called, `history` what is known of them.

    `bookings` are the callbacks for later, `script_callbacks` the times and numbers that scripts
    offer, or are given.
    """

    admission: Admission
    history: CustomerHistory
    bookings: SlotBookings
    script_callbacks: ScriptCallbacks

    @classmethod
    def of(
        cls,
        services: CallServices,
        admission: Admission,
        history: CustomerHistory,
        open_jobs: OpenJobs,
    ) -> Self:
        """What the attempts of one engine use."""
        bookings = SlotBookings(open_jobs, services.queues)
        callbacks = ScriptCallbacks(
            services.queues, admission, services.dialplan, services.scripts, bookings
        )
        return cls(admission, history, bookings, callbacks)
