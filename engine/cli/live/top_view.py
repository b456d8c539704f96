"""The live screen: the lines that show what report.live says. top.py asks the
engine, screen.py writes to the terminal.

The order suits a person who looks from across the room: alerts first, then the queues, then the
agents who serve them.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..agents import STATE_STYLES
from ..formats import duration
from .screen import Line, Piece, padded

View = Mapping[str, Any]

SORTS = ("state", "name", "since", "calls")
# Busy agents first, absent ones last.
_ORDER = {
    state: number
    for number, state in enumerate(
        ("talking", "ringing", "reserved", "wrap_up", "available", "paused", "logged_out")
    )
}
MOST_ALERTS = 4
# States of agents who take a call, now or after what they do now.
AT_WORK = frozenset({"available", "reserved", "ringing", "talking", "wrap_up"})
STORE_BACKLOG = 10_000
FAILED_LATELY_S = 60.0
GAP = "  "
BETWEEN = "   "
WHAT_WIDTH = 40
# Below this share the service level is shown in red, above the second in green.
POOR_PERCENT, GOOD_PERCENT = 60.0, 80.0


@dataclass(slots=True)
class Choices:
    """What the keys have chosen: how agents are sorted, which are hidden, which page."""

    sort: str = SORTS[0]
    with_logged_out: bool = False
    page: int = 0

    def key(self, key: str) -> None:
        """Act on a key."""
        match key:
            case "s":
                self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
            case "l":
                self.with_logged_out = not self.with_logged_out
            case " ":
                self.page += 1
            case "b":
                self.page = max(0, self.page - 1)


def screen(
    view: View | None, trouble: str | None, choices: Choices, width: int, height: int
) -> list[Line]:
    """The lines of the screen. `trouble` says why `view` is old, or missing."""
    lines: list[Line] = []
    if trouble is not None:
        lines.append(((padded(trouble, len(trouble)), "bold white on red"),))
    if view is None:
        return lines
    lines += _head(view, width)
    found = alerts(view)
    lines += [((padded(f"! {text}", len(text) + 2), "bold red"),) for text in found[:MOST_ALERTS]]
    if len(found) > MOST_ALERTS:
        lines.append(((f"! and {len(found) - MOST_ALERTS} more", "bold red"),))
    lines.append(())
    lines += _queues(view, width, height - len(lines) - 1)
    lines.append(())
    room = height - len(lines) - 1
    if width >= WIDE:
        lines += _side_by_side(_agents(view, choices, room, wide=True), _waiting(view, room))
    else:
        lines += _agents(view, choices, room)
    lines = lines[: height - 1]
    lines += [()] * (height - 1 - len(lines))
    keys = "q quit   s sort   l logged out   space, b pages"
    lines.append(((f"{keys}   sorted by {choices.sort}", "dim"),))
    return lines


def _head(view: View, width: int) -> list[Line]:
    engine, ended = view["engine"], view["jobs_today"]
    clock = time.strftime("%H:%M:%S", time.localtime(view["time"]))
    usable = sum(trunk["state"] != "failed" for trunk in engine["trunks"])
    today = GAP.join(
        f"{ended.get(state, 0)} {state}"
        for state in ("completed", "failed", "expired", "cancelled")
    )
    return _flowed(
        (
            (
                (f"ringback {engine['version']}", "bold"),
                (f"   up {duration(engine['uptime_s'])}", ""),
            ),
            ((clock, ""),),
            ((f"calls {engine['calls']}", "bold"), (f" ({engine['talking']} talking)", "")),
            ((f"legs {engine['legs']}", ""),),
            ((f"jobs {engine['open_jobs']}", "bold"), (" open", "")),
            ((f"trunks {usable}/{len(engine['trunks'])}", ""),),
            ((f"today {today}", ""),),
        ),
        width,
    )


def _flowed(groups: Iterable[tuple[Piece, ...]], width: int) -> list[Line]:
    """The groups one after the other, on as few lines as possible; no group is split."""
    lines: list[Line] = []
    left = 0
    for group in groups:
        needed = sum(len(text) for text, _style in group)
        if lines and needed + len(BETWEEN) <= left:
            lines[-1] = (*lines[-1], (BETWEEN, ""), *group)
            left -= needed + len(BETWEEN)
        else:
            lines.append(group)
            left = width - needed
    return lines


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of a queue: its width, its text, and its style."""

    head: str
    width: int
    text: Callable[[View], object]
    style: Callable[[View], str] = lambda _queue: ""


