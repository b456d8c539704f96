"""The interpreter of one script: actions out, answers in. It knows no leg, no socket and no clock.

Each kind of step is a generator that yields what it asks for, is sent the answer, and returns the
step that follows.
"""

import hmac
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from config.scripts import Script, Step, StepKind
from config.sounds import FILE

from .actions import (
    Action,
    Answer,
    Ask,
    CallBack,
    Connect,
    EndWord,
    Entered,
    Failed,
    FindSlots,
    HangUp,
    Keys,
    Rate,
    Record,
    Say,
    Slots,
    Spoken,
    Transfer,
)

PATH_KEPT: Final = 100
"""How many of the steps that were entered are kept."""

_Run = Generator[Action, Answer, "str | HangUp | Connect"]
_Asking = Generator[Action, Answer, "Keys | Spoken | str | HangUp"]


class Facts(Protocol):
    """What a script asks of the engine, and is answered at once."""

    def fill(self, template: str, context: Mapping[str, Any]) -> str:
        """The template with its fields filled in from the context."""

    def is_open(self, calendar: str) -> bool:
        """Whether the calendar is open now."""


class ScriptMachine:
    """One walk through `script` from `now` on, in seconds of any clock.

    `context` is that of the call: it grows by what is set and gathered, but for what is secret.
    `path` has the names of the steps that were entered, the first PATH_KEPT of them.
    """

    def __init__(
        self, script: Script, facts: Facts, context: Mapping[str, Any], *, now: float
    ) -> None:
        self.script = script
        self.context = dict(context)
        self.learnt: dict[str, Any] = {}
        """What the context did not have before."""
        self.path: list[str] = []
        self.steps = 0
        self.ended: EndWord | None = None
        self.cause = ""
        self._facts = facts
        self._began = self._now = now
        self._secrets: dict[str, str] = {}
        self._gathered: set[str] = set()
        self._tries: dict[str, int] = {}
        self._entered: list[Entered] = []
        self._walk = self._run()
        self._kinds: dict[StepKind, Callable[[Step], _Run]] = {
            "say": self._say,
            "menu": self._menu,
            "gather": self._gather,
            "check": self._check,
            "set": self._set,
            "branch": self._branch,
            "transfer": self._transfer,
            "callback": self._callback,
            "voicemail": self._voicemail,
            "rating": self._rating,
            "connect": self._connect,
            "hangup": self._hangup,
        }

    # -- from outside -------------------------------------------------------------------------

    def begin(self) -> Action:
        """The first action."""
        return self._next(lambda: next(self._walk))

    def answer(self, answer: Answer, now: float) -> Action:
        """The action that follows, now that the last one is answered."""
        self._now = now
        if self.is_late(now):
            return self.late()
        return self._next(lambda: self._walk.send(answer))

    def is_late(self, now: float) -> bool:
        """Whether it has taken longer than it may."""
        return now - self._began >= self.script.max_s

    @property
    def left_s(self) -> float:
        """How long it may still take, at the time of the last answer."""
        return max(0.0, self._began + self.script.max_s - self._now)

    def late(self) -> HangUp:
        """End it, since it takes too long."""
        script = self.script
        return self.stop("max_s", f"script {script.name} took over {script.max_s:g} s")

    def stop(self, word: EndWord, cause: str) -> HangUp:
        """End it from outside."""
        self._walk.close()
        self.ended, self.cause = word, cause
        return HangUp(word, cause)

    def take_entered(self) -> list[Entered]:
        """The steps that were entered since the last time."""
        entered, self._entered = self._entered, []
        return entered

    def _next(self, go_on: Callable[[], Action]) -> Action:
        try:
            action = go_on()
        except StopIteration as end:
            action = end.value
        match action:
            case HangUp(word, cause):
                self.ended, self.cause = word, cause
            case Connect():
                self.ended, self.cause = "connect", ""
            case Transfer():
                self.ended, self.cause = "transfer", action.target
            case _:
                self.ended, self.cause = None, ""
        return action

    # -- the walk -----------------------------------------------------------------------------

    def _run(self) -> Generator[Action, Answer, HangUp | Connect]:
        name, script = self.script.first, self.script
        while True:
            if self.steps >= script.max_steps:
                return HangUp("max_steps", f"script {script.name} took over {self.steps} steps")
            step = script.step(name)
            self.steps += 1
            if len(self.path) < PATH_KEPT:
                self.path.append(name)
            self._entered.append(Entered(name, step.kind))
            following = yield from self._kinds[step.kind](step)
            if isinstance(following, HangUp | Connect):
                return following
            if not following:
                return HangUp("hangup", f"script {script.name} is over")
            name = following

    def _say(self, step: Step) -> _Run:
        yield Say(self._text(step.text))
        return step.next

    def _menu(self, step: Step) -> _Run:
        by_key = {key: target for keys, target in step.keys.items() for key in keys}
        by_word = {word.casefold(): target for word, target in step.words.items()}

        def target(answer: Keys | Spoken) -> str | None:
            if isinstance(answer, Spoken):
                return by_word.get(answer.word.casefold())
            return by_key.get(answer.digits)

        ask = self._ask(step, key_names="".join(by_key), words=tuple(step.words))
        given = yield from self._until(step, ask, lambda one: target(one) is not None)
        return target(given) or "" if isinstance(given, Keys | Spoken) else given

    def _gather(self, step: Step) -> _Run:
        ask = self._ask(
            step,
            min_digits=step.min_digits,
            max_digits=step.max_digits,
            terminator=step.terminator,
            secret=step.secret,
        )

        given = yield from self._until(step, ask, _has_digits)
        if not isinstance(given, Keys):
            return given if not isinstance(given, Spoken) else ""
        if step.secret:
            self._secrets[step.into] = given.digits
        else:
            self._learn(step.into, given.digits)
            self._gathered.add(step.into)
        return step.next

    def _check(self, step: Step) -> _Run:
        given = self._value(step.value)
        wanted = _written(self.context.get(step.against))
        is_right = bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
        yield from ()
        if is_right:
            self._tries.pop(step.name, None)
            return step.next
        self._tries[step.name] = self._tries.get(step.name, 0) + 1
        if self._tries[step.name] < step.tries:
            return step.again
        return step.failed or HangUp("failed", f"step {step.name}: wrong {step.tries} times")

    def _set(self, step: Step) -> _Run:
        for key, template in step.values.items():
            self._learn(key, self._facts.fill(template, self.context))
        yield from ()
        return step.next

    def _branch(self, step: Step) -> _Run:
        if step.calendar:
            case = "open" if self._facts.is_open(step.calendar) else "closed"
        else:
            case = self._value(step.on)
        yield from ()
        return step.cases.get(case, step.next)

    def _transfer(self, step: Step) -> _Run:
        if step.text:
            yield Say(self._text(step.text))
        answer = yield Transfer(
            queue=step.queue,
            agent=step.agent,
            number=step.number,
            stream=step.stream,
            fallback=step.fallback,
            max_wait_s=step.max_wait_s,
        )
        return step.failed or HangUp("failed", _reason(answer))

    def _callback(self, step: Step) -> _Run:
        number = self._value(step.number) if step.number else ""
        if step.number and not number:
            return step.failed or HangUp("failed", f"step {step.name}: no number was entered")
        at: float | None = None
        if step.slots:
            found = yield FindSlots(step.queue, number, step.slots, step.slot_s)
            if not isinstance(found, Slots) or not found.slots:
                return step.failed or HangUp("failed", self._refusal(step, found))
            times = {str(nth): one for nth, one in enumerate(found.slots, 1)}
            offered = (_offer(step, {**one.words, "key": key}) for key, one in times.items())
            ask = self._ask(step, offered=tuple(offered), key_names="".join(times))

            given = yield from self._until(step, ask, lambda one: _digits(one) in times)
            if not isinstance(given, Keys):
                return "" if isinstance(given, Spoken) else given
            at = times[given.digits].at
        elif step.text:
            yield Say(self._text(step.text))
        answer = yield CallBack(number, step.queue, at, 0.0 if at is None else step.slot_s)
        if isinstance(answer, Failed):
            return step.failed or HangUp("refused", self._refusal(step, answer))
        if step.done_text:
            yield Say(self._text(step.done_text))
        return step.next or HangUp("callback", "the party asked to be called back")

    def _voicemail(self, step: Step) -> _Run:
        yield Say(self._text(step.text))
        answer = yield Record(
            queue=step.queue,
            max_s=step.max_s,
            terminator=step.terminator,
            calls_back=step.callback,
        )
        if isinstance(answer, Failed):
            return step.next or HangUp("failed", answer.reason)
        return step.next or HangUp("voicemail", "the party has left a message")

    def _rating(self, step: Step) -> _Run:
        ratings = "123456789"[: step.most]

        ask = self._ask(step, key_names=ratings)
        given = yield from self._until(step, ask, lambda one: _digits(one) in tuple(ratings))
        if not isinstance(given, Keys):
            return "" if isinstance(given, Spoken) else given
        yield Rate(int(given.digits))
        return step.next

    def _connect(self, step: Step) -> _Run:
        if step.text:
            yield Say(self._text(step.text))
        return Connect()

    def _hangup(self, step: Step) -> _Run:
        if step.text:
            yield Say(self._text(step.text))
        return HangUp("hangup", step.cause or f"script {self.script.name} is over")

    # -- what several kinds share -------------------------------------------------------------

    def _ask(self, step: Step, offered: tuple[str, ...] = (), **wanted: Any) -> Ask:
        return Ask(
            texts=(self._text(step.text), *offered),
            first_digit_s=step.timeout_s,
            between_digits_s=step.between_s,
            barge_in=step.barge_in,
            spoken=step.spoken,
            **wanted,
        )

    def _until(self, step: Step, ask: Ask, fits: Callable[[Keys | Spoken], bool]) -> _Asking:
        """Ask until the answer fits, `tries` times at most. Else what follows, or the end."""
        was_silent = True
        for nth in range(step.tries):
            again = (self._text(step.again_text),) if nth and step.again_text else ()
            answer = yield replace(ask, texts=(*again, *ask.texts), is_again=nth > 0)
            assert isinstance(answer, Keys | Spoken)
            if fits(answer):
                return answer
            was_silent = isinstance(answer, Keys) and not answer.digits
        if was_silent:
            return step.no_input or HangUp("no_input", f"step {step.name}: no key was pressed")
        return step.no_match or HangUp("no_match", f"step {step.name}: no key that was offered")

    def _text(self, text: str) -> str:
        """The text with its fields filled in. Digits that were gathered are said one by one."""
        if text.startswith(FILE):
            return text
        said = {key: " ".join(str(self.context[key])) for key in self._gathered}
        return self._facts.fill(text, self.context | said)

    def _learn(self, key: str, value: str) -> None:
        self.context[key] = self.learnt[key] = value
        self._gathered.discard(key)

    def _refusal(self, step: Step, answer: Answer) -> str:
        """Why a callback is not made; not in the words of who refuses a number that is secret."""
        if step.number in self._secrets:
            return f"step {step.name}: the number that was entered may not be called"
        return _reason(answer)

    def _value(self, key: str) -> str:
        """What was gathered in secret, else what the context has."""
        return self._secrets.get(key) or _written(self.context.get(key))


def _written(value: Any) -> str:
    """A value of a context as it is compared; numbers and words are written as in JSON."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _digits(answer: Keys | Spoken) -> str:
    return answer.digits if isinstance(answer, Keys) else ""


def _has_digits(answer: Keys | Spoken) -> bool:
    return isinstance(answer, Keys) and bool(answer.digits) and not answer.is_too_few


def _reason(answer: Answer) -> str:
    return answer.reason if isinstance(answer, Failed) else "nothing is offered"


def _offer(step: Step, words: Mapping[str, str]) -> str:
    text = step.slot_text
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return text
