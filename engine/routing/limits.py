"""Velocity and cost limits: how many requests were accepted lately, of whom, and what they cost.

Windows slide: "a day" is the last 24 hours. Each accepted request is one document in the store, so
that the counts survive a restart and are in the transaction of the job itself. Nothing is counted
where nothing is limited. A number that visitors of sites ask for has a limit of its own besides,
over all sites: anybody can type anybody's. It counts the requests for which that number may ring:
one that ends before has no part in it.
"""

import ipaddress
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
import structlog

from config.policy import Limit, Limits

from ..errors import EngineError
from ..store.protocols import NOTHING_KEPT, LoadedDocuments

log = structlog.get_logger()

KIND = "accepted"
_UNLIMITED: Final = Limit()
SITE_NUMBER = "site_number"
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
# Who has one IPv6 address has all of its network (RFC 6177).
IPV6_SITE_BITS = 64
# How often the log says that the limit of visitors is reached: strangers must not fill it.
WARNED_S = 600.0

Key = tuple[str, str]  # what is limited, and which of them: ("site", "shop.example")


def visitor_of(site: str | None, source: str | None) -> str | None:
    """The site, where a visitor of it asks: their address is known. Its own people have none."""
    return site if site and source else None


class Accepted(msgspec.Struct, kw_only=True, eq=False):
    """One accepted request, as it counts; `id` is that of its job.

    It counts for each number that it may call. `cost` is first what is expected, and what it was
    when it is over.
    """

    id: str = ""
    at: float
    number: str | None = None
    others: tuple[str, ...] = ()
    site: str | None = None
    source: str | None = None
    cost: Decimal = Decimal(0)
    rang_nobody: bool = False
    """It is over, and no customer was called."""

    @property
    def is_of_visitor(self) -> bool:
        """Whether a visitor of a site has asked."""
        return visitor_of(self.site, self.source) is not None

    def counts_for(self) -> list[Key]:
        """Everything this request counts for."""
        source = address_block(self.source) if self.source else None
        numbers = [("number", one) for one in self._numbers]
        named = [*numbers, ("site", self.site), ("source", source)]
        of_visitors = [] if self.rang_nobody else self.of_visitors()
        return [("total", ""), *((what, which) for what, which in named if which), *of_visitors]

    def of_visitors(self) -> list[Key]:
        """The numbers that visitors of sites have asked for with it."""
        numbers = self._numbers if self.is_of_visitor else ()
        return [(SITE_NUMBER, one) for one in numbers if one]

    @property
    def _numbers(self) -> dict[str | None, None]:
        return dict.fromkeys((self.number, *self.others))


