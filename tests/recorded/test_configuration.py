"""Configurations of an earlier engine are accepted, and mean what they meant."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from tests.support.recording import write_tone_wav

HERE = Path(__file__).resolve().parent
READ: dict[str, Any] = json.loads((HERE / "configuration.json").read_text())
"""The values that the earlier engine read from each file."""


PORTS = {
    "engine": 5060,
    "first_rtp": 10000,
    "last_rtp": 10099,
    "alice": 5080,
    "bob": 5081,
    "pbx": 5070,
    "provider": 5071,
    "closed": 9,
}
"""What stood in place of the words in braces."""


PLURALS = {"zero", "one", "two", "few", "many", "other"}


def changes(before: Any, now: Any, path: str = "") -> Iterator[str]:
    """What is missing in `now`, or other than `before`. What is there besides is an addition.

    A text may have plural forms now: where it has none, it is the one for every number.
    """
    if isinstance(before, str) and isinstance(now, dict) and now.keys() == PLURALS:
        now = now["other"]
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            yield from changes(value, now.get(name, "nothing"), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, value in enumerate(before):
            yield from changes(value, now[number], f"{path}[{number}]")
    elif before != now:
        yield f"{path} was {before!r} and is {now!r}"


@pytest.mark.parametrize("name", READ)
def test_every_value_is_as_it_was(tmp_path: Path, name: str) -> None:
    file = tmp_path / "ringback.toml"
    text = (HERE / name).read_text().replace("{directory}", str(tmp_path))
    for word, port in PORTS.items():
        text = text.replace(f"{{{word}}}", str(port))
    file.write_text(text)
    write_tone_wav(tmp_path / "said.wav", 700, 0.2)
    now = load(file, environ={}).model_dump_json().replace(str(tmp_path), "{directory}")
    assert list(changes(READ[name], json.loads(now))) == []


def test_a_change_is_found() -> None:
    before = {"sip": {"listen": ["a"], "advertise": ""}}
    assert list(changes(before, {"sip": {"listen": ["b"]}})) == [
        ".sip.listen[0] was 'a' and is 'b'",
        ".sip.advertise was '' and is 'nothing'",
    ]
    assert list(changes(before, {"sip": {"listen": ["a"], "advertise": "", "new": 1}})) == []
