"""Loading a configuration: the documented default, the errors, the environment over the file."""

import re
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from config.settings import ConfigError, Settings, load
from tests.support.configuration import CONTRACT, refusal_line, write_configuration

DEFAULT = Path(__file__).parents[2] / "config" / "ringback.toml"


def test_contract_loads_as_it_is(tmp_path: Path) -> None:
    settings = load(write_configuration(tmp_path, CONTRACT), {})
    assert settings.control.socket == Path("run/control.sock")
    assert settings.store.path == Path("run/ringback.db")
    assert settings.sip.listen == ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]
    assert (settings.media.address, settings.media.ports) == ("127.0.0.1", (10000, 19999))
    assert settings.dial.allow_hosts == ["127.0.0.1"]
    (trunk,) = settings.trunks
    assert (trunk.name, trunk.uri) == ("pbx", "sip:127.0.0.1:5070;transport=udp")
    assert trunk.register_ is False
    assert settings.routes[0].trunks == ["pbx"]
    assert settings.agents[0].uri == "sip:alice@127.0.0.1:5080"


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(write_configuration(tmp_path, ""), {})
    assert settings.dial == Settings().dial
    assert settings.trunks == []


def example(section: str) -> list[dict[str, Any]]:
    """The entry of a list of tables that the default file only shows in a comment."""
    lines = DEFAULT.read_text().splitlines()
    first = lines.index(f"#   [[{section}]]")
    shown = takewhile(lambda line: line.startswith("#   "), lines[first:])
    entries: list[dict[str, Any]] = tomllib.loads("\n".join(line[4:] for line in shown))[section]
    return entries


def test_default_file_documents_every_key_with_its_default() -> None:
    data: dict[str, Any] = tomllib.loads(DEFAULT.read_text())
    settings, defaults = load(DEFAULT, {}), Settings()
    for name, field in Settings.model_fields.items():
        written = data[name] if name in data else example(name)
        if isinstance(written, list):
            model = field.annotation.__args__[0]  # type: ignore[union-attr]
            (written,) = written
        else:
            model = field.annotation
            assert getattr(settings, name) == getattr(defaults, name)
        assert set(written) == {one.alias or key for key, one in model.model_fields.items()}
    contract = tomllib.loads(CONTRACT)
    for name in ("trunks", "routes", "agents"):
        assert contract[name][0].items() <= data[name][0].items()


def nested(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The keys of the tables inside a table, each with the name of its model."""
    for field in model.model_fields.values():
        kinds = [field.annotation]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (
                    (kind.__name__, one.alias or key) for key, one in kind.model_fields.items()
                )
                yield from nested(kind)
            kinds += get_args(kind)


def test_default_file_names_every_key_of_the_tables_inside_tables() -> None:
    words = set(re.findall(r"\w+", DEFAULT.read_text()))
    found = set(nested(Settings))
    assert ("HistoryMatch", "none_within_s") in found
    assert {key for key in found if key[1] not in words} == set()


def test_first_cause_comes_first(tmp_path: Path) -> None:
    line = refusal_line(tmp_path, '[[agents]]\nname = "a"\nurl = "sip:a@b"\n')
    assert line == "agents[0].url: unknown key; did you mean uri?"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[control]\nsockte = 'x'", "control.sockte: unknown key; did you mean socket?"),
        ("[contrl]\n", "contrl: unknown key; did you mean control?"),
        ("zzz = 1", "zzz: unknown key"),
        ("[zzz]\nkey = 1", "zzz: unknown key"),
        (
            "[numbering]\nextension_trunks = ['isdn']",
            "numbering.extension_trunks: there is no trunk named 'isdn'",
        ),
        ("[[trunks]]\nname = 'a'\nuri = 'sip:[::g]'", "trunks[0].uri: "),
        ("[media]\nworkers = '2'", "media.workers: must be a valid integer"),
        ("[media]\nworkers = true", "media.workers: must be a valid integer"),
        ("[media]\nworkers = 0", "media.workers: must be greater than or equal to 1"),
        ("[store]\npath = 5", "store.path: "),
        ("[sip]\nlisten = 'udp:127.0.0.1:5060'", "sip.listen: must be a valid list"),
        ("[[agents]]\nname = 'a'", "agents[0].uri: missing"),
        ("agents = 5", "agents: must be a valid list"),
        ("[dial]\nring_s = 0", "dial.ring_s: must be greater than 0"),
        ("[dial]\nring_s = nan", "dial.ring_s: "),
        ("[log]\nlevel = 'loud'", "log.level: must be 'debug', 'info', 'warning' or 'error'"),
        ("[dial.headers]\nVia = 'x'", "dial.headers.Via: Via is written by the SIP stack itself"),
    ],
)
def test_error_names_key_and_reason(tmp_path: Path, text: str, line: str) -> None:
    assert refusal_line(tmp_path, text).startswith(line)


def test_syntax_error_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal_line(tmp_path, "[control]\nsocket = \n")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path, {})


def test_names_and_references(tmp_path: Path) -> None:
    trunk = '[[trunks]]\nname = "t"\nuri = "sip:h"\n'
    agent = '[[agents]]\nname = "a"\nuri = "sip:a@h"\n'
    assert refusal_line(tmp_path, trunk * 2) == "trunks[1].name: the name 't' stands twice"
    assert refusal_line(tmp_path, agent * 2) == "agents[1].name: the name 'a' stands twice"
    route = '[[routes]]\nprefix = "+"\ntrunks = ["u"]\n'
    assert refusal_line(tmp_path, trunk + route) == "routes[0].trunks: there is no trunk named 'u'"
    route = '[[routes]]\nprefix = "+"\ntrunks = ["t"]\n'
    assert "stands twice" in refusal_line(tmp_path, trunk + route * 2)


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    text = CONTRACT.replace('password = ""', 'password = "hunter2"')
    assert "hunter2" not in repr(load(write_configuration(tmp_path, text), {}))
    text = text.replace('username = ""', "username = 5")
    assert "hunter2" not in refusal_line(tmp_path, text)


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = load(write_configuration(tmp_path, CONTRACT), {})
    with pytest.raises(ValueError, match="frozen"):
        settings.media.workers = 5


def test_error_of_the_running_daemon_looks_the_same(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, CONTRACT)
    seen = load(path, {}).error("sip.listen", "udp:127.0.0.1:5060: address\n already in use")
    assert str(seen) == f"{path}: sip.listen: udp:127.0.0.1:5060: address already in use"
