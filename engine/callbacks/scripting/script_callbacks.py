"""Callbacks that a script asks for: at which times they may be, and for which number."""

from ...acd.queues import Queues
from ...calls.scripting.scripts import Scripts
from ...errors import EngineError
from ...request import CallbackRequest, SlotSpec
from ...routing.admission import Admission
from ...routing.dialplan import Dialplan
from ...routing.numbers.phone_number import CalledNumber
from ...scripts.actions import FindSlots, Slot, Slots
from ...scripts.slots import next_beginning, slot_of
from ..open_times import OpenTimes
from ..slot_bookings import SlotBookings

# The hours of a number and of a queue are looked through this far.
MOST_LOOKED_AT = 200


class ScriptCallbacks:
    """Finds the slots, and reads the numbers that callers key in."""

    def __init__(
        self,
        queues: Queues,
        admission: Admission,
        dialplan: Dialplan,
        scripts: Scripts,
        bookings: SlotBookings,
    ) -> None:
        self._queues = queues
        self._admission = admission
        self._dialplan = dialplan
        self._scripts = scripts
        self._bookings = bookings
        self._open_times = OpenTimes(queues, admission)

    def keyed_in(self, digits: str, *, field: str = "number") -> str:
        """The number in E.164. Raises EngineError `refused` where it may not be called.

        It has to be a number of the telephone network: never an extension, an agent or a service.
        """
        return self._dialplan.read_number(digits, field=field)

    def find(
        self, wanted: FindSlots, to: str, *, language: str, now: float, agent: str | None = None
    ) -> Slots:
        """The first times from the next beginning on, all of which are open to their ends.

        Without a queue they are in the hours of `agent`.
        """
        number = self._admission.number(to)
        hours = None if wanted.queue else self._queues.agent_hours(agent)
        calendar = self._queues.config_of(wanted.queue).calendar if hours is None else hours.name
        zone = self._scripts.zone(calendar)
        found: list[Slot] = []
        at = next_beginning(now, wanted.slot_s, zone)
        for _ in range(MOST_LOOKED_AT):
            opens = self._opens(number, wanted.queue, at, agent)
            if opens is None or len(found) == wanted.most:
                break
            if opens > at:
                at = next_beginning(opens, wanted.slot_s, zone)
                continue
            last = at + wanted.slot_s - 1
            is_open = self._opens(number, wanted.queue, last, agent) == last
            if is_open and self._has_room(wanted, at, agent):
                found.append(slot_of(at, wanted.slot_s, zone=zone, language=language))
            at = next_beginning(at + wanted.slot_s, wanted.slot_s, zone)
        return Slots(tuple(found))

    def _has_room(self, wanted: FindSlots, at: float, agent: str | None) -> bool:
        """Whether the slot that begins `at` has room for one more of the queue, or the agent."""
        try:
            self.check_room(wanted.queue, at, wanted.slot_s, agent)
        except EngineError:
            return False
        return True

    def check_room(self, queue: str, at: float, slot_s: float, agent: str | None) -> None:
        """Raise EngineError, reason `slot_full`, where the slot has no room for one more.

        It is a slot of the queue; where none is named, of the agent.
        """
        slot = SlotSpec(start=at, end=at + slot_s)
        asked = CallbackRequest(
            to="", queue=queue or None, agent=None if queue else agent, not_before=at, slot=slot
        )
        self._bookings.check(asked)

    def _opens(
        self, number: CalledNumber | None, queue: str, at: float, agent: str | None
    ) -> float | None:
        return self._open_times.first(number, queue or None, at, None if queue else agent).at


def check_may_key_in(number: str | None) -> str:
    """The caller's own number, by which what they key in is counted.

    Raises EngineError `refused` where it is withheld: nobody could be held to the limits.
    """
    if number is None:
        reason = "a caller whose number is withheld is called back at no other number"
        raise EngineError("refused", reason, field="number")
    return number
