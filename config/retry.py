"""[[retry]]: when a callback is tried again, by the cause for which an attempt ended."""

from typing import Literal

from pydantic import Field

from .section import Section
from .values import Seconds

RetryCause = Literal[
    "busy",
    "no_answer",
    "rejected",
    "unreachable",
    "abandoned",
    "operator_missed",
    "machine",
    "failed",
]
"""Why an attempt ended; `abandoned`: the customer answered, and hung up before they were joined."""


class RetryRule(Section):
    """[[retry]]: what follows attempts that ended for `cause`.

    A cause without a rule follows dial.max_attempts and dial.retry_s, but `abandoned`, after which
    there is no further attempt.
    """

    cause: RetryCause
    attempts: int = Field(default=1, ge=1, le=100)
    spacing_s: list[Seconds] = Field(default=[], max_length=100)
    next_number: bool = True
