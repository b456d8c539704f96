"""The echo bot, in a process of its own."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

BOT: Final = Path(__file__).parents[1] / "bots/echo_bot.py"


@contextlib.asynccontextmanager
async def echo_bot(stderr: int | None = None) -> AsyncIterator[str]:
    """Its URL, while it runs."""
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, str(BOT), "0"), stdout=asyncio.subprocess.PIPE, stderr=stderr
    )
    try:
        assert bot.stdout is not None
        yield (await bot.stdout.readline()).decode().strip()
    finally:
        bot.kill()
        await bot.wait()
