"""Waiting for what another process, a thread or the kernel does, of which no event is set here."""

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE_S = 40.0
LOOK_S = 0.002


async def until(true: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    """Return once `true()` holds; TimeoutError when it does not come to that."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


async def until_answer(
    ask: Callable[[], Awaitable[object]], *, within_s: float = DEADLINE_S
) -> None:
    """Return once the awaited answer is true."""
    async with asyncio.timeout(within_s):
        while not await ask():  # noqa: ASYNC110
            await asyncio.sleep(2 * LOOK_S)
