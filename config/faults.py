"""Every fault of a configuration at once, each with its line.

A validator stops at a section that is wrong, and what depends on it is not looked at. Here the keys
that are wrong are taken out of the data, one round after the other, until the rest is right.
"""

import copy
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import Fault
from .toml_lines import Location, line_at, lines_of

Model = TypeVar("Model", bound=BaseModel)

_MOST_ROUNDS = 100
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Drafted(Generic[Model]):
    """What of a configuration is right, and the faults of the rest.

    `places` has the place of each entry of a list in the file.
    """

    settings: Model
    faults: tuple[Fault, ...]
    places: Mapping[str, Sequence[int]]

    def as_written(self, fault: Fault) -> Fault:
        """A fault of the settings, with the key that it has in the file."""
        section, bracket, rest = fault.key.partition("[")
        if not bracket or section not in self.places:
            return fault
        index, _, rest = rest.partition("]")
        return Fault(f"{section}[{self.places[section][int(index)]}]{rest}", fault.reason)


def draft(model: type[Model], data: Mapping[str, Any]) -> "Drafted[Model]":
    """`model` of those parts of `data` that are right, and the faults of the others."""
    parts = _Parts(data)
    faults: list[Fault] = []
    for _ in range(_MOST_ROUNDS):
        try:
            made = model(**parts.data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        else:
            return Drafted(made, tuple(faults), parts.places)
        misspelt = {_location(one)[:-1] for one in found if one["type"] == "extra_forbidden"}
        for one in found:
            # A misspelt key is the cause of the missing one. What is left of a part that had a
            # fault lacks what was taken out of it.
            location = _location(one)
            is_of_table = bool(_inner_key(one))
            table = location if is_of_table else location[:-1]
            follows = table in misspelt and (is_of_table or one["type"] == "missing")
            if not follows and not parts.is_changed(location):
                faults.append(
                    Fault(_key(parts.as_written(location), one), _reason(one, location, model))
                )
        parts.take_out(found)
    return Drafted(model(), tuple(faults), {})


def placed(
    faults: Iterable[Fault], text: str, origins: Mapping[Location, str]
) -> tuple[Fault, ...]:
    """The faults with their lines in `text`, in that order. `origins` says which variable of the
    environment set which location: what is wrong there says so, and has no line."""
    found: list[Fault] = []
    lines: Mapping[Location, int] | None = None
    for fault in faults:
        location = location_of(fault.key)
        prefixes = (location[:length] for length in range(len(location), 0, -1))
        variable = next((origins[one] for one in prefixes if one in origins), None)
        if variable is not None:
            found.append(Fault(fault.key, f"{fault.reason} (set by {variable})"))
            continue
        lines = lines_of(text) if lines is None else lines
        found.append(Fault(fault.key, fault.reason, line_at(lines, location)))
    return tuple(sorted(found, key=lambda one: one.line or 0))


def location_of(key: str) -> Location:
    """The location that a key such as `queues[0].tiers[1].after_s` names."""
    return tuple(int(index) if index else name for name, index in _STEP.findall(key))


class _Parts:
    """The data, out of which more and more is taken."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = copy.deepcopy(dict(data))
        # Where the entries of each list stood before any was taken out.
        self.places = {
            name: list(range(len(part))) for name, part in data.items() if isinstance(part, list)
        }
        self._changed: set[Location] = set()

    def _part(self, location: Location) -> Location:
        """The part to which a location belongs: a section, or an entry of a list of tables."""
        return location[: 2 if location[0] in self.places else 1]

    def as_written(self, location: Location) -> Location:
        """The location in the data before anything was taken out."""
        match location:
            case (str(name), int(index), *rest) if name in self.places:
                return (name, self.places[name][index], *rest)
        return location

    def is_changed(self, location: Location) -> bool:
        """Whether something was taken out of the part to which the location belongs."""
        return self.as_written(self._part(location)) in self._changed

    def take_out(self, found: Sequence[ErrorDetails]) -> None:
        """Take out what these errors are about: a key, or the whole part where that is no help."""
        whole: set[Location] = set()
        for one in found:
            location = (*_location(one), *location_of(_inner_key(one)))
            part = self._part(location)
            self._changed.add(self.as_written(part))
            table, inner = self._at(part), location[len(part) :]
            if inner and isinstance(table, dict) and inner[0] in table:
                del table[inner[0]]
            else:
                whole.add(part)
        for part in sorted(whole, key=lambda one: one[1:], reverse=True):
            self._remove(part)

    def _at(self, part: Location) -> Any:
        found: Any = self.data
        for step in part:
            is_index = isinstance(found, list) and isinstance(step, int)
            found = found[step] if is_index else found.get(step)
        return found

    def _remove(self, part: Location) -> None:
        match part:
            case (str(name), int(index)):
                del self.data[name][index]
                del self.places[name][index]
            case (str(name),):
                self.data.pop(name, None)
                self.places.pop(name, None)


def _location(found: ErrorDetails) -> Location:
    # The parts of a union and "[key]" of a dictionary are not keys of the file.
    return tuple(part for part in found["loc"] if part not in ("str", "int", "[key]"))


def _inner_key(found: ErrorDetails) -> str:
    """The key inside the table, of an error about a table as a whole."""
    return str(found.get("ctx", {}).get("key", ""))


def _key(location: Location, found: ErrorDetails) -> str:
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    extra = _inner_key(found)
    return f"{key}.{extra}".strip(".") if extra else key.strip(".")


def _reason(found: ErrorDetails, location: Location, model: Any) -> str:
    if found["type"] == "extra_forbidden":
        return "unknown key" + _suggestion(location, model)
    if found["type"] == "missing":
        return "missing"
    reason = found["msg"].removeprefix("Value error, ")
    return reason.replace("Input should be", "must be")


def _suggestion(location: Location, model: Any) -> str:
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if part not in getattr(model, "model_fields", {}):
            return ""
        model = model.model_fields[part].annotation
        if not isinstance(model, type):
            model = model.__args__[0]
    fields = getattr(model, "model_fields", {})
    names = [field.alias or name for name, field in fields.items()]
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
