"""A client that does not read, or sends too much, holds up nobody else."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
from pathlib import Path

from tests.support.control_line import Refused
from tests.support.engines.process import EngineClient, EngineProcess
from tests.support.phones.wire.phone import MakeWire
from tests.support.prepared_command import ringback

PIPE_BYTES = 4096


class Unread(EngineProcess):
    """An engine whose standard error is a pipe that nobody reads until it has ended."""

    pipe: int

    def launch(self) -> subprocess.Popen[bytes]:
        self.pipe, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._process = subprocess.Popen(
            [str(ringback()), "run", "--config", str(self.config_path)],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=writing,
            start_new_session=True,
        )
        os.close(writing)
        return self._process


async def test_an_engine_whose_log_nobody_reads_goes_on(tmp_path: Path, wire: MakeWire) -> None:
    process = Unread(tmp_path, control={"token": "t" * 16})
    try:
        process.start()
        engine = await EngineClient.connect(process)
        for _ in range(PIPE_BYTES // 50):  # each is a warning in the log
            other = await EngineClient.connect(process)
            with contextlib.suppress(Refused):
                await other.line.call("auth", token="wrong")
            await other.close()
        agent_phone, customer_phone = wire("agent"), wire("customer")
        job = await engine.callback(customer_phone.uri, agent_phone.uri)
        agent = await agent_phone.answer()
        customer = await customer_phone.answer()
        await engine.state("bridged", job)
        agent.bye()
        await customer.receive("BYE")
        assert (await engine.ended(job))["state"] == "completed"
        assert (await engine.line.call("engine.status"))["log"] == {"lines_dropped": 0}
        await engine.close()
        process.stop()
    finally:
        process.clear_away()
        os.close(process.pipe)


async def test_a_flood_of_digits_by_info_leaves_room_for_other_events(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    await agent_phone.answer()
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    for _ in range(20):
        for _ in range(20):
            customer.press_by_info("5")
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    customer.bye()
    shown = (await engine.ended(job))["attempts"][0]["legs"]
    dropped = next(leg for leg in shown if leg["role"] == "customer")["events_dropped"]
    assert dropped > 200
    digits = [event for event in engine.line.events.items if event["type"] == "leg.dtmf"]
    assert 0 < len(digits) <= 40 + 2 * 10
    over = await engine.event("leg.ended", job, role="customer")
    assert over["events_dropped"] == dropped
