"""What a manager counts of the calls that came in."""

import math
from collections import Counter
from collections.abc import Sequence

from .measures import (
    CallRow,
    Figures,
    costs_of,
    faults_of,
    judgement,
    mean,
    percentiles,
    quality_of,
    share,
)


def measure_calls(calls: Sequence[CallRow]) -> Figures:
    """The figures of the calls that came in and have ended; `answered`: they talked to somebody."""
    talks = [call.talk_s for call in calls if call.talk_s is not None]
    to_talk = [max(0.0, call.talk_at - call.created) for call in calls if call.talk_at is not None]
    results = Counter(call.result or "" for call in calls)
    return {
        "calls": len(calls),
        "answered": len(to_talk),
        "unanswered": len(calls) - len(to_talk),
        "answered_percent": share(len(to_talk), len(calls)),
        "results": dict(sorted(results.items())),
        "to_talk_s": mean(to_talk),
        **percentiles("to_talk", to_talk),
        "talk_s": round(math.fsum(talks), 3),
        **percentiles("talk", talks),
        **quality_of([call.mos for call in calls if call.mos is not None]),
        **faults_of(calls),
        **judgement(calls),
        "costs": costs_of(calls),
    }
