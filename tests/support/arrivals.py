"""What has happened so far, in order, and a way to wait for what has not happened yet."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from .waiting import DEADLINE_S

T = TypeVar("T")


class Arrivals(Generic[T]):
    """A list that can be waited on."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._news = asyncio.Event()

    def add(self, item: T) -> None:
        """Append `item` and wake who waits."""
        self.items.append(item)
        self._news.set()
        self._news = asyncio.Event()

    def that(self, matches: Callable[[T], bool]) -> list[T]:
        """Those so far that match."""
        return [item for item in self.items if matches(item)]

    async def wait_for(
        self, matches: Callable[[T], bool], *, timeout_s: float = DEADLINE_S, nth: int = 1
    ) -> T:
        """The nth that matches, past or to come. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while len(found := self.that(matches)) < nth:
                await self._news.wait()
        return found[nth - 1]
