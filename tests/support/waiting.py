"""Waiting for what another process or the kernel does."""

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE_S = 10.0


async def until(true: Callable[[], object]) -> None:
    """Return once `true()` holds; TimeoutError when it does not come to that."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110 - nothing in this process could set an event
            await asyncio.sleep(0.002)


async def until_answer(ask: Callable[[], Awaitable[object]]) -> None:
    """Return once the awaited answer is true."""
    async with asyncio.timeout(DEADLINE_S):
        while not await ask():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
