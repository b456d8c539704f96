"""The `ringback` commands against a running engine: exit status and JSON for programs."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.engines.process import EngineClient
from tests.support.phones.wire.phone import MakeWire
from tests.support.prepared_command import ringback


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [str(ringback()), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def last_json(output: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return value


async def test_a_callback_by_command_waits_for_its_end(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    command = asyncio.create_task(
        run(
            "--socket", str(engine.process.socket), "--json",
            "callback", customer_phone.uri, "--agent", agent_phone.uri,
            "--context", "site=shop.example", "--wait",
        )
    )  # fmt: skip
    agent = await agent_phone.answer()
    customer = await customer_phone.answer()
    assert agent.invite["x-ringback-site"] == "shop.example"
    await asyncio.sleep(0.1)
    customer.bye()
    done = await command
    assert done.returncode == 0, done.stderr
    assert last_json(done.stdout)["state"] == "completed"


async def test_a_failed_callback_is_status_1(engine: EngineClient, wire: MakeWire) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    command = asyncio.create_task(
        run("--socket", str(engine.process.socket), "callback", customer_phone.uri,
            "--agent", agent_phone.uri, "--wait")
    )  # fmt: skip
    await agent_phone.refuse(486, "Busy Here")
    done = await command
    assert done.returncode == 1
    assert "busy" in (done.stdout + done.stderr).lower()


async def test_no_engine_is_status_3_and_wrong_use_status_2(tmp_path: Path) -> None:
    gone, wrong = await asyncio.gather(
        run("--socket", str(tmp_path / "none.sock"), "status"), run("callback")
    )
    assert gone.returncode == 3
    assert gone.stderr.count("\n") == 1 and "no engine" in gone.stderr
    assert wrong.returncode == 2
