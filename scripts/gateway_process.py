"""A gateway that a script starts: `ringback web`, until it is stopped."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .bench.engine_process import ROOT
from .child_process import stop

READY_S = 60.0


def free_tcp_port(host: str) -> int:
    """A TCP port that is free now."""
    with socket.create_server((host, 0)) as free:
        return int(free.getsockname()[1])


@asynccontextmanager
async def gateway_process(
    file: Path, host: str, port: int, log: BinaryIO | None = None
) -> AsyncIterator[int]:
    """`ringback web` with the configuration in `file`, which listens at `host` and `port`, until
    the context is left: its process id. What it says goes to `log`, if one is given.

    Raises TimeoutError where it does not listen.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringback", "web", "--config", file),
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )
    try:
        async with asyncio.timeout(READY_S):
            while True:
                with suppress(OSError):
                    _reader, writer = await asyncio.open_connection(host, port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        await stop(process, READY_S)
