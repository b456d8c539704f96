"""A webhook as it is shown, and what was given up of it."""

from typing import Literal, TypedDict

import msgspec


class GivenUp(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A delivery that will not be made unless a person says so."""

    seq: int
    """The number of the event."""
    type: str
    """Its type; empty where the log has lost it."""
    time: float
    """When it was given up (Unix seconds)."""
    attempts: int = 0
    """How often it was tried."""
    reason: str
    """Why the last attempt failed."""


class WebhookSummary(TypedDict):
    """How a webhook does."""

    webhook: str
    """The name."""
    pending: int
    """How many deliveries wait."""
    given_up: int
    """How many were given up and can be tried again."""
    last_error: str | None
    """Why the last failed attempt failed."""
    last_error_at: float | None
    """When that was (Unix seconds)."""
    ended_at: float | None
    """When its receiver answered 410, which ended the deliveries; null where they go on."""


class WebhookView(WebhookSummary):
    """A webhook."""

    url: str
    """Where events are posted, without passwords and tokens."""
    types: list[str]
    """The beginnings of the types of events that are posted."""
    sites: list[str]
    """The sites whose events are posted; empty: all, and events of no site."""
    queues: list[str]
    """The queues whose events are posted; empty: all, and events of no queue."""
    origin: Literal["configured", "added", "requests"]
    """Where it is from: the configuration, `webhook.add`, or the `notify_url` of requests."""
    behind: int
    """How many events of the log it has not read yet."""
    under_way: int
    """How many deliveries are being made."""
    next_attempt_at: float | None
    """When the next delivery is tried (Unix seconds)."""
    delivered: int
    """How many were delivered since the start."""
    failures: int
    """How many attempts failed since the start."""
    last_delivered_at: float | None
    """When one was last delivered (Unix seconds)."""
    latest_given_up: list[GivenUp]
    """The deliveries that were given up last, the latest first."""


class Retried(TypedDict):
    """webhook.retry."""

    retried: int
    """How many are tried again."""
    not_kept: int
    """How many the event log no longer has."""


class Tested(TypedDict):
    """webhook.test."""

    delivered: bool
    """Whether the receiver accepted it."""
    status: int | None
    """The HTTP status of its answer; null: it gave none."""
    error: str | None
    """Why it did not arrive."""
    took_s: float
    """How long it took."""
