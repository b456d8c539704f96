"""Centres' shares of a queue's load, by hours and by the customer's place.

The centres that are open, serve the place and can take a call now take turns by their per cents
(smooth weighted round robin): after any number of entries each is within one of its exact share.
Where a share names the customer's place, those that name no place get no share of them. Where no
centre can take a call now, all have their turns.
"""

from collections.abc import Callable, Mapping, Sequence

from config.queues import Centre, Share

from ...routing.hours.opening_hours import OpeningHours

CanTake = Callable[[str], bool]
"""Whether a centre, by its name, can take the entry now: it has agents on duty, or a number."""


class CentreShares:
    """Says which centre gets the next entry of one queue."""

    def __init__(
        self,
        shares: Sequence[Share],
        centres: Mapping[str, Centre],
        calendars: Mapping[str, OpeningHours],
        before: "CentreShares | None" = None,
    ) -> None:
        self._shares = [share for share in shares if share.percent > 0]
        self._hours = [
            [calendars[name] for name in (share.calendar, centres[share.centre].calendar) if name]
            for share in self._shares
        ]
        # For each set of centres that share, how far each is behind or ahead.
        self._credit: dict[tuple[int, ...], list[float]] = {}
        self.given: dict[str, int] = {}
        if before is not None:  # a reload does not restart the turns
            self.given = before.given
            if before._shares == self._shares:
                self._credit = before._credit

    def pick(
        self, number: str | None, region: str | None, now: float, can_take: CanTake
    ) -> str | None:
        """The centre of the next entry, of a customer with `number` in `region`; None: any."""
        sharing = self._sharing(number, region, now, can_take)
        if not sharing:
            return None
        credit = self._credit.setdefault(sharing, [0.0] * len(sharing))
        first = self._first(sharing, credit)
        for place, index in enumerate(sharing):
            credit[place] += self._shares[index].percent
        credit[first] -= sum(self._shares[index].percent for index in sharing)
        centre = self._shares[sharing[first]].centre
        self.given[centre] = self.given.get(centre, 0) + 1
        return centre

    def next(
        self, number: str | None, region: str | None, now: float, can_take: CanTake
    ) -> str | None:
        """What `pick` would give; nothing is counted."""
        sharing = self._sharing(number, region, now, can_take)
        if not sharing:
            return None
        credit = self._credit.get(sharing) or [0.0] * len(sharing)
        return self._shares[sharing[self._first(sharing, credit)]].centre

    def _first(self, sharing: tuple[int, ...], credit: list[float]) -> int:
        due = [credit[place] + self._shares[index].percent for place, index in enumerate(sharing)]
        return max(range(len(sharing)), key=due.__getitem__)

    def __bool__(self) -> bool:
        return bool(self._shares)

    def _sharing(
        self, number: str | None, region: str | None, now: float, can_take: CanTake
    ) -> tuple[int, ...]:
        of_place: list[int] = []
        of_all: list[int] = []
        for index, share in enumerate(self._shares):
            if not all(hours.is_open(now) for hours in self._hours[index]):
                continue
            if not share.regions and not share.prefixes:
                of_all.append(index)
            elif (region is not None and region in share.regions) or (
                number is not None and number.startswith(tuple(share.prefixes))
            ):
                of_place.append(index)
        chosen = of_place or of_all
        return tuple(one for one in chosen if can_take(self._shares[one].centre)) or tuple(chosen)