def address_block(source: str) -> str:
    """What shares a limit with `source`: an IPv6 address with its network, others alone."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, IPV6_SITE_BITS), strict=False))


class _Window:
    """The requests of the last `length_s`, in all and by key, oldest first."""

    def __init__(self, name: str, length_s: float) -> None:
        self.name = name
        self.length_s = length_s
        self.by_key: dict[Key, deque[Accepted]] = {}
        self._all: deque[Accepted] = deque()

    def add_accepted(self, request: Accepted) -> None:
        self._all.append(request)
        for key in request.counts_for():
            self.by_key.setdefault(key, deque()).append(request)

    def expire(self, now: float) -> list[Accepted]:
        """Forget what is no longer in the window; gives it."""
        gone = []
        while self._all and self._all[0].at + self.length_s <= now:
            gone.append(self._all.popleft())
            self._drop(gone[-1])
        return gone

    def remove(self, request: Accepted) -> None:
        if request in self._all:
            self._all.remove(request)
            self._drop(request)

    def give_back(self, request: Accepted, keys: Iterable[Key]) -> None:
        """The request counts for these no more."""
        for key in keys:
            if request in self.by_key.get(key, ()):
                self._drop_from(key, request)

    def _drop(self, request: Accepted) -> None:
        for key in request.counts_for():
            self._drop_from(key, request)

    def _drop_from(self, key: Key, request: Accepted) -> None:
        of_key = self.by_key[key]
        of_key.remove(request)  # found first, where it expires
        if not of_key:
            del self.by_key[key]


class RateLimits:
    """Counts accepted requests and holds them against the limits."""

    def __init__(self, limits: Limits, store: LoadedDocuments = NOTHING_KEPT) -> None:
        self._store = store
        self._day = _Window("a day", DAY_S)
        self._windows = (_Window("a minute", MINUTE_S), _Window("an hour", HOUR_S), self._day)
        self._by_id: dict[str, Accepted] = {}
        self._spent: dict[Key, Decimal] = {}
        self._newest = 0.0
        self._warned_at = -WARNED_S
        self._refused = 0
        """How often the limit of visitors was reached since that was logged."""
        self.apply(limits)

    def apply(self, limits: Limits) -> None:
        """Hold requests against these limits from now on; what was counted still counts."""
        self._limits = limits
        every = (limits.number, limits.site, limits.source, limits.total)
        self._counts_all = any(limit != _UNLIMITED for limit in every)
        self._counts_visitors = self._counts_all or limits.site_number != _UNLIMITED
        self._limits_cost = any(limit.cost_per_day for limit in every)

    async def load(self, now: float) -> None:
        """Read what an earlier engine counted. Raises StoreError."""
        stored = await self._store.load(KIND, Accepted)
        for request in sorted(stored.values(), key=lambda request: request.at):
            self._add(request)
        self._expire(now)

    # -- asking -----------------------------------------------------------------------------

    def check(self, request: Accepted) -> None:
        """Raises EngineError `refused`, policy `velocity` or `cost`, where a limit is reached."""
        if not self._is_counted(request):
            return
        self._expire(request.at)
        for key in request.counts_for():
            try:
                self._check_key(key, request.cost)
            except EngineError as error:
                if key[0] == SITE_NUMBER:
                    self._warn(key[1], error.message, request.at)
                raise

    def _check_key(self, key: Key, cost: Decimal) -> None:
        limit: Limit = getattr(self._limits, key[0])
        most_by_window = (limit.per_minute, limit.per_hour, limit.per_day)
        for window, most in zip(self._windows, most_by_window, strict=True):
            self._check_velocity(key, window, most)
        if limit.cost_per_day:
            self._check_cost(key, limit.cost_per_day, cost)

    def _warn(self, number: str, reason: str, now: float) -> None:
        """Tell the owner, since visitors are told nothing."""
        self._refused += 1
        if 0 <= now - self._warned_at < WARNED_S:
            return
        log.warning("visitors_limited", number=number, reason=reason, refused=self._refused)
        self._warned_at, self._refused = now, 0

    def _check_velocity(self, key: Key, window: _Window, most: int) -> None:
        counted = window.by_key.get(key, ())
        if not most or len(counted) < most:
            return
        retry_at = counted[len(counted) - most].at + window.length_s
        reason = f"{most} requests in {window.name} are the most for {_words(key)}"
        raise _refusal("velocity", key, reason, retry_at)

    def _check_cost(self, key: Key, most: Decimal, cost: Decimal) -> None:
        spent = self._spent.get(key, Decimal(0))
        if spent + cost <= most:
            return
        retry_at = None
        for earlier in self._day.by_key.get(key, ()):
            spent -= earlier.cost
            if spent + cost <= most:
                retry_at = earlier.at + DAY_S
                break
        reason = f"calls for {most} in a day are the most for {_words(key)}"
        raise _refusal("cost", key, reason, retry_at)

    def limits_cost(self, *, of_visitor: bool) -> bool:
        """Whether any cost is limited that a request of a visitor, or of others, counts for."""
        return self._limits_cost or (of_visitor and bool(self._limits.site_number.cost_per_day))

    # -- counting ---------------------------------------------------------------------------

    def count(self, request: Accepted) -> None:
        """Count an accepted request."""
        if not self._is_counted(request):
            return
        self._expire(request.at)
        self._add(request)
        self._put(request)

    def _is_counted(self, request: Accepted) -> bool:
        return self._counts_visitors if request.is_of_visitor else self._counts_all

    def counts(self, id: str) -> bool:
        """Whether the request of this id was counted lately."""
        return id in self._by_id

    def settle(self, id: str, cost: Decimal) -> None:
        """The request is over: it cost this much, not what was expected."""
        request = self._by_id.get(id)
        if request is None or request.cost == cost:
            return
        self._spend(request, cost - request.cost)
        request.cost = cost
        self._put(request)

    def rang_nobody(self, id: str) -> None:
        """The request is over, and no customer was called: whose number it is may be asked for
        as often as before."""
        request = self._by_id.get(id)
        if request is None or request.rang_nobody or not request.is_of_visitor:
            return
        keys = request.of_visitors()
        for window in self._windows:
            window.give_back(request, keys)
        self._spend_for(keys, -request.cost)
        request.rang_nobody = True
        self._put(request)

    def forget(self, id: str) -> None:
        """The request was not accepted after all."""
        request = self._by_id.pop(id, None)
        if request is None:
            return
        for window in self._windows:
            window.remove(request)
        self._spend(request, -request.cost)
        self._drop(id)

    def shift(self, by_s: float) -> None:
        """The clock was stepped: what was accepted counts as long as before."""
        for request in self._by_id.values():
            request.at += by_s
            self._put(request)
        self._newest += by_s

    def _add(self, request: Accepted) -> None:
        # A clock that was set back must not bring them out of order.
        request.at = self._newest = max(request.at, self._newest)
        self._by_id[request.id] = request
        for window in self._windows:
            window.add_accepted(request)
        self._spend(request, request.cost)

    def _expire(self, now: float) -> None:
        for window in self._windows:
            gone = window.expire(now)
            if window is self._day:
                for request in gone:
                    self._by_id.pop(request.id, None)
                    self._spend(request, -request.cost)
                    self._drop(request.id)

    def _spend(self, request: Accepted, amount: Decimal) -> None:
        self._spend_for(request.counts_for(), amount)

    def _spend_for(self, keys: Iterable[Key], amount: Decimal) -> None:
        if not amount:
            return
        for key in keys:
            self._spent[key] = self._spent.get(key, Decimal(0)) + amount
            if not self._spent[key]:
                del self._spent[key]

    def _put(self, request: Accepted) -> None:
        self._store.put(KIND, request.id, request)

    def _drop(self, id: str) -> None:
        self._store.drop(KIND, id)


def _words(key: Key) -> str:
    what, which = key
    if what == SITE_NUMBER:
        return f"number {which}, of visitors of sites"
    return "all together" if what == "total" else f"{what} {which}"


def _refusal(policy: str, key: Key, reason: str, retry_at: float | None) -> EngineError:
    # It is a limit of the number, which gateways tell nobody.
    limit = "number" if key[0] == SITE_NUMBER else key[0]
    field = {"number": "to", "site": "site", "source": "source"}.get(limit)
    data = {"policy": policy, "limit": limit, "retry_at": retry_at}
    return EngineError("refused", reason, field=field, data=data)
