"""Calls that came in and are not confirmed: few of one source, and none of them for long.

A caller sends its ACK within a round trip. Somebody who forges the address of a peer never does,
as our 200 does not reach them. Past a number of such calls, only a few a second of one source are
accepted: for each new call the oldest that was answered is ended. Over UDP a caller that gets no
answer sends its INVITE again after T1 (RFC 3261 17.1.1.2), and a forger does not: such a copy is
accepted before the others. A caller at another port of the host does not share the few of the
forger's port.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ..hop import Hop
from ..rate_limit import RateLimit, RateLimiter

OLD_ENOUGH_S: Final = 1.0
"""How long an answered call has for its ACK before it may be ended for another."""
_SENT_AGAIN_S: Final = 0.3
_FORGOTTEN_S: Final = 40.0
_MOST_SEEN: Final = 5_000
_PORTS: Final = 4
"""How many ports of one host may have that rate at once."""
_AGAIN_RATE: Final = 5
"""INVITEs that were sent again are accepted this many times as often as those that were not."""


@dataclass(frozen=True, slots=True)
class HalfOpenLimits:
    """How many calls may be half open, and how many more are taken of a source a second."""

    each: int = 64
    together: int = 512
    more_per_s: float = 5.0


class UnconfirmedCall(Protocol):
    """A call that came in and is not confirmed."""

    @property
    def source(self) -> Hop:
        """Where its INVITE came from."""

    @property
    def answered_at(self) -> float | None:
        """When our 200 was sent; None before."""

    def give_way(self, now: float) -> None:
        """End: its ACK did not come."""


class HalfOpenCalls:
    """The half-open calls of a user agent. Times are seconds on the caller's clock."""

    def __init__(self, limits: HalfOpenLimits) -> None:
        self._limits = limits
        self._calls: OrderedDict[UnconfirmedCall, str] = OrderedDict()
        self._hosts: Counter[str] = Counter()
        rate = limits.more_per_s
        self._more = RateLimiter(RateLimit(rate, rate))
        self._more_of_host = RateLimiter(RateLimit(_PORTS * rate, _PORTS * rate))
        self._again = RateLimiter(RateLimit(_AGAIN_RATE * rate, _AGAIN_RATE * rate))
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def add_call(self, call: UnconfirmedCall) -> None:
        """A call came in."""
        self._calls[call] = call.source.host
        self._hosts[call.source.host] += 1

    def discard(self, call: UnconfirmedCall) -> None:
        """It is confirmed or over. Does nothing if it is not there."""
        host = self._calls.pop(call, None)
        if host is not None:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def admit(self, source: Hop, invite: Hashable, now: float) -> Literal["yes", "later", "no"]:
        """Whether another call of `source` is taken; `invite` is the same for each copy of it.

        An older call of the source may end for it. "later": a copy of the INVITE may be taken.
        """
        limits, host = self._limits, source.host
        if self._hosts[host] < limits.each and len(self._calls) < limits.together:
            return "yes"
        victim = self._oldest(host, now)
        if victim is not None and self._may_push_out(source, invite, now):
            self._seen.pop(invite, None)
            victim.give_way(now)
            return "yes"
        if source.transport != "udp":
            return "no"
        self._seen.setdefault(invite, now)
        while len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return "later"

    def _may_push_out(self, source: Hop, invite: Hashable, now: float) -> bool:
        seen_at = self._seen.get(invite)
        if seen_at is not None and _SENT_AGAIN_S <= now - seen_at < _FORGOTTEN_S:
            return self._again.allow(source.host, now)
        is_allowed = self._more.allow(f"{source.host}:{source.port}", now)
        return is_allowed and self._more_of_host.allow(source.host, now)

    def _oldest(self, host: str, now: float) -> UnconfirmedCall | None:
        """The oldest answered call of the host; of any host, where it has not many itself."""
        own = self._hosts[host] >= self._limits.each
        for call, source in self._calls.items():
            if own and source != host:
                continue
            answered_at = call.answered_at
            if answered_at is not None and now - answered_at >= OLD_ENOUGH_S:
                return call
        return None
