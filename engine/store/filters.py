"""The filters of callback.list and record.list, as conditions of SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Condition = tuple[str, tuple[Any, ...]]
"""A condition, and the values of its marks."""

_BODY = "CAST(body AS TEXT)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """A row passes if every filter that is given matches it.

    `number` is in E.164. `begin` and `end` bound the time of the request: from `begin`, before
    `end`. `context` has keys and the value that each must have; None: any value.
    """

    state: str | None = None
    number: str | None = None
    site: str | None = None
    queue: str | None = None
    agent: str | None = None
    begin: float | None = None
    end: float | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def of_jobs(self) -> tuple[list[Condition], list[Condition]]:
        """The conditions of table `jobs`: those of columns, and those that read a job's body."""
        request = f"json_extract({_BODY}, '$.request"
        asked_or_offered = (
            f"({request}.agent') = ? OR EXISTS (SELECT 1 FROM json_each({_BODY}, '$.offers')"
            " WHERE json_extract(value, '$.agent') = ?))"
        )
        return _given(
            ("state = ?", self.state),
            ("called = ?", self.number),
            ("created >= ?", self.begin),
            ("created < ?", self.end),
        ), [
            *_given(
                (f"{request}.site') = ?", self.site),
                (f"{request}.queue') = ?", self.queue),
                (asked_or_offered, self.agent),
            ),
            *self._of_context("$.request.context"),
        ]

    def of_records(self) -> tuple[list[Condition], list[Condition]]:
        """The same of table `records`."""
        return _given(
            ("state = ?", self.state),
            ("number = ?", self.number),
            ("site = ?", self.site),
            ("queue = ?", self.queue),
            ("agent = ?", self.agent),
            ("created >= ?", self.begin),
            ("created < ?", self.end),
        ), list(self._of_context("$.context"))

    def _of_context(self, path: str) -> Iterator[Condition]:
        for key, value in self.context.items():
            kind, values = _typed(value)
            condition = f"EXISTS (SELECT 1 FROM json_each({_BODY}, ?) WHERE key = ?{kind})"
            yield condition, (path, key, *values)


def _typed(value: Any) -> Condition:
    """The condition for the value of a key. JSON tells 1 from true and from "1"."""
    if value is None:
        return "", ()
    if isinstance(value, bool):
        return " AND type = ?", ("true" if value else "false",)
    if isinstance(value, str):
        return " AND type = 'text' AND atom = ?", (value,)
    return " AND type IN ('integer', 'real') AND atom = ?", (value,)


def _given(*conditions: tuple[str, Any]) -> list[Condition]:
    """Those whose value is given, which stands for each of their marks."""
    return [(text, (value,) * text.count("?")) for text, value in conditions if value is not None]


def joined(conditions: list[Condition]) -> Condition:
    """All of the conditions as one."""
    text = " AND ".join(text for text, _values in conditions) or "TRUE"
    return text, tuple(value for _text, values in conditions for value in values)
