"""What calls cost: a rate by the longest prefix of the number, in exact decimal arithmetic."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

import msgspec

from config.policy import Costs, Rate

from ..job import CostView, Job, LegCost, LegRecord

_MILLI = Decimal("0.001")
_CENT_OF_CENT = Decimal("0.0001")
_MINUTE_S = 60


class Cost(msgspec.Struct, frozen=True):
    """An amount of money, and the prefix of the rate it comes from; None: there is no rate."""

    amount: Decimal
    """The amount, as a decimal number."""
    currency: str
    """Its currency."""
    rate: str | None = None
    """The prefix of the rate; null: there is none."""


class Rates:
    """The rate table. Amounts have four decimals; only what was answered costs anything."""

    def __init__(self, rates: Sequence[Rate] = (), costs: Costs | None = None) -> None:
        self.costs = costs or Costs()
        self._by_prefix = {rate.prefix: rate for rate in rates}
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def rate(self, called: str) -> Rate | None:
        """The rate for a number in E.164: that of the longest prefix."""
        for length in self._lengths:
            rate = self._by_prefix.get(called[:length])
            if rate is not None:
                return rate
        return None

    def cost(self, called: str, talk_s: float) -> Cost:
        """What a call to `called` costs that was answered for `talk_s` seconds.

        Nothing, where it was not answered or no rate is known.
        """
        rate = self.rate(called)
        if rate is None:
            return Cost(Decimal(0), self.costs.currency)
        return Cost(_price(rate, talk_s), self.costs.currency, rate.prefix)

    def estimate(self, called: str) -> Cost:
        """What a call to `called` is taken to cost before it was made."""
        return self.cost(called, self.costs.expected_talk_s)

    def cost_of(self, job: Job) -> CostView:
        """What all legs of a job cost so far, as the job shows it: in total and by leg."""
        return self.cost_of_legs(leg for attempt in job.attempts for leg in attempt.legs)

    def cost_of_legs(self, called: Iterable[LegRecord]) -> CostView:
        """What legs that were called cost so far, in the same form."""
        costs = [self._cost_of_leg(leg) for leg in called]
        billed = [cost for cost in costs if cost is not None]
        total = sum((Decimal(leg["amount"]) for leg in billed), Decimal(0))
        return {"amount": str(total), "currency": self.costs.currency, "legs": billed}

    def _cost_of_leg(self, leg: LegRecord) -> LegCost | None:
        user = leg.uri.partition(":")[2].partition("@")[0]
        # Numbers go to trunks in full; whatever else was called costs nothing here.
        if not user.startswith("+") or leg.answered is None or leg.ended is None:
            return None
        talk_s = leg.ended - leg.answered
        cost = self.cost(user, talk_s)
        if cost.rate is None:
            return None
        return {
            "amount": str(cost.amount),
            "rate": cost.rate,
            "talk_s": round(talk_s, 3),
            "leg": leg.leg,
            "role": leg.role,
        }


def _price(rate: Rate, talk_s: float) -> Decimal:
    # Billing systems count in milliseconds at most; float noise must not begin an increment.
    talk = Decimal(str(talk_s)).quantize(_MILLI)
    if talk <= 0:
        return Decimal(0).quantize(_CENT_OF_CENT)
    increments = (talk / rate.increment_s).to_integral_value(ROUND_CEILING)
    billed_s = max(increments * rate.increment_s, Decimal(rate.minimum_s))
    price = rate.connection + rate.per_minute * billed_s / _MINUTE_S
    return price.quantize(_CENT_OF_CENT, ROUND_HALF_UP)
