"""The page on the first trunk, as its reader follows it: its very configuration at a provider."""

import asyncio
import re
import subprocess
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.kamailio import Kamailio
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.ports import media_ports
from tests.support.prepared_command import ringback
from tests.support.waiting import DEADLINE_S

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recipes" / "first-trunk.md"


@pytest.fixture
async def peers() -> AsyncIterator[AsyncExitStack]:
    """Ends the phones and the provider of a test, however it goes."""
    async with AsyncExitStack() as stack:
        yield stack


def settings_of_the_page(directory: Path, provider: Kamailio) -> dict[str, Any]:
    """All its TOML as one file, with the addresses of this test and what the provider gave us."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    settings = tomllib.loads("\n".join(blocks))
    secret = directory / "provider"
    secret.write_text("ringback-secret\n")
    del settings["sip"]
    settings["media"] = {"address": "127.0.0.1", "ports": media_ports()}
    (trunk,) = settings["trunks"]
    trunk |= {"uri": provider.uri, "username": "ringback", "password_file": str(secret)}
    return settings


async def said(engine: EngineClient, *command: str) -> str:
    """What a command of the page prints. Its status must be 0."""
    done = await asyncio.to_thread(
        subprocess.run,
        [str(ringback()), *command],
        cwd=engine.process.directory,
        env={"RINGBACK_CONTROL__SOCKET": str(engine.process.socket), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=40.0,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_the_steps_of_the_page(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    network = await SoftphoneProcess.start(user="+442079461111", answer_after=0.2, tone=900)
    peers.push_async_callback(network.stop)
    port = int(network.uri.rpartition(":")[2])
    provider = await Kamailio.start(tmp_path, carrier_port=port)
    peers.push_async_callback(provider.stop)
    engine = await own_engine(**settings_of_the_page(tmp_path, provider))
    checked = await said(engine, "check", str(engine.process.config_path))
    assert checked.endswith(f"{engine.process.config_path}: ok\n")
    assert "may be called" in await said(engine, "numbers", "check", "020 7946 0123")
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (trunk,) = (await engine.line.call("engine.status"))["trunks"]
            if trunk["state"] == "registered":
                break
            await asyncio.sleep(0.05)
    assert re.search(r"provider.*registered", await said(engine, "status"))

    calling = asyncio.create_task(
        said(
            engine, "callback", "+442079460123", "--agent", "alice", "--whisper", "A test", "--wait"
        )
    )
    bridged = await engine.line.events.wait_for(
        lambda event: event["type"] == "callback.bridged", timeout_s=DEADLINE_S
    )
    mobile, customer = network.seen("incoming")
    assert mobile["request_uri"].startswith("sip:+447700900123@")
    assert customer["request_uri"].startswith("sip:+442079460123@")
    network.command("hangup")
    assert (await engine.ended(bridged["job"]))["state"] == "completed"
    assert "completed" in await calling

    network.command(f"call sip:+442079460000@127.0.0.1:{provider.port}")
    await engine.line.events.wait_for(
        lambda event: event["type"] == "call.bridged", timeout_s=DEADLINE_S
    )
    assert network.seen("incoming")[-1]["request_uri"].startswith("sip:+447700900123@")
