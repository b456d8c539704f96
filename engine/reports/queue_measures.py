"""What a manager counts of queues: entries and their results.

A stay is one wait in one queue. A customer may have several, one after the other.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .measures import (
    CustomerRow,
    Definitions,
    Figures,
    StayRow,
    mean,
    percentiles,
    share,
)

# Who waits, as it is stored and as the figures of each are named.
KINDS = {"callers": "call", "callbacks": "callback"}


def service_levels(
    *,
    answered: int,
    answered_in_time: int,
    abandoned: int,
    short_abandoned: int,
    abandoned_in_time: int,
    others: Mapping[str, int],
    definitions: Definitions,
) -> Figures:
    """The service level as configured, and Asterisk's two.

    `abandoned` leaves the short ones out; `abandoned_in_time` counts all that left within the
    service level, short ones too. `others` has how many were overflowed, expired, withdrawn, lost.
    """
    whole = answered
    if definitions.include_abandoned:
        whole += abandoned
        if definitions.include_short_abandoned:
            whole += short_abandoned
    for result, is_counted in (
        ("overflowed", definitions.include_overflowed),
        ("expired", definitions.include_expired),
        ("withdrawn", definitions.include_withdrawn),
        ("lost", definitions.include_lost),
    ):
        if is_counted:
            whole += others.get(result, 0)
    everybody = answered + abandoned + short_abandoned
    return {
        "service_level_percent": share(answered_in_time, whole),
        "asterisk_sl_percent": share(answered_in_time, answered),
        "asterisk_sl2_percent": share(answered_in_time + abandoned_in_time, everybody),
    }


def measure_queue(
    stays: Sequence[StayRow],
    definitions: Definitions,
    customers: Sequence[CustomerRow] = (),
) -> Figures:
    """The figures of one queue in one interval, of the stays and customers that began in it.

    Of all together, and of callers and callbacks apart.
    """
    return {
        **_measure_stays(stays, definitions),
        **_measure_customers(customers, definitions),
        **{
            name: {
                **_measure_stays([stay for stay in stays if stay.kind == kind], definitions),
                **_measure_customers([one for one in customers if one.kind == kind], definitions),
            }
            for name, kind in KINDS.items()
        },
    }


def _measure_customers(customers: Sequence[CustomerRow], definitions: Definitions) -> Figures:
    answered = [customer.waited_s for customer in customers if customer.result == "answered"]
    gave_up = [customer.waited_s for customer in customers if customer.result == "abandoned"]
    abandoned = [waited_s for waited_s in gave_up if waited_s >= definitions.short_abandon_s]
    return {
        "customers": len(customers),
        "customers_answered": len(answered),
        "customers_abandoned": len(abandoned),
        "customers_answered_percent": share(len(answered), len(customers)),
        "customers_abandoned_percent": share(
            len(abandoned), len(customers) - len(gave_up) + len(abandoned)
        ),
        "customer_wait_s": mean(answered),
        **percentiles("customer_wait", answered),
    }


def _measure_stays(stays: Iterable[StayRow], definitions: Definitions) -> Figures:
    counts: Counter[str | None] = Counter()
    answered: list[float] = []
    abandoned: list[float] = []
    talks: list[float] = []
    handles: list[float] = []
    longest = 0.0
    in_time = gave_up_in_time = 0
    for stay in stays:
        is_in_time = stay.waited_s <= definitions.level_s(stay.queue)
        counts[stay.result] += 1
        longest = max(longest, stay.waited_s)
        if stay.result == "answered":
            answered.append(stay.waited_s)
            in_time += is_in_time
            if stay.talk_s is not None:
                talks.append(stay.talk_s)
            if stay.handle_s is not None:
                handles.append(stay.handle_s)
        elif stay.result == "abandoned":
            abandoned.append(stay.waited_s)
            gave_up_in_time += is_in_time
    short = sum(waited < definitions.short_abandon_s for waited in abandoned)
    levels = service_levels(
        answered=len(answered),
        answered_in_time=in_time,
        abandoned=len(abandoned) - short,
        short_abandoned=short,
        abandoned_in_time=gave_up_in_time,
        others={result: count for result, count in counts.items() if result is not None},
        definitions=definitions,
    )
    return {
        "offered": counts.total(),
        "answered": len(answered),
        "abandoned": len(abandoned) - short,
        "short_abandoned": short,
        "overflowed": counts["overflowed"],
        "expired": counts["expired"],
        "withdrawn": counts["withdrawn"],
        "lost": counts["lost"],
        "waiting": counts[None],
        "answered_in_service_level": in_time,
        **levels,
        "abandoned_percent": share(len(abandoned) - short, counts.total() - short),
        "asa_s": mean(answered),
        "aht_s": mean(handles),
        "talk_s": round(math.fsum(talks), 3),
        "longest_wait_s": round(longest, 3),
        **percentiles("wait", answered),
        **percentiles("abandon", abandoned),
        **percentiles("talk", talks),
    }
