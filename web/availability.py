"""Whether a site's visitors can be called now, how soon, and in which slots otherwise."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from config.sites import Site

from .callback_service import CallbackService

HOLDS_S = 2.0
MOST_SLOTS = 200
_SECONDS_PER_MIN = 60


class SiteAvailability(TypedDict):
    """GET /v1/sites/KEY/availability."""

    open: bool
    """Whether a callback that is requested now is made now."""
    agents_free: int | None
    """How many agents could take it at once; null: not known."""
    expected_wait_s: float | None
    """How long it would wait; null: not known."""
    opens_at: float | None
    """When the site opens, where it is closed."""
    slots: list[dict[str, float]]
    """The times, each with `from` and `to`, at which a visitor may be called later."""


class Availabilities:
    """Asks the engine at most every HOLDS_S seconds for each site.

    `clock` is monotonic, `wall_clock` has the date.
    """

    def __init__(
        self,
        service: CallbackService,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._clock = clock
        self._wall_clock = wall_clock
        self._known: dict[str, tuple[float, SiteAvailability]] = {}

    async def of(self, site: Site) -> SiteAvailability:
        """The availability of a site. Raises Refusal `engine`."""
        asked_at, found = self._known.get(site.key, (None, None))
        if found is None or asked_at is None or self._clock() - asked_at > HOLDS_S:
            found = await self._ask(site)
            self._known[site.key] = self._clock(), found
        return found

    async def _ask(self, site: Site) -> SiteAvailability:
        if not site.queue:  # an agent of their own: the engine waits until they are free
            return {
                "open": True, "agents_free": None, "expected_wait_s": None, "opens_at": None,
                "slots": [],
            }  # fmt: skip
        queue = await self._service.availability(site.queue, site.slot_days)
        return {
            "open": queue["open"],
            "agents_free": queue["agents_free"],
            "expected_wait_s": queue["expected_wait_s"],
            "opens_at": queue["opens_at"],
            "slots": slots(queue["hours"], site.slot_min, self._wall_clock()),
        }


def slots(
    hours: Sequence[Mapping[str, Any]] | None, slot_min: int, now: float
) -> list[dict[str, float]]:
    """The whole slots of `slot_min` minutes within the opening hours, from the next one on."""
    length_s = slot_min * _SECONDS_PER_MIN
    found: list[dict[str, float]] = []
    for span in hours or ():
        begins = -(-max(span["opens"], now) // length_s) * length_s
        while begins + length_s <= span["closes"] and len(found) < MOST_SLOTS:
            found.append({"from": begins, "to": begins + length_s})
            begins += length_s
    return found
