"""What is wrong with scripts: steps that are not there, that none leads to, that go in circles."""

import difflib
import re
from collections.abc import Iterator, Mapping

from ..all_sections import AllSections
from ..errors import Fault
from ..recognition import Recognition
from ..scripts import Script, Step
from .known import Known

_FIELD = re.compile(r"\{context\.([^{}]+)\}")


def script_faults(settings: AllSections, known: Known) -> Iterator[Fault]:
    """Every fault of every script, and of what names one."""
    for index, script in enumerate(settings.scripts):
        at = f"scripts[{index}]"
        yield from _steps(script, at)
        yield from _secrets(script, at)
        yield from _speech(script, at, settings.recognition)
        for number, step in enumerate(script.steps):
            key = f"{at}.steps[{number}]"
            yield from known.missing(f"{key}.queue", "queues", [step.queue])
            yield from known.missing(f"{key}.agent", "agents", [step.agent])
            yield from known.missing(f"{key}.calendar", "calendars", [step.calendar])
            yield from known.missing(f"{key}.fallback.queue", "queues", [step.fallback.queue])
            yield from known.missing(f"{key}.fallback.agent", "agents", [step.fallback.agent])
    for index, queue in enumerate(settings.queues):
        at = f"queues[{index}]"
        yield from known.missing(f"{at}.script", "scripts", [queue.script])
        yield from known.missing(f"{at}.after_script", "scripts", [queue.after_script])
    scripts = {one.name: one for one in settings.scripts}
    for index, route in enumerate(settings.inbound):
        at = f"inbound[{index}]"
        yield from known.missing(f"{at}.script", "scripts", [route.script])
        yield from known.missing(f"{at}.after_script", "scripts", [route.after_script])
        if route.script in scripts and not route.queue and _needs_queue(scripts[route.script]):
            reason = f"needed: the script {route.script!r} leads callers to it"
            yield Fault(f"{at}.queue", reason)


def _steps(script: Script, at: str) -> Iterator[Fault]:
    by_name: dict[str, Step] = {}
    for number, step in enumerate(script.steps):
        if step.name in by_name:
            yield Fault(f"{at}.steps[{number}].name", f"the step {step.name!r} stands twice")
        by_name.setdefault(step.name, step)
    if script.first not in by_name:
        yield Fault(f"{at}.start", _no_step(script.first, by_name))
        return
    for number, step in enumerate(script.steps):
        for key, target in step.follows:
            if target not in by_name:
                yield Fault(f"{at}.steps[{number}].{key}", _no_step(target, by_name))
    reached = _reached(script.first, by_name)
    for number, step in enumerate(script.steps):
        if step.name not in reached:
            yield Fault(f"{at}.steps[{number}].name", f"no step leads to {step.name!r}")
    numbers = {step.name: number for number, step in reversed(list(enumerate(script.steps)))}
    for circle in _circles(by_name):
        way = " → ".join((*circle, circle[0]))
        reason = f"goes in a circle without waiting for a key: {way}"
        first, following = circle[0], circle[1 % len(circle)]
        key = next(key for key, target in by_name[first].follows if target == following)
        yield Fault(f"{at}.steps[{numbers[first]}].{key}", reason)


def _no_step(name: str, steps: Mapping[str, Step]) -> str:
    close = difflib.get_close_matches(name, steps, n=1)
    return f"there is no step named {name!r}" + (f"; did you mean {close[0]}?" if close else "")


def _reached(first: str, steps: Mapping[str, Step]) -> set[str]:
    """The steps that can be come to."""
    found: set[str] = set()
    ahead = [first]
    while ahead:
        name = ahead.pop()
        if name in steps and name not in found:
            found.add(name)
            ahead += [target for _key, target in steps[name].follows]
    return found


def _circles(steps: Mapping[str, Step]) -> Iterator[list[str]]:
    """The circles of steps none of which waits for the party, each once."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> Iterator[list[str]]:
        step = steps.get(name)
        if step is None or step.waits_for_party:
            return
        if name in way:
            yield way[way.index(name) :]
            return
        if name in done:
            return
        for _key, target in step.follows:
            yield from walk(target, [*way, name])
        done.add(name)

    for name in steps:
        yield from walk(name, [])


def _secrets(script: Script, at: str) -> Iterator[Fault]:
    """What is gathered in secret is neither said nor set."""
    secret = {step.into for step in script.steps if step.secret}
    for number, step in enumerate(script.steps):
        texts = [*step.said(), *((f"values.{key}", text) for key, text in step.values.items())]
        for key, text in texts:
            for field in _FIELD.findall(text):
                if field in secret:
                    reason = f"{{context.{field}}} is gathered in secret: it is not said or kept"
                    yield Fault(f"{at}.steps[{number}].{key}", reason)


def _speech(script: Script, at: str, recognition: Recognition) -> Iterator[Fault]:
    """Words need a recogniser that understands the language of the script."""
    language = script.language or recognition.language
    for number, step in enumerate(script.steps):
        key = f"{at}.steps[{number}].{step.listens}"
        if step.listens and not recognition.engine:
            yield Fault(key, "needs recognition.engine: nothing that is said is understood")
        elif step.listens and recognition.engine == "pocketsphinx" and language[:2] != "en":
            yield Fault(key, f"pocketsphinx understands English alone, and this is {language!r}")


def _needs_queue(script: Script) -> bool:
    """Whether a step leads to the queue of the call."""
    return any(
        step.kind == "connect"
        or (step.kind == "callback" and not step.queue)
        or (step.callback and not step.queue)
        for step in script.steps
    )
