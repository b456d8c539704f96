"""What every test of the command line needs."""

from collections.abc import Iterator

import pytest

from engine.cli.command import Options


@pytest.fixture(autouse=True)
def options_of_one_test() -> Iterator[None]:
    """An option of the command line lasts as long as a process: here, as long as a test."""
    before = Options.socket, Options.json, Options.token
    yield
    Options.socket, Options.json, Options.token = before
