"""A request of which no callback is made: how one would go at which nobody answers.

A gateway for visitors shows that to who must not learn why nobody is called.
"""

from typing import TypedDict

from config.choices import Order
from config.sections import Dial

from ..job import Request
from .retry import policy_of


class Feigned(TypedDict):
    """callback.feign."""

    would_be_due: float | None
    """When it would be due; null: at once."""
    order: Order
    """Who would be called first."""
    whispers: bool
    """Whether the agent would hear something before the customer is called."""
    ring_s: float
    """How long the customer's phone would ring in each attempt."""
    attempts: int
    """How many attempts would be made."""
    spacing_s: list[float]
    """The pauses between them: one less than the attempts."""


def feigned(request: Request, dial: Dial) -> Feigned:
    """How the callback of a request would go if its customer answered at no attempt."""
    policy = policy_of(request, default_attempts=dial.max_attempts, default_pause_s=dial.retry_s)
    rule = policy.of("no_answer")
    attempts = max(1, min(rule.attempts, policy.most))
    return {
        "would_be_due": request.not_before,
        "order": request.order,
        "whispers": bool(request.whisper),
        "ring_s": request.ring_s,
        "attempts": attempts,
        "spacing_s": [policy.pause_s(rule, count) for count in range(1, attempts)],
    }
