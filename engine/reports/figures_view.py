"""The figures of reports as the control protocol shows them: of queues, agents, callbacks, calls.

A figure that has nothing to be computed from is null. A share is in per cent.
"""

from typing import TypedDict


class ServiceLevels(TypedDict):
    """Service levels."""

    service_level_percent: float | None
    """The service level, by the definitions of the report."""
    asterisk_sl_percent: float | None
    """Answered within the time, of the answered."""
    asterisk_sl2_percent: float | None
    """Answered or abandoned within the time, of all."""


class StayCounts(ServiceLevels):
    """What became of those who joined a queue."""

    offered: int
    """Those who joined."""
    answered: int
    """Those that an agent answered."""
    abandoned: int
    """Those who hung up, without short ones."""
    short_abandoned: int
    """Those who hung up at once."""
    overflowed: int
    """Those who went on to another queue or number."""
    expired: int
    """Those whose time was up."""
    withdrawn: int
    """Those who were withdrawn."""
    lost: int
    """Those that a crash cut off."""
    abandoned_percent: float | None
    """Those who hung up, of all but short ones."""
    asa_s: float | None
    """The average speed of answer."""


class TalkPercentiles(TypedDict):
    """How long talks were."""

    talk_p50_s: float | None
    """The median talk."""
    talk_p90_s: float | None
    """The 90th percentile of talks."""
    talk_p95_s: float | None
    """The 95th percentile of talks."""
    talk_p99_s: float | None
    """The 99th percentile of talks."""


class QueueFiguresOf(StayCounts, TalkPercentiles):
    """The figures of those who joined a queue."""

    customers: int
    """Customers whose way through the queues began in it."""
    customers_answered: int
    """Those of them who were answered in the end, in whichever queue."""
    customers_abandoned: int
    """Those who hung up in the end, without short ones."""
    customers_answered_percent: float | None
    """The answered, of all."""
    customers_abandoned_percent: float | None
    """Those who hung up, of all but short ones."""
    customer_wait_s: float | None
    """The mean wait of the answered, in all queues."""
    customer_wait_p50_s: float | None
    """The median of it."""
    customer_wait_p90_s: float | None
    """The 90th percentile of it."""
    customer_wait_p95_s: float | None
    """The 95th percentile of it."""
    customer_wait_p99_s: float | None
    """The 99th percentile of it."""

    waiting: int
    """Those who still wait."""
    answered_in_service_level: int
    """Answered within the time."""
    aht_s: float | None
    """The average handle time: talk and wrap-up."""
    talk_s: float
    """All talks together."""
    longest_wait_s: float
    """The longest wait."""
    wait_p50_s: float | None
    """The median wait of the answered."""
    wait_p90_s: float | None
    """The 90th percentile of these waits."""
    wait_p95_s: float | None
    """The 95th percentile of these waits."""
    wait_p99_s: float | None
    """The 99th percentile of these waits."""
    abandon_p50_s: float | None
    """The median wait of those who hung up."""
    abandon_p90_s: float | None
    """The 90th percentile of these waits."""
    abandon_p95_s: float | None
    """The 95th percentile of these waits."""
    abandon_p99_s: float | None
    """The 99th percentile of these waits."""


class QueueFigures(QueueFiguresOf):
    """The figures of a queue: of all, and apart."""

    callers: QueueFiguresOf
    """Of callers alone."""
    callbacks: QueueFiguresOf
    """Of callbacks alone."""


class AgentFigures(TalkPercentiles):
    """The figures of an agent, or of several together."""

    offered: int
    """Calls that rang."""
    answered: int
    """Calls that they answered."""
    missed: int
    """Calls that they did not answer."""
    withdrawn: int
    """Calls that were withdrawn as they rang."""
    ringing_now: int
    """Calls that ring at this moment."""
    calls: int
    """Talks."""
    logged_in_s: float
    """Time logged in."""
    available_s: float
    """Time free."""
    reserved_s: float
    """Time reserved for a call."""
    ringing_s: float
    """Time in which the phone rang."""
    talking_s: float
    """Time on calls."""
    wrap_up_s: float
    """Time in wrap-up."""
    paused_s: float
    """Time paused."""
    occupancy_percent: float | None
    """Talking and wrap-up, of the time that was not a pause."""
    aht_s: float | None
    """The average handle time: talk and wrap-up."""
    pauses: dict[str, float]
    """Seconds of pause by reason."""


