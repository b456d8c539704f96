"""The queues on the live screen, one a line, and those who wait in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..output.formats import duration
from .screen import Line, at_right, heads, padded

View = Mapping[str, Any]

NAME_WIDTH, MOST_NAME_WIDTH = 15, 30
# Below this share the service level is shown in red, above the second in green.
POOR_PERCENT, GOOD_PERCENT = 60.0, 80.0
_WAITING_HEADS = (("who waits", 22), ("queue", 16), ("for", 8), ("prio", 5))


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of a queue: its width, its text, and its style."""

    head: str
    width: int
    text: Callable[[View], object]
    style: Callable[[View], str] = lambda _queue: ""


_COLUMNS = (
    _Column(
        "waiting", 8, lambda q: _unoffered(q), lambda q: "bold yellow" if q["waiting"] else "dim"
    ),
    _Column("ringing", 8, lambda q: q.get("ringing") or ""),
    _Column("talking", 8, lambda q: q.get("talking") or ""),
    _Column("longest", 8, lambda q: duration(q["longest_wait_s"]) if q["waiting"] else ""),
    _Column("expected", 9, lambda q: duration(q.get("expected_wait_s")), lambda _q: "dim"),
    _Column("offered", 8, lambda q: q["offered"]),
    _Column("answered", 9, lambda q: q["answered"]),
    _Column("abandoned", 10, lambda q: q["abandoned"], lambda q: "red" if q["abandoned"] else ""),
    _Column("expired", 8, lambda q: q["expired"], lambda q: "red" if q["expired"] else ""),
    _Column("overflowed", 11, lambda q: q["overflowed"]),
    _Column("ASA", 7, lambda q: duration(q["asa_s"])),
    _Column("level", 6, lambda q: _level(q), lambda q: _level_style(q["service_level_percent"])),
)  # fmt: skip
# The columns that a narrow screen leaves out, first to last.
_LEFT_OUT = (
    "overflowed",
    "expired",
    "talking",
    "expected",
    "offered",
    "ASA",
    "longest",
    "answered",
    "ringing",
    "abandoned",
)


def _unoffered(queue: View) -> int:
    """How many wait and have no phone ringing for them, as `ringback queues` has it."""
    return int(queue["waiting"]) - int(queue.get("ringing") or 0)


def queue_lines(view: View, width: int, room: int) -> list[Line]:
    """A line for each queue. Where they do not all fit, those with the longest lines."""
    queues: Sequence[View] = view["queues"]
    if not queues:
        return []
    columns = list(_COLUMNS)
    for head in _LEFT_OUT:
        if NAME_WIDTH + sum(column.width for column in columns) <= width:
            break
        columns = [column for column in columns if column.head != head]
    if all(column.head != "ringing" for column in columns):
        columns[0] = replace(columns[0], text=lambda q: q["waiting"])
    name_width = width - sum(column.width for column in columns)
    name_width = max(NAME_WIDTH, min(name_width, MOST_NAME_WIDTH))
    rows = max(1, room - 1 - _rows_for_agents(view, room))
    hidden: Sequence[View] = ()
    if len(queues) > rows:
        queues = sorted(queues, key=lambda queue: (-queue["waiting"], -queue["longest_wait_s"]))
        queues, hidden = queues[: rows - 1], queues[rows - 1 :]
    names = padded("queue", name_width)
    names += "".join(padded(column.head, column.width, right=True) for column in columns)
    lines: list[Line] = [((names, "dim"),)]
    for queue in queues:
        lines.append(
            (
                (padded(_name(queue, name_width), name_width), "bold" if queue["waiting"] else ""),
                *((at_right(c.text(queue), c.width), c.style(queue)) for c in columns),
            )
        )
    if hidden:
        waiting = sum(queue["waiting"] for queue in hidden)
        whom = f"{waiting} wait" if waiting else "nobody waits"
        lines.append(((f"and {len(hidden)} more, {whom} there", "dim"),))
    return lines


def _rows_for_agents(view: View, room: int) -> int:
    """The lines that queues leave to the agents: half of `room`, if the agents need them."""
    return min(len(view["agents"]) + 3, room // 2) if view["agents"] else 0


def _level(queue: View) -> str:
    level = queue["service_level_percent"]
    return "" if level is None else f"{level:.0f} %"


def _name(queue: View, width: int) -> str:
    """The name of a queue. A long one is cut in its middle: the ends of names differ."""
    name, notes = str(queue["queue"]), _notes(queue)
    room = max(5, width - len(notes))
    if len(name) > room:
        name = f"{name[: room - room // 2 - 1]}…{name[-(room // 2) :]}"
    return name + notes


def _notes(queue: View) -> str:
    return " (paused)" if queue.get("paused") else "" if queue.get("open", True) else " (closed)"


def _level_style(percent: float | None) -> str:
    if percent is None:
        return ""
    return "red" if percent < POOR_PERCENT else "green" if percent >= GOOD_PERCENT else "yellow"


def waiting_lines(view: View, room: int) -> list[Line]:
    """Those who wait, the longest first."""
    found: Sequence[View] = view.get("first_waiting", ())
    if not found:
        return []
    lines: list[Line] = [(), heads(_WAITING_HEADS, left=("who waits", "queue"))]
    for entry in found[: max(1, room - 2)]:
        customer = entry.get("customer") or {}
        whose = str(customer.get("number") or entry["id"])
        lines.append(
            (
                (padded(whose, 22), "bold" if entry["kind"] == "call" else ""),
                (padded(entry["queue"] or "-", 16), ""),
                (at_right(duration(entry["waited_s"]), 8), "yellow"),
                (at_right(entry["priority"], 5), "dim"),
            )
        )
    return lines
