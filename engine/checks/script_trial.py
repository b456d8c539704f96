"""A walk through a script without a phone: what is said is written, what is pressed is read."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.scripts import Script
from config.settings import Settings

from ..calls.scripting.scripts import CallFacts, Scripts
from ..errors import EngineError
from ..scripts.actions import (
    Action,
    Answer,
    Ask,
    CallBack,
    Connect,
    Done,
    Failed,
    FindSlots,
    HangUp,
    Keys,
    Rate,
    Record,
    Say,
    Slot,
    Slots,
    Spoken,
    Transfer,
)
from ..scripts.machine import ScriptMachine
from ..scripts.slots import next_beginning, slot_of
from .configuration import dialplan_of

MOST_LOOKED_AT: Final = 500
_NO = ("n", "no")

Write = Callable[[str], None]
Read = Callable[[str], str]


class ScriptTrial:
    """Walks through `script` at the time `now`.

    `write` writes a line, and `read` returns one that answers a question, "" where there is none.
    Time goes by only while no key is pressed. With `refuses_callbacks` nobody may be called back.
    """

    def __init__(
        self,
        settings: Settings,
        script: Script,
        context: Mapping[str, Any],
        *,
        now: float,
        write: Write,
        read: Read,
        refuses_callbacks: bool = False,
    ) -> None:
        self._settings = settings
        self._refuses_callbacks = refuses_callbacks
        self._scripts = Scripts(settings.scripts, settings.calendars)
        self._dialplan = dialplan_of(settings)
        self._script = script
        self._now = now
        self._write = write
        self._read = read
        caller = str(context.get("caller", ""))
        facts = CallFacts(self._scripts, "call-trial", caller, lambda: self._now)
        self.machine = ScriptMachine(script, facts, context, now=now)

    def run(self) -> HangUp | Connect | Transfer:
        """Walk to the end."""
        action = self.machine.begin()
        while True:
            for entered in self.machine.take_entered():
                self._write(f"[{entered.step}] {entered.kind}")
            if isinstance(action, HangUp | Connect):
                self._tell_end(action)
                return action
            answer = self._answer(action)
            if isinstance(action, Transfer) and not isinstance(answer, Failed):
                self._tell_end(action)
                return action
            action = self.machine.answer(answer, self._now)

    def _tell_end(self, ending: HangUp | Connect | Transfer) -> None:
        match ending:
            case HangUp(word, cause):
                self._write(f"=> {word}: {cause}")
            case Connect():
                self._write("=> connect")
            case Transfer():
                self._write(f"=> transfer: {ending.target}")
        if self.machine.context:
            shown = ", ".join(f"{key} = {value}" for key, value in self.machine.context.items())
            self._write(f"   context: {shown}")
        self._write(f"   steps: {' '.join(self.machine.path)}")

    def _answer(self, action: Action) -> Answer:
        match action:
            case Say(text):
                self._write(f"    says: {text}")
            case Ask():
                return self._ask(action)
            case FindSlots():
                return self._slots(action)
            case CallBack():
                return self._call_back(action)
            case Rate(rating):
                self._write(f"    rating: {rating}")
            case Record():
                if not self._read("    message (empty: nothing is said)> "):
                    return Failed("nothing was said")
            case Transfer():
                if self._read(f"    {action.target} answers? [Y/n]> ").lower() in _NO:
                    return Failed(f"{action.target} does not answer")
        return Done()

    def _ask(self, ask: Ask) -> Answer:
        for text in ask.texts:
            self._write(f"    asks: {text}")
        wanted = f"one of {' '.join(ask.key_names)}" if ask.key_names else "digits"
        line = self._read(f"    {wanted} (empty: no key)> ").strip()
        if not line:
            self._now += ask.first_digit_s
            return Keys("")
        if not line.strip("0123456789*#"):
            return _keys(ask, line)
        return Spoken(line)

    def _slots(self, wanted: FindSlots) -> Answer:
        routes = self._settings.inbound
        own = next((one.queue for one in routes if one.script == self._script.name), "")
        name = wanted.queue or own
        queue = next((one for one in self._settings.queues if one.name == name), None)
        calendar = "" if queue is None else queue.calendar
        zone, found = self._scripts.zone(calendar), list[Slot]()
        at = next_beginning(self._now, wanted.slot_s, zone)
        for _ in range(MOST_LOOKED_AT):
            if len(found) == wanted.most:
                break
            last = at + wanted.slot_s - 1
            if not calendar or all(self._scripts.is_open(calendar, one) for one in (at, last)):
                language = self._script.language
                found.append(slot_of(at, wanted.slot_s, zone=zone, language=language))
            at = next_beginning(at + wanted.slot_s, wanted.slot_s, zone)
        return Slots(tuple(found))

    def _call_back(self, wanted: CallBack) -> Answer:
        if self._refuses_callbacks:
            self._write("    refused: nobody may be called back")
            return Failed("nobody may be called back")
        if wanted.number:
            try:
                number = self._dialplan.read_number(wanted.number, field="number")
            except EngineError as error:
                self._write(f"    refused: {error.message}")
                return Failed(error.message)
            self._write(f"    calls back: {number}")
        else:
            self._write("    calls back: the caller")
        return Done()


def _keys(ask: Ask, line: str) -> Keys:
    """What of the keys counts, as they would be gathered."""
    digits = ""
    for key in line:
        if key in ask.terminator:
            break
        digits += key
        if len(digits) == ask.max_digits:
            break
    return Keys(digits, is_too_few=len(digits) < ask.min_digits)
