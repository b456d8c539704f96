"""The settings of one engine: the TOML file, the environment over it, all of it checked."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import PrivateAttr, ValidationError, model_validator

from . import environment
from .agent_capacity import with_capacity
from .agents import Agent
from .all_sections import AllSections
from .checks.known import Known
from .checks.settings_checks import faults_of
from .errors import ConfigError, Fault, wrong
from .faults import draft, placed
from .sections import Route, Trunk
from .toml_lines import Location, read_toml

__all__ = ["Agent", "ConfigError", "Route", "Settings", "Trunk", "Written", "load", "read"]


class Settings(AllSections):
    """Everything an administrator may set. Made by `load`; never changes."""

    _file: str = PrivateAttr("")

    @property
    def file(self) -> str:
        """The file these settings come from, as it was named."""
        return self._file

    def error(self, key: str, reason: str) -> ConfigError:
        """A ConfigError about `key`, for checks that only the running daemon can make."""
        return ConfigError(self._file, key, reason)

    @model_validator(mode="after")
    def _check_sections(self) -> "Settings":
        faults = list(faults_of(self))
        if faults:
            raise wrong(faults[0].key, faults[0].reason)
        agents, queues = with_capacity(self.agents, self.queues)
        object.__setattr__(self, "agents", agents)
        object.__setattr__(self, "queues", queues)
        return self


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as it was read. `settings` are of its parts that are right, `faults` what is
    wrong with the others; without faults the settings are whole. `as_written` gives a fault that is
    found in the settings the key that it has in the file."""

    file: str
    text: str
    settings: AllSections
    faults: tuple[Fault, ...]
    origins: Mapping[Location, str]
    known: Known
    as_written: Callable[[Fault], Fault]

    def whole(self, more: Iterable[Fault] = ()) -> Settings:
        """The settings. Raises ConfigError where there are faults, these or `more` of the settings.

        Of several faults of one key it names the first.
        """
        found = (*self.faults, *map(self.as_written, more))
        faults = {one.key: one for one in reversed(found)}
        if faults:
            ordered = placed(reversed(faults.values()), self.text, self.origins)
            raise ConfigError.of(self.file, ordered)
        assert isinstance(self.settings, Settings)
        return self.settings


def read(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Written:
    """Read the file at `path` with `environ` (default: the process's) over it, and every fault.

    Raises ConfigError where it cannot be read at all.
    """
    file = os.fspath(path)
    text, data = read_toml(file)
    origins = environment.overlay(data, Settings, os.environ if environ is None else environ, file)
    known = Known.in_data(data)
    try:
        settings = Settings(**data)
    except ValidationError:
        drafted = draft(AllSections, data)
        between = faults_of(drafted.settings, known)
        faults = (*drafted.faults, *map(drafted.as_written, between))
        return Written(file, text, drafted.settings, faults, origins, known, drafted.as_written)
    settings._file = file
    return Written(file, text, settings, (), origins, known, lambda fault: fault)


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Settings:
    """As `read`, the settings alone. Raises ConfigError with every fault.

    What the running engine alone can check is left out: see engine/checks.
    """
    return read(path, environ).whole()
