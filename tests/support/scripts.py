"""Scripts as tests write them, and a walk through one by the machine alone."""

from collections.abc import Mapping
from typing import Any

from config.scripts import Script, Step
from engine.calls.scripting.scripts import CallFacts, Scripts
from engine.scripts.actions import Action, Answer, Keys
from engine.scripts.machine import ScriptMachine


def step(name: str, kind: str, **more: Any) -> Step:
    """A step, with a text where its kind needs one."""
    if kind in ("say", "menu", "gather", "voicemail", "rating"):
        more.setdefault("text", f"{name}?")
    return Step(name=name, kind=kind, **more)  # type: ignore[arg-type]


def script(*steps: Step, **more: Any) -> Script:
    """A script of these steps."""
    return Script(name=more.pop("name", "test"), steps=list(steps), **more)


class Walk:
    """A walk at the time `now`, which tests move. `action` is what the machine asks for now."""

    def __init__(
        self,
        walked: Script,
        context: Mapping[str, Any] | None = None,
        scripts: Scripts | None = None,
    ) -> None:
        self.now = 0.0
        facts = CallFacts(scripts or Scripts(), "call-1", "+442079461111", lambda: self.now)
        self.machine = ScriptMachine(walked, facts, context or {}, now=self.now)
        self.action: Action = self.machine.begin()

    def give(self, answer: Answer) -> Action:
        """Answer what it asks for."""
        self.action = self.machine.answer(answer, self.now)
        return self.action

    def press(self, *keys: str) -> Action:
        """Press these keys, "" for none, one answer after the other."""
        for digits in keys:
            self.give(Keys(digits))
        return self.action
