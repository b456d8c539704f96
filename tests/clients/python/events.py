"""Reading events in the tests of the client."""

import asyncio
from typing import Any

from ringback_client import Event
from tests.support.control_server import LIMIT_S


async def take(stream: Any, count: int) -> list[Event]:
    """The next `count` events of a stream."""
    async with asyncio.timeout(LIMIT_S):
        return [await anext(stream) for _ in range(count)]
