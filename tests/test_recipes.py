"""The configurations of the recipes: each is one that the engine takes."""

import contextlib
import re
import tomllib
from pathlib import Path

import pytest

from engine.checks.configuration import load

PAGES = sorted((Path(__file__).resolve().parent.parent / "docs" / "recipes").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_toml_of_a_page_is_a_configuration(page: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret of the provider\n")
    text = ""
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        with contextlib.suppress(tomllib.TOMLDecodeError):  # a variant of an earlier one
            tomllib.loads(text + block)
            text += block + "\n"
    text = re.sub(r'"/etc/ringback/secrets/\w+"', f'"{secret}"', text)
    file = tmp_path / "ringback.toml"
    file.write_text(text)
    settings = load(file, environ={})
    if page.stem == "nginx":
        assert "ws:127.0.0.1:5062" in settings.sip.listen, (
            "it stands before the engine, and is no trunk"
        )
    else:
        assert settings.trunks and settings.inbound
