"""The section about alerts: a figure that is past its threshold for some time."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from .errors import wrong
from .section import Section
from .values import Name

Threshold = Annotated[float, Field(allow_inf_nan=False)]

QueueFigure = Literal[
    "waiting", "callers_waiting", "longest_wait_s", "expected_wait_s", "offered", "answered",
    "abandoned", "overflowed", "expired", "lost", "abandoned_percent", "asa_s",
    "service_level_percent",
]  # fmt: skip
"""Figures of one queue, as report.live has them: now, or of today."""
EngineFigure = Literal["agents_available", "agents_logged_in", "calls", "open_jobs"]
"""Figures of the whole engine."""


class Alert(Section):
    """[[alerts]]: one figure, and when it is one too many or too few."""

    name: Name
    figure: QueueFigure | EngineFigure
    queue: str = ""
    above: Threshold | None = None
    below: Threshold | None = None
    for_s: float = Field(default=0.0, ge=0, le=86400, allow_inf_nan=False)
    command: list[str] = Field(default=[], max_length=64)

    @property
    def is_of_queues(self) -> bool:
        """Whether each queue has the figure."""
        return self.figure in get_args(QueueFigure)

    @model_validator(mode="after")
    def _check(self) -> "Alert":
        if (self.above is None) == (self.below is None):
            raise wrong("above", "give one of above and below")
        if self.queue and not self.is_of_queues:
            raise wrong("queue", f"{self.figure} is not a figure of a queue")
        if self.command and not self.command[0].startswith("/"):
            raise wrong("command", f"{self.command[0]!r} is not the full path of a program")
        return self
