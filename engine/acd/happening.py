"""A happening: one thing that was decided in the queues, as it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .queue_entry import Entry
from .waiting import Leave, Offer


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """`kind` is the last word of its event's type. An offer or a leave is told to who waits."""

    kind: str
    entry: Entry
    queue: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    offer: Offer | None = None
    leave: Leave | None = None
