"""The heartbeat: until when the engine lived, as the next one reads it."""

import asyncio
from pathlib import Path

from tests.support.engines.virtual import VirtualEngine, settings_in, world
from tests.support.phones.virtual import SILENT


def test_a_talk_that_a_crash_cut_off_was_as_long_as_the_engine_lived(tmp_path: Path) -> None:
    """A quiet engine publishes nothing during a talk, and the next engine may come much later."""

    async def before() -> None:
        engine = VirtualEngine(around, settings)
        await engine.start()
        await engine.ask("callback.request", id="c", to="sip:c@127.0.0.1", agent="sip:a@127.0.0.1")
        for user in ("a", "c"):
            (await around.network.call_of(user)).act("answers")
        await asyncio.sleep(602)
        await engine.kill(0.0)

    async def after() -> None:
        engine = VirtualEngine(around, settings)
        await engine.start()
        record = await engine.ask("record.get", id="c")
        assert 595 <= record["talk_s"] <= 603
        await engine.stop()

    with world(tmp_path) as around:
        around.network.default = SILENT
        settings = settings_in(
            tmp_path,
        )
        around.run(before())
        around.clock.shift(36_000)
        around.run(after())
