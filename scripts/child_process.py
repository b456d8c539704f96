"""A process that a script started: how it is ended."""

import asyncio
import contextlib


async def stop(process: asyncio.subprocess.Process, limit_s: float) -> None:
    """SIGTERM, and SIGKILL for one that has not ended after `limit_s`."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(limit_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
