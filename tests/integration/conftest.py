"""EngineClient and phones for the integration tests. All speak through real sockets on loopback."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Chromium
from tests.support.engines.process import EngineClient, EngineProcess, StartEngine, hold_tone
from tests.support.phones.real.softphone import SoftphoneProcess, StartPhone
from tests.support.phones.wire.phone import MakeWire, WirePhone


@pytest.fixture(scope="session")
def engine_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine that most tests share; it must be as good after the last test as before."""
    directory = tmp_path_factory.mktemp("engine")
    process = EngineProcess(directory, media={"hold": hold_tone(directory)})
    try:
        process.start()
        yield process
        process.stop()
    finally:
        process.clear_away()


@pytest.fixture(scope="session")
def chromium_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One chromium that tests of pages share."""
    process = Chromium(tmp_path_factory.mktemp("chromium"))
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What a test opens, until its end."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def browser(chromium_process: Chromium) -> AsyncIterator[Any]:
    """The shared chromium, for playwright."""
    async with AsyncExitStack() as stack:
        yield await chromium_process.connected(stack)


@pytest.fixture
async def engine(engine_process: EngineProcess) -> AsyncIterator[EngineClient]:
    """A line to the shared engine; afterwards nothing may be left of the test's calls."""
    engine = await EngineClient.connect(engine_process)
    yield engine
    try:
        await engine.assert_idle()
    except AssertionError:
        await engine.cancel_all()  # this test's failure is not the next one's
        raise
    finally:
        await engine.close()


@pytest.fixture
async def own_engine(tmp_path: Path) -> AsyncIterator[StartEngine]:
    """Starts engines with settings of the test's own: `await own_engine(dial={"ring_s": 1})`."""
    processes: list[EngineProcess] = []
    lines: list[EngineClient] = []

    async def start(**sections: Any) -> EngineClient:
        process = EngineProcess(tmp_path / f"engine{len(processes)}", **sections)
        processes.append(process)
        process.start()
        lines.append(await EngineClient.connect(process))
        return lines[-1]

    yield start
    try:
        for engine in lines:
            await engine.close()
        for process in processes:
            if process.running:
                process.stop()
            process.assert_no_defect()
    finally:
        for process in processes:
            process.clear_away()


@pytest.fixture
async def softphone() -> AsyncIterator[StartPhone]:
    """Starts PJSIP phones: `await softphone(user="desk", tone=440)`."""
    started: list[SoftphoneProcess] = []

    async def start(**options: object) -> SoftphoneProcess:
        started.append(await SoftphoneProcess.start(**options))
        return started[-1]

    yield start
    for phone in started:
        await phone.stop()


@pytest.fixture
async def wire() -> AsyncIterator[MakeWire]:
    """Makes phones that are bare wire: `wire("desk", codec="PCMA")`."""
    made: list[WirePhone] = []

    def make(user: str = "wire", codec: str = "PCMU", host: str = "127.0.0.1") -> WirePhone:
        made.append(WirePhone(user, codec, host))
        return made[-1]

    yield make
    for phone in made:
        phone.close()
