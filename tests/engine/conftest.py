"""An engine in the test's own process, for the tests that talk with one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.engines.in_process import RunningEngine, running, settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of `engine`. A file whose tests need others has a fixture of this name."""
    return settings_in(tmp_path)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[RunningEngine]:
    """An engine, and a client of its control socket."""
    async with running(settings) as engine:
        yield engine
