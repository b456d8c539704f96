"""What it costs to hold many registrations that are refreshed every minute."""

import asyncio
import time

from ringback_client import Client
from scripts.load.driver import LoadPeerProcess

from .engine_process import EngineProcess
from .options import Options
from .report import Report, figure

PART = "registrations"
EXPIRES_S = 60
CORE_TARGET_PERCENT = 15.0
REGISTERED_LIMIT_S = 120.0
LOOK_S = 0.5
SETTLE_S = 5.0
TRUNK = """
[[trunks]]
name = "t{number}"
uri = "sip:{peer}"
username = "u{number}"
password = "secret"
register = true
register_expires_s = {expires_s}
"""


async def run(report: Report, options: Options) -> None:
    """As many trunks register with one registrar, which grants a minute to each."""
    count = options.registrations
    with LoadPeerProcess() as peer:
        trunks = "".join(
            TRUNK.format(number=number, peer=peer.sip, expires_s=EXPIRES_S)
            for number in range(count)
        )
        async with (
            EngineProcess(trunks) as engine,
            await Client.connect(str(engine.socket)) as client,
        ):
            took_s = await _registered(client, count)
            await asyncio.sleep(SETTLE_S)
            begin, used = time.monotonic(), engine.cpu_s()[0]
            before = peer.ask("stats")["register"]
            await asyncio.sleep(options.registrations_s)
            sent = peer.ask("stats")["register"] - before
            elapsed, used = time.monotonic() - begin, engine.cpu_s()[0] - used
            held = await _held(client)
    percent = used / elapsed * 100
    report.figures.append(figure(PART, "registered after the start", "s", [took_s]))
    report.figures.append(figure(PART, "held", "", [float(held)], at_least=float(count)))
    report.figures.append(
        figure(PART, "engine, of a core", "%", [percent], target=CORE_TARGET_PERCENT)
    )
    report.figures.append(figure(PART, "REGISTER, a second", "", [sent / elapsed]))
    report.figures.append(
        figure(PART, "CPU of one refresh", "ms", [used / sent * 1e3 if sent else 0.0])
    )


async def _registered(client: Client, count: int) -> float:
    """Wait until all are registered; how long that took in s. Raises RuntimeError."""
    begin = time.monotonic()
    while await _held(client) < count:
        if time.monotonic() - begin > REGISTERED_LIMIT_S:
            raise RuntimeError(f"{count} trunks have not registered in {REGISTERED_LIMIT_S:.0f} s")
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - begin


async def _held(client: Client) -> int:
    """How many trunks are registered."""
    trunks = (await client.call("engine.status"))["trunks"]
    return sum(trunk["state"] == "registered" for trunk in trunks)
