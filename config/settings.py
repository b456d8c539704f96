"""The settings of one engine: the TOML file, the environment over it, all of it checked."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from . import environment
from .agents import Agent, AgentDefaults
from .alerts import Alert, check_alerts
from .calendars import Calendar
from .checks import (
    OutsideTargets,
    check_agents,
    check_centres,
    check_inbound,
    check_queues,
    check_rates,
    check_rights,
    check_rules,
)
from .errors import ConfigError
from .inbound import Inbound, Room
from .numbering import Numbering
from .policy import Costs, Destinations, Hours, Limits, Rate
from .queues import Centre, Queue
from .reporting import Metrics, Reports, Webhook
from .retry import RetryRule
from .rights import Right
from .rules import Rule
from .sections import (
    Control,
    Dial,
    Log,
    Media,
    Route,
    Section,
    Sip,
    Store,
    Trunk,
    Whisper,
    first_duplicate,
)
from .values import wrong

__all__ = ["Agent", "ConfigError", "Route", "Settings", "Trunk", "load"]


class Settings(BaseSettings):
    """Everything an operator may set. Made by `load`; never changes."""

    model_config = SettingsConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, hide_input_in_errors=True
    )

    control: Control = Control()
    rights: list[Right] = []
    store: Store = Store()
    sip: Sip = Sip()
    media: Media = Media()
    dial: Dial = Dial()
    retry: list[RetryRule] = []
    hours: Hours = Hours()
    limits: Limits = Limits()
    destinations: Destinations = Destinations()
    numbering: Numbering = Numbering()
    costs: Costs = Costs()
    whisper: Whisper = Whisper()
    log: Log = Log()
    reports: Reports = Reports()
    metrics: Metrics = Metrics()
    webhooks: list[Webhook] = []
    alerts: list[Alert] = []
    trunks: list[Trunk] = []
    routes: list[Route] = []
    rates: list[Rate] = []
    inbound: list[Inbound] = []
    rooms: list[Room] = []
    rules: list[Rule] = []
    agent_defaults: AgentDefaults = AgentDefaults()
    agents: list[Agent] = []
    calendars: list[Calendar] = []
    centres: list[Centre] = []
    queues: list[Queue] = []

    _file: str = PrivateAttr("")

    @property
    def file(self) -> str:
        """The file these settings come from, as it was named."""
        return self._file

    def error(self, key: str, reason: str) -> ConfigError:
        """A ConfigError about `key`, for checks that only the running daemon can make."""
        return ConfigError(self._file, key, reason)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it lays the environment over the file itself, because
        entries of lists of tables can be overridden too."""
        return (init_settings,)

    @model_validator(mode="after")
    def _check_names(self) -> "Settings":
        for section, entries in (
            ("trunks", self.trunks),
            ("agents", self.agents),
            ("webhooks", self.webhooks),
            ("alerts", self.alerts),
            ("inbound", self.inbound),
            ("rooms", self.rooms),
            ("calendars", self.calendars),
            ("centres", self.centres),
            ("queues", self.queues),
        ):
            twice = first_duplicate([entry.name for entry in entries])
            if twice is not None:
                raise wrong(section, f"the name {twice!r} stands twice")
        known = {trunk.name for trunk in self.trunks}
        for index, route in enumerate(self.routes):
            for name in route.trunks:
                if name not in known:
                    raise wrong(f"routes[{index}].trunks", f"there is no trunk named {name!r}")
        for name in self.numbering.extension_trunks:
            if name not in known:
                raise wrong("numbering.extension_trunks", f"there is no trunk named {name!r}")
        queues = {queue.name for queue in self.queues}
        centres = {centre.name for centre in self.centres}
        calendars = {calendar.name for calendar in self.calendars}
        outside = OutsideTargets(self.dial.allow_hosts, self.trunks, self.routes)
        check_inbound(self.inbound, self.rooms, known, queues)
        check_rules(self.rules, known, queues, calendars, centres)
        check_alerts(self.alerts, queues)
        check_rates(self.rates)
        check_rights(self.rights, self.control)
        check_centres(self.centres, self.calendars, outside)
        check_agents(self.agents, queues, centres, self.media.workers)
        check_queues(self.queues, self.agents, self.centres, self.calendars, outside)
        twice = first_duplicate([rule.cause for rule in self.retry])
        if twice is not None:
            raise wrong("retry", f"the cause {twice!r} stands twice")
        twice = first_duplicate([route.prefix for route in self.routes])
        if twice is not None:
            raise wrong("routes", f"the prefix {twice!r} stands twice; first match wins")
        return self


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in the file at `path`, with `environ` (default: the process's) over them.

    Raises ConfigError, whose text is one line naming file, key and reason.
    """
    file = os.fspath(path)
    data = _read(file)
    origins = environment.overlay(data, Settings, os.environ if environ is None else environ, file)
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise _explain(error, file, origins) from None
    settings._file = file
    return settings


def _read(file: str) -> dict[str, Any]:
    try:
        with Path(file).open("rb"):  # the TOML source takes a missing file for an empty one
            pass
        return TomlConfigSettingsSource(Settings, Path(file))()
    except OSError as error:
        raise ConfigError(file, "", f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(file, "", f"is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, "", f"is not TOML: {error}") from error


def _explain(
    error: ValidationError, file: str, origins: dict[environment.Location, str]
) -> ConfigError:
    # A misspelt key is the cause of the missing one, so it is named first.
    details = error.errors(include_url=False, include_input=False)
    found = min(details, key=lambda one: one["type"] != "extra_forbidden")
    location = _location(found)
    reason = _reason(found, location)
    for length in range(len(location), 0, -1):
        variable = origins.get(location[:length])
        if variable is not None:
            reason += f" (set by {variable})"
            break
    return ConfigError(file, _key(location, found), reason)


def _location(found: ErrorDetails) -> environment.Location:
    # The parts of a union and "[key]" of a dictionary are not keys of the file.
    location = [part for part in found["loc"] if part not in ("str", "int", "[key]")]
    return tuple(location)


def _key(location: environment.Location, found: ErrorDetails) -> str:
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
    extra = found.get("ctx", {}).get("key", "")
    return f"{key}.{extra}".strip(".") if extra else key.strip(".")


def _reason(found: ErrorDetails, location: environment.Location) -> str:
    if found["type"] == "extra_forbidden":
        return "unknown key" + _suggestion(location)
    if found["type"] == "missing":
        return "missing"
    reason = found["msg"].removeprefix("Value error, ")
    return reason.replace("Input should be", "must be")


def _suggestion(location: environment.Location) -> str:
    model: Any = Settings
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if part not in getattr(model, "model_fields", {}):
            return ""
        model = model.model_fields[part].annotation
        if not isinstance(model, type):
            model = model.__args__[0]
    if not (isinstance(model, type) and issubclass(model, Section | Settings)):
        return ""
    names = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
