"""Answers of the name service, kept for their time to live, and served stale while none comes.

It has no clock: times are seconds on the caller's.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from .records import Answer, Kind

Question = tuple[str, Kind]

LONGEST_S: Final = 86_400.0
"""No answer is kept for longer, whatever its TTL says."""
LONGEST_NEGATIVE_S: Final = 60.0
"""That a name has no record is believed for no longer: names are set up while people wait."""
STALE_S: Final = 86_400.0
"""How long an answer may be served after its time, while the name is not answered (RFC 8767)."""
FAILURE_S: Final[dict[Kind, float]] = {"A": 5.0, "AAAA": 5.0, "SRV": 60.0, "NAPTR": 60.0}
"""How long a name that was not answered is not asked for again (RFC 9520). Some servers never
answer for the rarer kinds, and calls must not wait for that each time."""
_AGEING: Final = 0.8
"""The part of its time after which an answer that is in use is asked for again."""


class _Entry(NamedTuple):
    answer: Answer
    ageing_at: float
    until: float


class Cache:
    """The records of at most `most` names. The one that was not asked for longest is dropped."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._entries: OrderedDict[Question, _Entry] = OrderedDict()
        self._failures: OrderedDict[Question, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def fresh(self, question: Question, now: float) -> Answer | None:
        """The answer whose time is not over; None if there is none."""
        entry = self._entries.get(question)
        if entry is None or entry.until <= now:
            return None
        self._entries.move_to_end(question)
        return entry.answer

    def is_ageing(self, question: Question, now: float) -> bool:
        """Whether most of the time of the answer is over."""
        entry = self._entries.get(question)
        return entry is not None and entry.ageing_at <= now

    def stale(self, question: Question, now: float) -> Answer | None:
        """The answer, even if its time is over, for a day. None where the last one was "none"."""
        entry = self._entries.get(question)
        if entry is None or not entry.answer.records or entry.until + STALE_S <= now:
            return None
        return entry.answer

    def store(self, question: Question, answer: Answer, now: float) -> None:
        """Keep an answer for its time."""
        longest = LONGEST_S if answer.records else LONGEST_NEGATIVE_S
        self._failures.pop(question, None)
        kept_s = min(max(answer.ttl_s, 0.0), longest)
        self._entries[question] = _Entry(answer, now + kept_s * _AGEING, now + kept_s)
        self._entries.move_to_end(question)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def failure(self, question: Question, now: float) -> str | None:
        """Why the question was not answered a moment ago; None if it may be asked again."""
        reason, until = self._failures.get(question, ("", 0.0))
        return reason if until > now else None

    def store_failure(self, question: Question, reason: str, now: float) -> None:
        """Remember for a moment that the question was not answered."""
        self._failures[question] = (reason, now + FAILURE_S[question[1]])
        self._failures.move_to_end(question)
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)
