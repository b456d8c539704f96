"""The settings of the web gateway: [web], [[sites]], [log], and where the engine's socket is.

The gateway reads these of a configuration and nothing else, so it needs no right to the secrets
of the others. The file may be the engine's or one of its own.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from . import environment
from .checks.known import Known
from .checks.sites import names_of_sites, sites_twice, sites_unheard
from .errors import ConfigError
from .faults import draft, placed
from .section import Section
from .sections import Log
from .sites import Site, Web
from .toml_lines import read_toml
from .values import SocketPath


class ControlSocket(Section):
    """Of [control] the socket alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    socket: SocketPath = Path("run/control.sock")


class WebSettings(BaseModel):
    """What the gateway goes by."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, hide_input_in_errors=True
    )

    control: ControlSocket = ControlSocket()
    log: Log = Log()
    web: Web = Web()
    sites: list[Site] = []

    def site(self, key: str) -> Site | None:
        """The site of this key, if there is one."""
        return next((site for site in self.sites if site.key == key), None)


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> WebSettings:
    """The settings in the file at `path`, with `environ` (default: the process's) over it.

    Raises ConfigError with every fault.
    """
    file = os.fspath(path)
    text, whole = read_toml(file)
    data: dict[str, Any] = {name: whole[name] for name in WebSettings.model_fields if name in whole}
    given = os.environ if environ is None else environ
    wanted = tuple(f"{environment.PREFIX}{name.upper()}" for name in WebSettings.model_fields)
    own = {name: value for name, value in given.items() if name.startswith(wanted)}
    origins = environment.overlay(data, WebSettings, own, file)
    known = Known.in_data(whole, is_whole=False)
    try:
        settings = WebSettings(**data)
        faults = (
            *sites_twice(settings.sites),
            *sites_unheard(settings.web, settings.sites),
            *names_of_sites(settings.sites, known),
        )
    except ValidationError:
        drafted = draft(WebSettings, data)
        sites = drafted.settings.sites
        others = (*sites_twice(sites), *names_of_sites(sites, known))
        faults = (*drafted.faults, *map(drafted.as_written, others))
    if faults:
        raise ConfigError.of(file, placed(faults, text, origins))
    return settings