class QualityFigures(TypedDict):
    """How the talks sounded."""

    measured: int
    """Those whose quality is known."""
    mos: float | None
    """The mean opinion score of the customer's leg, of the worse of its directions."""
    mos_p5: float | None
    """The score that 5 % of them do not exceed."""
    poor: int
    """Those with a score below 3.1."""
    one_way: int
    """Those whose customer was not heard."""
    clipping: int
    """Those whose customer was heard clipped."""
    echo: int
    """Those in which the agent heard themselves from the customer's side."""


class JobFigures(TalkPercentiles, QualityFigures):
    """The figures of callbacks."""

    requested: int
    """Those that were requested."""
    completed: int
    """Those in which the two talked."""
    failed: int
    """Those that failed."""
    cancelled: int
    """Those that were cancelled."""
    cancelled_by_visitor: int
    """Those of them that the visitor who had asked for them cancelled."""
    expired: int
    """Those that expired."""
    open: int
    """Those that have not ended."""
    completed_percent: float | None
    """Completed, of the ended."""
    attempts: int
    """Attempts of them all."""
    called: int
    """Those whose customer was called."""
    promised: int
    """Those with a promised time."""
    promise_kept: int
    """Those whose customer was called by then."""
    promise_broken: int
    """Those whose customer was not."""
    promise_kept_percent: float | None
    """Kept, of the promises that are due."""
    to_operator_s: float | None
    """The mean time until an agent answered."""
    to_operator_p50_s: float | None
    """The median of it."""
    to_operator_p90_s: float | None
    """The 90th percentile of it."""
    to_operator_p95_s: float | None
    """The 95th percentile of it."""
    to_operator_p99_s: float | None
    """The 99th percentile of it."""
    to_customer_s: float | None
    """The mean time until the customer answered."""
    to_customer_p50_s: float | None
    """The median of it."""
    to_customer_p90_s: float | None
    """The 90th percentile of it."""
    to_customer_p95_s: float | None
    """The 95th percentile of it."""
    to_customer_p99_s: float | None
    """The 99th percentile of it."""
    to_talk_s: float | None
    """The mean time until they talked."""
    to_talk_p50_s: float | None
    """The median of it."""
    to_talk_p90_s: float | None
    """The 90th percentile of it."""
    to_talk_p95_s: float | None
    """The 95th percentile of it."""
    to_talk_p99_s: float | None
    """The 99th percentile of it."""
    talk_s: float
    """All talks together."""
    rated: int
    """Those with a rating."""
    rating: float | None
    """The mean rating."""
    outcomes: dict[str, int]
    """How many have each outcome."""
    labels: dict[str, int]
    """By whom or what customers were answered, as far as it was detected: how many each."""
    costs: dict[str, float]
    """What they cost, by currency."""


class CallFigures(TalkPercentiles, QualityFigures):
    """The figures of calls that came in and have ended."""

    calls: int
    """How many there were."""
    answered: int
    """Those in which the two talked."""
    unanswered: int
    """The others."""
    answered_percent: float | None
    """The answered, of all."""
    results: dict[str, int]
    """How many ended in each way."""
    to_talk_s: float | None
    """The mean time until they talked."""
    to_talk_p50_s: float | None
    """The median of it."""
    to_talk_p90_s: float | None
    """The 90th percentile of it."""
    to_talk_p95_s: float | None
    """The 95th percentile of it."""
    to_talk_p99_s: float | None
    """The 99th percentile of it."""
    talk_s: float
    """All talks together."""
    rated: int
    """Those with a rating."""
    rating: float | str | None
    """The mean rating; in a row of report.call by rating: the rating."""
    outcomes: dict[str, int]
    """How many have each outcome."""
    costs: dict[str, float]
    """What they cost, by currency."""


class SiteFigures(JobFigures):
    """The figures of a site: those of its callbacks, and of customers who were left alone."""

    customers_answered: int
    """Customers who answered."""
    left_alone: int
    """Those of them who had no agent for longer than `reports.alone_s`."""
    left_alone_percent: float | None
    """These, of those who answered."""
    customers_answered_30d: int
    """Customers who answered in the 30 days up to the end."""
    left_alone_30d: int
    """Those of them who were left alone."""
    left_alone_30d_percent: float | None
    """These, of those who answered."""
