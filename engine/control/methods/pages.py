"""A page of a list: as many as were asked for, and no more than fit on a line of the wire.

Each item is shown and measured by itself, and the event loop has its turn in between.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from ...errors import BadParams
from ...request import Params

PAGE_BYTES: Final = 512 * 1024
"""A page ends early when it holds this much; one item more may be on it."""
MOST: Final = 1000
SLICE_S: Final = 0.001
"""How long a page is worked on before the loop has its turn."""

T = TypeVar("T")
V = TypeVar("V")

_encoder = msgspec.json.Encoder()


class Paged(Params):
    """What a method takes that gives a page: `cursor` is that of the page before."""

    limit: Annotated[int, Meta(ge=1, le=MOST)] = MOST
    cursor: Annotated[str, Meta(max_length=256)] | None = None


class Slices:
    """Long work in slices: `pause` gives the loop its turn where SLICE_S is over."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def pause(self) -> None:
        """To be awaited between two steps of the work."""
        if time.perf_counter() - self._began > SLICE_S:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Page(Generic[T, V]):
    """The views of one page. `last` is the item of the last of them, where more follow."""

    views: list[V]
    last: T | None


async def page_of(items: Iterable[T], view: Callable[[T], V], limit: int) -> Page[T, V]:
    """The first `limit` items, or fewer."""
    shown: list[V] = []
    size = 0
    last: T | None = None
    slices = Slices()
    for item in items:
        if len(shown) == limit or size > PAGE_BYTES:
            return Page(shown, last)
        one = view(item)
        size += len(_encoder.encode(one))
        shown.append(one)
        last = item
        await slices.pause()
    return Page(shown, None)


def bounded(views: Iterable[V], most_bytes: int = PAGE_BYTES) -> tuple[list[V], int]:
    """The first of these that fit into `most_bytes`, and how many are left out."""
    views = list(views)
    size = 0
    for number, one in enumerate(views):
        size += len(_encoder.encode(one))
        if size > most_bytes:
            return views[:number], len(views) - number
    return views, 0


def after_named(named: Mapping[str, T], cursor: str | None, method: str) -> list[T]:
    """Those of a mapping that come after where the page before has ended.

    What was added or removed since then disturbs the pages by no more than itself.
    """
    if cursor is None:
        return list(named.values())
    number, _, name = cursor.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and name):
        raise BadParams("cursor", f"is not one that {method} gave")
    names = list(named)
    begin = names.index(name) + 1 if name in named else int(number)
    return [named[one] for one in names[begin:]]


def cursor_at(named: Mapping[str, object], name: str) -> str:
    """The cursor of a page that ends with `name`."""
    return f"{list(named).index(name)}:{name}"
