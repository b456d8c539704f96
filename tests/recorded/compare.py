"""What of a recording a session of today does not show, or shows otherwise.

Ids of calls, legs and logs differ from one session to the next: each has its counterpart where it
stood. Times may be a moment apart, and events that came at once and are about different things may
change places. Members may be added, and events of types that the engine of the
recording did not have. The words of errors, which are for people, may be others. Everything else
must be as it was.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .session import Line, Turn

MOMENT_S = 0.25
"""How far apart two times may be: what the engine does in between takes no longer."""

INSTANT_S = 0.005
"""Events that are closer than this came at once; which of them is first may be by chance."""

_IDS = re.compile(r"\b(?:call|leg|line|cb)-[0-9a-f]{4}\b")
_OPAQUE = frozenset({"epoch", "cursor"})
"""Members whose values mean something to the engine that made them alone."""

_COUNTED = frozenset({"seq"})
"""Members that are greater where events have been added; they are looked at as a whole."""


@dataclass(frozen=True)
class Difference:
    """One difference: where, and what was there and is there."""

    step: Line
    path: str
    before: object
    now: object

    def __str__(self) -> str:
        return f"{self.path}\n    was {self.before!r}\n    is  {self.now!r}\n    after {self.step}"


class Intended(NamedTuple):
    """A change that was meant: where it shows, why it was made, and what changed into what."""

    path: str
    why: str
    into: Callable[[Any, Any], bool]

    def covers(self, difference: Difference) -> bool:
        return re.fullmatch(self.path, difference.path) is not None and self.into(
            difference.before, difference.now
        )


CLOSED_QUEUE = (
    Intended(
        r"callback\.\w+ answered\.result\.(jobs\[\d+\]\.)?(not_before|scheduled)"
        r"|event \S+\.not_before",
        "a request for a closed queue has the time at which it opens, and is told so at once",
        lambda _before, now: now is not None,
    ),
)
"""What has changed of callbacks for queues that are closed."""


@dataclass
class Ids:
    """Which id of today stands for which of the recording."""

    today: dict[str, str] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    """The sequence numbers of events."""

    def is_same(self, before: str, now: str) -> bool:
        """Whether `now` is what `before` was; the first time it is seen, it is."""
        return self.today.setdefault(before, now) == now

    def copy(self) -> "Ids":
        """The same ids, to be tried out."""
        return Ids(dict(self.today), dict(self.numbers))

    def translate(self, value: Any) -> Any:
        """A request of the recording with the ids of today in it."""
        if isinstance(value, dict):
            return {
                name: self.numbers.get(inner, inner) if name == "since" else self.translate(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self.translate(inner) for inner in value]
        if isinstance(value, str):
            if value in self.today:
                return self.today[value]
            return _IDS.sub(lambda found: self.today.get(found[0], found[0]), value)
        return value


class Comparison:
    """Watches a session that is played, and keeps what is not as it was recorded."""

    def __init__(self, known_types: frozenset[str], directory: str) -> None:
        self.differences: list[Difference] = []
        self._known_types = known_types
        self._directory = directory
        self._ids = Ids()
        self._methods: dict[object, str] = {}
        self._late: dict[str, tuple[list[Line], list[Line]]] = {}

    def translate(self, request: Line) -> Line:
        translated: Line = self._ids.translate(request)
        if "method" in request:
            self._methods[request.get("id")] = request["method"]
        return translated

    def got(self, turn: Turn, lines: list[Line]) -> None:
        clients = {line["by"] for line in (*turn.got, *lines)} | self._late.keys()
        for client in sorted(clients):
            before = [line["got"] for line in turn.got if line["by"] == client]
            now = [line["got"] for line in lines if line["by"] == client]
            self._lines(turn.step, client, before, now)

    def _lines(self, step: Line, client: str, before: list[Line], now: list[Line]) -> None:
        """Hold the lines of a step against each other.

        What came just before or after the end of a step is held against that of the next one.
        """
        late_before, late_now = self._late.pop(client, ([], []))
        before = late_before + before
        now = late_now + [line for line in now if not self._is_addition(line)]
        missing, rest = list(before), list(now)
        while missing and rest:
            place = self._place(missing[0], rest)
            if place is None:
                self._misses(step, client, before, now)
                return
            self._pair(step, missing.pop(0), rest.pop(place))
        if len(missing) > len(before) - len(late_before) or len(rest) > len(now) - len(late_now):
            self._misses(step, client, before, now)
        elif missing or rest:
            self._late[client] = missing, rest

    def _place(self, one: Line, rest: list[Line]) -> int | None:
        """Which of the lines to come is `one`.

        It is the first or, where it fits better, one that came at once with that, and is about
        something else than those that it would come before.
        """
        if self._title(one) == self._title(rest[0]) and self._fits(one, rest[0]):
            return 0
        for place, other in enumerate(rest):
            if not _at_once(rest[0], other):
                break
            if (
                self._title(one) == self._title(other)
                and all(_are_apart(other, skipped) for skipped in rest[:place])
                and self._fits(one, other)
            ):
                return place
        return 0 if self._title(one) == self._title(rest[0]) else None

    def _fits(self, one: Line, other: Line) -> bool:
        kept = self._ids.copy()
        fits = not any(self._values(one, other))
        self._ids = kept
        return fits

    def _pair(self, step: Line, one: Line, other: Line) -> None:
        if "params" in one:
            self._ids.numbers[one["params"]["seq"]] = other["params"]["seq"]
        for path, was, is_ in self._values(one, other):
            self.differences.append(Difference(step, f"{self._title(one)}{path}", was, is_))

    def _misses(self, step: Line, client: str, before: list[Line], now: list[Line]) -> None:
        titles = [[self._title(line) for line in lines] for lines in (before, now)]
        self.differences.append(Difference(step, client, *titles))

    def finish(self) -> None:
        """The session is over: what has not come until now is missing."""
        for client, (before, now) in self._late.items():
            self._misses({"note": "the end"}, client, before, now)

    def _is_addition(self, line: Line) -> bool:
        event = line.get("params", {})
        if "from_place" in event:  # of queue.moved, which told of another queue alone
            return True
        return "type" in event and event["type"] not in self._known_types

    def _values(self, before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
        if isinstance(before, dict) and isinstance(now, dict):
            for name, inner in before.items():
                if name in _COUNTED or (name == "message" and "code" in before):
                    continue
                if name not in now:
                    yield f".{name}", inner, "nothing"
                elif name in _OPAQUE and isinstance(inner, str) and isinstance(now[name], str):
                    if not self._ids.is_same(inner, now[name]):
                        yield f".{name}", inner, now[name]
                else:
                    for path, was, is_ in self._values(inner, now[name]):
                        yield f".{name}{path}", was, is_
        elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
            for number, (inner, other) in enumerate(zip(before, now, strict=True)):
                for path, was, is_ in self._values(inner, other):
                    yield f"[{number}]{path}", was, is_
        elif isinstance(before, str) and isinstance(now, str):
            if not self._is_same_text(before, now.replace(self._directory, "{directory}")):
                yield "", before, now
        elif isinstance(before, bool) or isinstance(now, bool):
            if before is not now:
                yield "", before, now
        elif isinstance(before, float | int) and isinstance(now, float | int):
            if abs(before - now) > (0 if isinstance(before, int) else MOMENT_S):
                yield "", before, now
        elif before != now:
            yield "", before, now

    def _is_same_text(self, before: str, now: str) -> bool:
        if _IDS.sub("", before) != _IDS.sub("", now):
            return False
        pairs = zip(_IDS.findall(before), _IDS.findall(now), strict=True)
        return all(self._ids.is_same(one, other) for one, other in pairs)

    def _title(self, line: Line) -> str:
        """What a line is: an event, or the reply to a request."""
        if "params" in line:
            return f"event {line['params']['type']}"
        if "closed" in line:
            return "the end of the connection"
        method = self._methods.get(line["id"], line["id"])
        return f"{method} {'refused' if 'error' in line else 'answered'}"


def _at_once(one: Line, other: Line) -> bool:
    """Whether two events have the same time, as far as clocks go."""
    if "params" not in one or "params" not in other:
        return one is other
    return bool(abs(one["params"].get("time", 0) - other["params"].get("time", 0)) < INSTANT_S)


def _are_apart(one: Line, other: Line) -> bool:
    """Whether two events are about different things, so that neither has to come first."""
    about, more = one["params"], other["params"]
    names = ("leg",) if "leg" in about and "leg" in more else ("job", "call", "agent")
    return not any(name in about and about[name] == more.get(name) for name in names)