_QUEUE_COLUMNS = (
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
NAME_WIDTH, MOST_NAME_WIDTH = 15, 30
# From this width on, those who wait stand beside the agents, who have more figures then.
WIDE = 160


def _unoffered(queue: View) -> int:
    """How many wait and have no phone ringing for them, as `ringback queues` has it."""
    return int(queue["waiting"]) - int(queue.get("ringing") or 0)


def _queues(view: View, width: int, room: int) -> list[Line]:
    """A line for each queue. Where they do not all fit, those with the longest lines."""
    queues: Sequence[View] = view["queues"]
    if not queues:
        return []
    columns = list(_QUEUE_COLUMNS)
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
    heads = padded("queue", name_width)
    heads += "".join(padded(column.head, column.width, right=True) for column in columns)
    lines: list[Line] = [((heads, "dim"),)]
    for queue in queues:
        lines.append(
            (
                (padded(_name(queue, name_width), name_width), "bold" if queue["waiting"] else ""),
                *((_right(c.text(queue), c.width), c.style(queue)) for c in columns),
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


_AGENT_HEADS = (
    ("agent", 20), ("state", 11), ("for", 8), ("calls", 7), ("talked", 8), ("  what", 30),
)  # fmt: skip


_WIDE_AGENT_HEADS = (
    ("agent", 20), ("state", 11), ("for", 8), ("centre", 12), ("calls", 7), ("AHT", 8),
    ("busy", 7), ("  what", 32),
)  # fmt: skip
_WAITING_HEADS = (("who waits", 22), ("queue", 16), ("for", 8), ("prio", 5))


def _agents(view: View, choices: Choices, room: int, *, wide: bool = False) -> list[Line]:
    all_agents: Sequence[View] = view["agents"]
    if not all_agents:
        return []
    now = view["time"]
    present = [agent for agent in all_agents if agent["state"] != "logged_out"]
    shown = sorted(all_agents if choices.with_logged_out else present, key=_sorting(choices.sort))
    rows = max(1, room - 2)
    pages = max(1, -(-len(shown) // rows))
    choices.page = min(choices.page, pages - 1)
    first = choices.page * rows
    heads = _WIDE_AGENT_HEADS if wide else _AGENT_HEADS
    lines: list[Line] = [_counts(all_agents, choices.page + 1, pages), _heads(heads)]
    for agent in shown[first : first + rows]:
        lines.append(_agent(agent, now, view, wide=wide))
    return lines


def _agent(agent: View, now: float, view: View, *, wide: bool) -> Line:
    state = agent["state"]
    what = _what(agent) or (_why_free(agent, view) if wide else "")
    first = (
        (padded(agent["agent"], 20), ""),
        (padded(state.replace("_", " "), 11), STATE_STYLES.get(state, "")),
        (_right(duration(now - agent["since"]), 8), ""),
    )
    last = ("  " + padded(what, min(WHAT_WIDTH, max(1, len(what)))), "dim")
    if not wide:
        talked = duration(agent["talk_s"])
        return (*first, (_right(agent["calls"], 7), ""), (_right(talked, 8), ""), last)
    busy = agent.get("occupancy_percent")
    return (
        *first,
        (padded("  " + str(agent.get("centre") or ""), 12), "dim"),
        (_right(agent["calls"], 7), ""),
        (_right(duration(agent.get("aht_s")), 8), ""),
        (_right("" if busy is None else f"{busy:.0f} %", 7), ""),
        last,
    )


def _why_free(agent: View, view: View) -> str:
    """Why an available agent has no call while somebody waits in a queue that they serve."""
    if agent["state"] != "available":
        return ""
    for queue in view["queues"]:
        if queue["waiting"] and queue["queue"] in agent["queues"]:
            return str(queue.get("why_waiting") or "")
    return ""


def _waiting(view: View, room: int) -> list[Line]:
    """Those who wait, the longest first."""
    found: Sequence[View] = view.get("first_waiting", ())
    if not found:
        return []
    lines: list[Line] = [(), _heads(_WAITING_HEADS)]
    for entry in found[: max(1, room - 2)]:
        customer = entry.get("customer") or {}
        whose = str(customer.get("number") or entry["id"])
        lines.append(
            (
                (padded(whose, 22), "bold" if entry["kind"] == "call" else ""),
                (padded(entry["queue"] or "-", 16), ""),
                (_right(duration(entry["waited_s"]), 8), "yellow"),
                (_right(entry["priority"], 5), "dim"),
            )
        )
    return lines


def _side_by_side(left: Sequence[Line], right: Sequence[Line]) -> list[Line]:
    """The lines of both, those of `right` in a column of their own."""
    wide = sum(width for _head, width in _WIDE_AGENT_HEADS) + len(BETWEEN)
    lines: list[Line] = []
    for number in range(max(len(left), len(right))):
        line = left[number] if number < len(left) else ()
        if number < len(right) and right[number]:
            taken = sum(len(text) for text, _style in line)
            gap = (padded("", wide - taken), "") if taken < wide else (BETWEEN, "")
            line = (*line, gap, *right[number])
        lines.append(line)
    return lines


def _what(agent: View) -> str:
    """Their customer, or the reason for their state."""
    customer = agent.get("customer")
    if customer is None:
        return str(agent["work"] or agent["reason"] or "")
    return " ".join(customer[name] for name in ("number", "queue", "site") if customer[name])


def _sorting(sort: str) -> Any:
    match sort:
        case "name":
            return lambda agent: agent["agent"]
        case "since":
            return lambda agent: (agent["since"], agent["agent"])
        case "calls":
            return lambda agent: (-agent["calls"], agent["agent"])
    return lambda agent: (_ORDER.get(agent["state"], 0), agent["since"], agent["agent"])


def _counts(agents: Iterable[View], page: int, pages: int) -> Line:
    counts: dict[str, int] = {}
    for agent in agents:
        counts[agent["state"]] = counts.get(agent["state"], 0) + 1
    pieces = [
        (f"{counts[state]} {state.replace('_', ' ')}{GAP}", STATE_STYLES.get(state, ""))
        for state in _ORDER
        if state in counts
    ]
    return (*pieces, (f"page {page} of {pages}" if pages > 1 else "", "dim"))


def _heads(heads: Iterable[tuple[str, int]]) -> Line:
    named = ("agent", "state", "  what", "centre", "who waits", "queue")
    text = "".join(padded(name, width, right=name not in named) for name, width in heads)
    return ((text, "dim"),)


def _right(value: object, width: int) -> str:
    return padded(str(value), width, right=True)


# -- alerts ----------------------------------------------------------------------------------------


def alerts(view: View) -> list[str]:
    """What needs attention now, worst first."""
    engine, now = view["engine"], view["time"]
    return [
        *_of_store(engine.get("store", {}), now),
        *_of_media(engine),
        *_of_trunks(engine.get("trunks", ())),
        *_of_queues(view),
        *_of_webhooks(engine.get("webhooks", ()), now),
        *(["draining: takes no new callbacks"] if engine.get("draining") else []),
    ]


def _of_store(store: View, now: float) -> Iterator[str]:
    error = store.get("last_error")
    if error is not None and now - error["time"] < FAILED_LATELY_S:
        yield f"the store cannot write: {error['message']}"
    elif store.get("pending", 0) > STORE_BACKLOG:
        yield f"the store is behind: {store['pending']} rows are not on the disk"


def _of_media(engine: View) -> Iterator[str]:
    if engine.get("media_workers") == 0:
        yield "no media worker runs: no call can be made"


def _of_trunks(trunks: Any) -> Iterator[str]:
    for trunk in trunks:
        if trunk["state"] == "failed":
            yield f"trunk {trunk['name']} failed: {trunk['reason'] or 'no reason given'}"


def _of_queues(view: View) -> Iterator[str]:
    staffed = {
        queue for agent in view["agents"] if agent["state"] in AT_WORK for queue in agent["queues"]
    }
    for queue in view["queues"]:
        if not queue["waiting"]:
            continue
        name, count = queue["queue"], queue["waiting"]
        if queue.get("paused"):
            yield f"queue {name} is paused, and {count} wait"
        elif name not in staffed:
            yield f"queue {name}: {count} wait, and no agent who serves it is at work"
        elif queue.get("why_waiting"):
            yield f"queue {name}: {queue['why_waiting']}"


def _of_webhooks(webhooks: Any, now: float) -> Iterator[str]:
    for hook in webhooks:
        error_at = hook["last_error_at"]
        if hook["pending"] and error_at is not None and now - error_at < FAILED_LATELY_S:
            yield f"webhook {hook['webhook']}: {hook['pending']} wait; {hook['last_error']}"
