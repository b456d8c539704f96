"""Whether a site's visitors can be called now, how soon, and in which slots otherwise."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypedDict

from config.sites import Site

from .callback_service import CallbackService

HOLDS_S = 2.0


class SiteAvailability(TypedDict):
    """GET /v1/sites/KEY/availability."""

    open: bool
    """Whether a callback that is requested now is made now."""
    agents_free: int | None
    """How many agents could take it at once; null: not known, of a phone."""
    expected_wait_s: float | None
    """How long it would wait; null: not known."""
    opens_at: float | None
    """When the site opens, where it is closed."""
    refusal: Literal["closed", "closed_now", "busy"] | None
    """Where it is not open: with which reason a callback for now may be refused."""
    slots: list[dict[str, float]]
    """The times, each with `from` and `to`, at which one more visitor may be called later."""


class Availabilities:
    """Asks the engine at most every HOLDS_S seconds for each site.

    `clock` is monotonic.
    """

    def __init__(
        self,
        service: CallbackService,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._clock = clock
        self._known: dict[str, tuple[float, SiteAvailability]] = {}
        self._asking: dict[str, asyncio.Task[SiteAvailability]] = {}

    async def of(self, site: Site) -> SiteAvailability:
        """The availability of a site. Raises Refusal `engine`."""
        known = self._known.get(site.key)
        if known is not None and self._clock() - known[0] <= HOLDS_S:
            return known[1]
        asking = self._asking.get(site.key)
        if asking is None:  # one asks for all who wait
            asking = self._asking[site.key] = asyncio.create_task(self._ask(site))
            asking.add_done_callback(partial(self._answered, site.key, self._clock()))
        return await asyncio.shield(asking)

    def forget(self, site: Site) -> None:
        """A slot of the site was taken: ask again."""
        self._known.pop(site.key, None)
        self._asking.pop(site.key, None)

    def _answered(self, key: str, at: float, asking: "asyncio.Task[SiteAvailability]") -> None:
        failed = asking.cancelled() or asking.exception() is not None
        if self._asking.get(key) is asking:  # else it is from before a slot was taken
            del self._asking[key]
            if not failed:
                self._known[key] = at, asking.result()

    async def _ask(self, site: Site) -> SiteAvailability:
        found = await self._service.availability(site)
        due = self._service.due_uncalled(site)

        def has_room(slot: Mapping[str, Any]) -> bool:
            taken = bisect_left(due, slot["end"]) - bisect_left(due, slot["start"])
            return bool(slot["left"] > taken)

        free = found["agents_free" if site.queue else "free"]
        return {
            "open": found["open"],
            "agents_free": None if free is None else int(free),
            "expected_wait_s": found["expected_wait_s"] if site.queue else None,
            "opens_at": found["opens_at"],
            "refusal": _refusal(found),
            "slots": [
                {"from": one["start"], "to": one["end"]} for one in found["slots"] if has_room(one)
            ],
        }


def _refusal(found: Mapping[str, Any]) -> Literal["closed", "closed_now", "busy"] | None:
    if found["open"]:
        return None
    if found["opens_at"] is not None:
        return "closed"
    # Within its hours it is full or paused; without any in the next days it is closed.
    return "closed_now" if found.get("hours") == [] else "busy"
