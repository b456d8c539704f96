"""A call in the trace: which SIP flows are its legs', and what is known of it besides."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

from ..job import LegRecord, site_of

# What a call and each leg of it take of the memory besides their messages.
CALL_BYTES: Final = 1_500
LEG_BYTES: Final = 2_500

_KEPT: Final = ("from", "number", "dialled", "trunk", "route", "queue", "agent", "attestation")


class CallToTrace(Protocol):
    """What is read of a call while it is up."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def job_id(self) -> str | None:
        """The job that it is an attempt of."""

    @property
    def direction(self) -> Literal["inbound", "outbound"]:
        """Whether it came in."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Who calls, what was dialled."""

    @property
    def started(self) -> float:
        """When it began."""

    @property
    def bridged_at(self) -> float | None:
        """When the two were joined."""

    @property
    def ending(self) -> tuple[str, str] | None:
        """How it ended, in a word, and why; None while it is up, or where a record says so."""


class Line:
    """The permanent line of an agent, which is traced as a call of its own."""

    job_id = None
    direction: Literal["outbound"] = "outbound"
    bridged_at = None
    ending = None

    def __init__(self, line_id: str, agent: str, started: float) -> None:
        self.id = line_id
        self.about: Mapping[str, Any] = {"agent": agent}
        self.started = started


class TracedLeg:
    """One leg, and the Call-IDs of the dialogs by which it was called: one for each try."""

    __slots__ = ("call_ids", "record")

    def __init__(self, record: LegRecord) -> None:
        self.record = record
        self.call_ids: tuple[bytes, ...] = ()


class TracedCall:
    """One call, up or over. `about` is what little of the call's own is kept."""

    __slots__ = (
        "_source", "about", "bridged_at", "direction", "ended_at", "ending", "id", "job_id", "legs",
        "site", "started",
    )  # fmt: skip

    def __init__(self, source: CallToTrace) -> None:
        self.id = source.id
        self.job_id = source.job_id
        self.direction = source.direction
        self.started = source.started
        self.legs: list[TracedLeg] = []
        self.ended_at: float | None = None
        self._source: CallToTrace | None = source
        self._look(source)

    @property
    def is_up(self) -> bool:
        """Whether it has not ended."""
        return self._source is not None

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory besides its messages."""
        return CALL_BYTES + LEG_BYTES * len(self.legs)

    def refresh(self) -> "TracedCall":
        """Take over what has changed while it is up."""
        if self._source is not None:
            self._look(self._source)
        return self

    def end(self, now: float) -> None:
        """The call is over: it is itself needed no more."""
        self.refresh()
        self._source = None
        self.ended_at = now

    def leg_with(self, call_id: bytes) -> TracedLeg | None:
        """The leg that was called by a dialog with this Call-ID."""
        return next((leg for leg in self.legs if call_id in leg.call_ids), None)

    def leg_of(self, record: LegRecord) -> TracedLeg | None:
        """The leg with this record, if it is known."""
        return next((leg for leg in self.legs if leg.record is record), None)

    def _look(self, source: CallToTrace) -> None:
        self.started = source.started
        self.bridged_at = source.bridged_at
        self.ending = source.ending
        about = source.about
        self.about = {name: about[name] for name in _KEPT if about.get(name) is not None}
        self.site = site_of(about.get("context") or {})
