"""Settings from the environment: `RINGBACK_<SECTION>__<KEY>`, laid over those of the file.

Entries of a list of tables are named by their `name` or their index from 0:
`RINGBACK_TRUNKS__PBX__PASSWORD`, `RINGBACK_ROUTES__0__PREFIX`. The values of keys that are not
text are written as JSON; lists may also be written with commas, truth as yes or no.
"""

import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from .errors import ConfigError

PREFIX = "RINGBACK_"
DELIMITER = "__"
# Files in this directory, named like the variables, are read as if they were variables.
SECRETS_DIR = "RINGBACK_SECRETS_DIR"

Location = tuple[str | int, ...]

_TRUTH = {"true": True, "yes": True, "on": True, "1": True}
_UNTRUTH = {"false": False, "no": False, "off": False, "0": False}


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Every variable that sets something. Those of the environment win over secret files."""
    found: dict[str, str] = {}
    directory = environ.get(SECRETS_DIR)
    if directory:
        try:
            for path in sorted(Path(directory).iterdir()):
                if path.name.startswith(PREFIX) and path.is_file():
                    found[path.name] = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(directory, SECRETS_DIR, str(error)) from error
    found.update((name, value) for name, value in environ.items() if name.startswith(PREFIX))
    return found


def overlay(
    data: dict[str, Any], model: type[BaseModel], environ: Mapping[str, str], file: str
) -> dict[Location, str]:
    """Lay the variables over `data` in place; gives which variable set which location.

    Raises ConfigError for a variable that names no section or no entry of a list.
    """
    origins: dict[Location, str] = {}
    found = variables(environ)
    # A whole section (JSON) before single keys of it.
    for name in sorted(found, key=lambda name: name.count(DELIMITER)):
        steps = name[len(PREFIX) :].lower().split(DELIMITER)
        if steps[0] not in model.model_fields:
            if len(steps) == 1:  # RINGBACK_HOME and the like are other programs' business
                continue
            raise ConfigError(file, ".".join(steps), f"no such section (set by {name})")
        location = _lay(data, model, steps, found[name], name, file)
        origins[location] = name
    return origins


def _lay(
    data: dict[str, Any], model: Any, steps: list[str], text: str, variable: str, file: str
) -> Location:
    location: list[str | int] = []
    place: Any = data
    annotation: Any = model
    for depth, step in enumerate(steps):
        last = depth == len(steps) - 1
        key: str | int = step
        if isinstance(place, list):
            key = _entry(place, step, variable, file, ".".join(steps[:depth]))
            annotation = _item_type(annotation)
        else:
            annotation = _field_type(annotation, step)
        location.append(key)
        if last:
            place[key] = _value(text, annotation)
        elif isinstance(place, dict) and not isinstance(place.get(key), dict | list):
            place[key] = [] if get_origin(_bare(annotation)) is list else {}
        place = place[key]
    return tuple(location)


def _entry(entries: list[Any], step: str, variable: str, file: str, key: str) -> int:
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            name = str(entry.get("name", "")).lower()
            if name and step in (name, name.replace("-", "_").replace(".", "_")):
                return index
    if step.isdigit() and int(step) < len(entries):
        return int(step)
    raise ConfigError(file, key, f"no entry {step!r} (set by {variable})")


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _field_type(annotation: Any, step: str) -> Any:
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
    return str


def _item_type(annotation: Any) -> Any:
    arguments = get_args(_bare(annotation))
    return arguments[0] if arguments else str


def _leaf_types(annotation: Any) -> Iterator[Any]:
    annotation = _bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _leaf_types(argument)
    else:
        yield get_origin(annotation) or annotation


def _value(text: str, annotation: Any) -> Any:
    kinds = set(_leaf_types(annotation))
    if kinds & {str, Path, SecretStr}:
        return text
    if bool in kinds:
        word = text.strip().lower()
        return _TRUTH.get(word, _UNTRUTH.get(word, text))
    try:
        return json.loads(text)
    except ValueError:
        if list in kinds:
            return [item.strip() for item in text.split(",") if item.strip()]
        return text
