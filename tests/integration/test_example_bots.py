"""The example bots for Node do what those in Python do."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.support.bots import NODE_ENVIRONMENT, running_bot

BOTS = Path(__file__).parents[2] / "scripts/bots"
LIMIT_S = 60.0


def has_node() -> bool:
    """Whether Node is there, with the package that the bots use."""
    node = shutil.which("node")
    if node is None:
        return False
    asked = subprocess.run([node, "-e", 'require("ws")'], capture_output=True, env=NODE_ENVIRONMENT)
    return asked.returncode == 0


NO_NODE = pytest.mark.skipif(
    not has_node(), reason="Node with ws is not here (npm; `make test` installs it)"
)
LANGUAGES = ["py", pytest.param("js", marks=NO_NODE)]


def command(name: str, language: str) -> tuple[str, ...]:
    if language == "py":
        return (f"{name}.py", "0", "people")
    return ("node", str(BOTS / f"{name}.js"), "0", "people")


async def receive(socket: ClientWebSocketResponse) -> Any:
    message = await socket.receive()
    return message.data if message.type == WSMsgType.BINARY else json.loads(message.data)


@pytest.mark.parametrize("bot", sorted(BOTS.glob("*_bot.*")), ids=lambda path: path.name)
def test_a_bot_has_forty_lines_at_most(bot: Path) -> None:
    assert len(bot.read_text().splitlines()) <= 40


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_echo_bot_says_what_it_hears(language: str) -> None:
    async with (
        running_bot(*command("echo_bot", language)) as bot,
        asyncio.timeout(LIMIT_S),
        ClientSession() as session,
        session.ws_connect(bot.url) as socket,
    ):
        await socket.send_json({"type": "start", "rate_hz": 8000})
        assert await receive(socket) == {"type": "ready"}
        await socket.send_bytes(b"\1\0\2\0")
        assert await receive(socket) == b"\1\0\2\0"
        await socket.send_json({"type": "dtmf", "digit": "#"})
        assert (await receive(socket))["type"] == "hangup"
        await socket.send_json({"type": "stop"})
        assert (await socket.receive()).type == WSMsgType.CLOSE


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_menu_bot_takes_keys(language: str) -> None:
    async with (
        running_bot(*command("menu_bot", language)) as bot,
        asyncio.timeout(LIMIT_S),
        ClientSession() as session,
        session.ws_connect(bot.url, max_msg_size=0) as socket,
    ):

        async def says(hz: int) -> None:
            assert await receive(socket) == {"type": "clear"}
            sound = await receive(socket)
            assert len(sound) == 2 * 20 * 8000
            assert await receive(socket) == {"type": "mark", "name": str(hz)}

        await socket.send_json({"type": "start", "rate_hz": 8000})
        assert await receive(socket) == {"type": "ready"}
        await says(1000)
        for key, answer in (
            ("3", {"type": "pause"}),
            ("3", {"type": "resume"}),
            ("2", {"type": "handover", "queue": "people", "context": {"menu": "2"}}),
            ("9", {"type": "hangup"}),
        ):
            await socket.send_json({"type": "dtmf", "digit": key})
            assert await receive(socket) == answer
        await socket.send_json({"type": "dtmf", "digit": "1"})
        await says(1300)
