"""Configurations for tests: written to a file, loaded, and refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.settings import ConfigError, Settings, load

# The example of the configuration's contract.
CONTRACT = """\
[control]
socket = "run/control.sock"      # relative to the working directory; /run/ringback/control.sock in the systemd set-up

[store]
path = "run/ringback.db"

[sip]
listen = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]

[media]
address = "127.0.0.1"
ports = [10000, 19999]
workers = 1

[dial]
allow_hosts = ["127.0.0.1"]      # sip: URIs may be dialled only at these hosts and at trunks
default_region = "GB"            # how to read numbers without a country code

[[trunks]]
name = "pbx"
uri = "sip:127.0.0.1:5070;transport=udp"
username = ""                    # digest, when asked for
password = ""
register = false

[[routes]]                       # first match wins; trunks in order of preference
prefix = "+"
trunks = ["pbx"]

[[agents]]
name = "alice"
uri = "sip:alice@127.0.0.1:5080"
"""  # noqa: E501


def write_configuration(directory: Path, text: str) -> Path:
    """A file in `directory` with this text."""
    path = directory / "ringback.toml"
    path.write_text(text)
    return path


def load_text(directory: Path, text: str, **environ: str) -> Settings:
    """The settings that the text gives, in this environment."""
    return load(write_configuration(directory, text), environ)


def refused_text(directory: Path, text: str, **environ: str) -> ConfigError:
    """The error that the text gives: one line, which begins with the file and the line there."""
    path = write_configuration(directory, text)
    with pytest.raises(ConfigError) as raised:
        load(path, environ)
    line = str(raised.value)
    assert re.match(re.escape(str(path)) + r"(:\d+)?: ", line)
    assert "\n" not in line
    return raised.value


def refusal_line(directory: Path, text: str, **environ: str) -> str:
    """The line of that error, without the file and the line there."""
    return str(refused_text(directory, text, **environ)).partition(": ")[2]


def refused_values(section: type[BaseModel], **values: Any) -> str:
    """The one reason for which a section refuses these values."""
    return str(_error(section, values)["msg"])


def refused_key(section: type[BaseModel], key: str, **values: Any) -> str:
    """The same, blamed on `key`."""
    found = _error(section, values)
    context = found.get("ctx", {})
    location = [str(part) for part in found["loc"]] + ([context["key"]] if "key" in context else [])
    assert key in location, found
    return str(found["msg"])


def _error(section: type[BaseModel], values: dict[str, Any]) -> Any:
    with pytest.raises(ValidationError) as raised:
        section(**values)
    (found,) = raised.value.errors()
    return found
