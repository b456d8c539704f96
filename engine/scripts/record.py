"""What is kept of one walk through a script, on the record of its call."""

from typing import Literal

import msgspec

from .actions import EndWord

ScriptUse = Literal["inbound", "customer", "agent", "queue", "after"]
"""When: as the call came in; after the customer, or the agent, of a callback has answered; in the
place of a wait in a queue; after the talk."""


class ScriptRecord(msgspec.Struct, kw_only=True):
    """One walk through a script."""

    script: str
    """Its name."""
    use: ScriptUse
    """When the party went through it."""
    started: float
    """When it began (Unix seconds)."""
    ended: float | None = None
    """When it was over."""
    result: EndWord | None = None
    """How it ended, in one word."""
    cause: str = ""
    """Why it ended so, in words."""
    steps: int = 0
    """How many steps were entered."""
    path: list[str] = []
    """The steps in their order, the first hundred."""

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.started += by_s
        if self.ended is not None:
            self.ended += by_s
