"""A script as a Mermaid flowchart."""

from collections.abc import Iterator
from typing import Final

from config.scripts import Script, Step, StepKind
from config.streams import shown_url

# How each kind is drawn: around its label.
_SHAPES: Final[dict[StepKind, tuple[str, str]]] = {
    "menu": ("{{", "}}"),
    "gather": ("{{", "}}"),
    "rating": ("{{", "}}"),
    "check": ("{", "}"),
    "branch": ("{", "}"),
    "connect": ("([", "])"),
    "transfer": ("([", "])"),
    "hangup": ("([", "])"),
}
_LABEL_LENGTH: Final = 40
# What may come of each kind; where no step is named for it, the party is hung up.
_WAYS: Final[dict[StepKind, tuple[str, ...]]] = {
    "say": ("next",),
    "menu": ("no_input", "no_match"),
    "gather": ("next", "no_input", "no_match"),
    "check": ("next", "failed"),
    "set": ("next",),
    "branch": ("next",),
    "transfer": ("failed",),
    "callback": ("next", "failed"),
    "voicemail": ("next",),
    "rating": ("next", "no_input", "no_match"),
}


def diagram(script: Script) -> str:
    """The flowchart, as text that Mermaid reads."""
    return "\n".join(["flowchart TD", *_lines(script)]) + "\n"


def _lines(script: Script) -> Iterator[str]:
    ids = {step.name: f"s{number}" for number, step in enumerate(script.steps)}
    yield f'    begin(["{_quoted(script.name)}"]) --> {ids[script.first]}'
    has_end = False
    for step in script.steps:
        opening, closing = _SHAPES.get(step.kind, ("[", "]"))
        label = f"{step.name}<br/>{step.kind}: {_quoted(_about(step))}".removesuffix(": ")
        yield f'    {ids[step.name]}{opening}"{label}"{closing}'
        for key, target in step.follows:
            yield f'    {ids[step.name]} -->|"{_quoted(_arrow(key))}"| {ids[target]}'
        ending = [way for way in _ways(step) if not getattr(step, way)]
        if ending:
            has_end = True
            yield f'    {ids[step.name]} -->|"{", ".join(map(_arrow, ending))}"| ended'
    if has_end:
        yield '    ended(["hang up"])'


def _ways(step: Step) -> tuple[str, ...]:
    if step.calendar and {"open", "closed"} <= step.cases.keys():
        return ()
    asks = ("no_input", "no_match") if step.kind == "callback" and step.slots else ()
    return _WAYS.get(step.kind, ()) + asks


def _about(step: Step) -> str:
    """What tells this step from others of its kind."""
    target = step.queue or step.agent or step.number or shown_url(step.stream)
    about = {
        "check": f"{step.value} = {step.against}",
        "set": ", ".join(step.values),
        "branch": step.on or step.calendar,
        "transfer": target,
        "gather": step.into,
        "hangup": step.cause or step.text,
    }.get(step.kind, step.text or target)
    return about if len(about) <= _LABEL_LENGTH else f"{about[: _LABEL_LENGTH - 1]}…"


def _arrow(key: str) -> str:
    table, dot, name = key.partition(".")
    return name if dot else table.replace("_", " ")


def _quoted(text: str) -> str:
    """A text that ends no label, and begins no element of HTML."""
    for sign, code in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, code)
    return text
