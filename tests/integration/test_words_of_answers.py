"""A recogniser hears what a real phone says when it answers: a program, and a service."""

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from aiohttp import WSMsgType, web
from numpy.typing import NDArray

from tests.support.bots import bot_that
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.voices import voice

LIMIT_S = 60.0
# Has heard a phrase once there was a second of speech, and hears nothing of who says less.
SAID = {"text": "Please leave a message after the tone"}
LOUD_FRAMES = 50
PROGRAM = f"""
import array, json, sys
loud = 0
while frame := sys.stdin.buffer.read(640):
    loud += max(array.array("h", frame)) > 1000
    if loud == {LOUD_FRAMES}:
        print(json.dumps({SAID!r}), flush=True)
"""


async def serve(socket: web.WebSocketResponse) -> None:
    """The same as a service."""
    loud = 0
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.json()["type"] == "start":
            await socket.send_json({"type": "ready"})
        elif message.type is WSMsgType.BINARY:
            loud += bool(np.abs(np.frombuffer(message.data, np.int16).astype(int)).max() > 1000)
            if loud == LOUD_FRAMES:
                await socket.send_json({"type": "result", **SAID})


@asynccontextmanager
async def recogniser(kind: str, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """What [recognition] says of it."""
    if kind == "websocket":
        async with bot_that(serve) as bot:
            yield {"engine": kind, "url": bot.url}
        return
    program = directory / "hear"
    program.write_text(f"#!{sys.executable} -SE\n{PROGRAM}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    yield {"engine": kind, "command": [str(program)]}


def quiet(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * 8000), np.int16)


async def event(engine: EngineClient, kind: str, call: str) -> dict[str, Any]:
    return await engine.line.events.wait_for(
        lambda one: one["type"] == kind and one["call"] == call, timeout_s=LIMIT_S
    )


@pytest.mark.parametrize("kind", ["command", "websocket"])
async def test_a_mailbox_is_known_by_its_words_and_a_person_by_timing(
    kind: str, own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    # Speaks on, so that it is heard however late the recogniser is there.
    breath = np.concatenate([voice(0.5), quiet(0.08)] * 100)
    sounds = {"mailbox": (quiet(0.6), breath), "person": (quiet(0.6), voice(0.4))}
    for name, parts in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", np.concatenate((*parts, quiet(30))), 8000)
    phones = await asyncio.gather(
        *(softphone(user=name, play=tmp_path / f"{name}.wav") for name in sounds)
    )
    async with recogniser(kind, tmp_path) as recognition:
        engine = await own_engine(
            agents=[],
            recognition=recognition,
            detection={"words": True, "enabled": True, "limits": {"machine_ms": 120_000}},
        )
        calls = [await engine.line.call("call.originate", to=phone.uri) for phone in phones]
        mailbox, person = [await event(engine, "call.detected", call["call"]) for call in calls]
        assert (mailbox["label"], mailbox["reason"]) == ("voicemail", "words")
        assert (person["label"], person["reason"]) == ("human", "short_greeting")
        for call in calls:
            await engine.line.call("call.hangup", call=call["call"])
            await event(engine, "call.ended", call["call"])
        await engine.assert_idle()
        assert "leave a message" not in engine.process.log_path.read_text()
