"""The examples of the documentation are right: who copies one has a configuration that loads."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from config.settings import Settings

NOT_HERE = ("o such file", "on this machine")
DOCS = Path(__file__).parents[2] / "docs"


def examples() -> Iterator[Any]:
    """Each section in each block of TOML; parts of one (`[[queues.tiers]]` alone) are none."""
    for page in sorted(DOCS.glob("*.md")):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.S)):
            for name, value in tomllib.loads(block).items():
                field = Settings.model_fields.get(name)
                if field is not None and isinstance(value, list):
                    yield pytest.param(name, value, id=f"{page.stem}-{number}-{name}")


@pytest.mark.parametrize(("name", "value"), list(examples()))
def test_an_example_loads(name: str, value: list[Any]) -> None:
    """But for the files and groups that it names, which are not on this machine."""
    kind = Settings.model_fields[name].annotation
    assert kind is not None
    try:
        TypeAdapter[Any](kind).validate_python(value)
    except ValidationError as error:
        seen = [one["msg"] for one in error.errors()]
        assert not [one for one in seen if not any(words in one for words in NOT_HERE)]
