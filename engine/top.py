"""The live screen: what report.live says, as lines. Pure: the terminal is cli_top.py's.

Written for somebody who looks at it from across the room: what is wrong first, then who waits,
then who is there to take them.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .alerts import alerts
from .cells import span
from .cli_agents import STATE_STYLES
from .screen import Line, padded

View = Mapping[str, Any]

SORTS = ("state", "name", "since", "calls")
# Who is busy first, who is away last.
_ORDER = {
    state: number
    for number, state in enumerate(
        ("talking", "ringing", "reserved", "wrap_up", "available", "paused", "logged_out")
    )
}
MOST_ALERTS = 4
GAP = "  "
# Below this share the service level is shown in red, above the second in green.
POOR_PERCENT, GOOD_PERCENT = 60.0, 80.0


@dataclass(slots=True)
class Choices:
    """What the person at the screen chose: how agents are sorted, who is left out, which page."""

    sort: str = SORTS[0]
    with_logged_out: bool = False
    page: int = 0

    def key(self, key: str) -> None:
        """A key was pressed."""
        match key:
            case "s":
                self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
            case "l":
                self.with_logged_out = not self.with_logged_out
            case " ":
                self.page += 1
            case "b":
                self.page = max(0, self.page - 1)


def screen(view: View | None, trouble: str | None, choices: Choices, height: int) -> list[Line]:
    """The lines of the screen. `trouble` says why `view` is old, or missing."""
    lines: list[Line] = []
    if trouble is not None:
        lines.append(((padded(trouble, len(trouble)), "bold white on red"),))
    if view is None:
        return lines
    lines += _head(view)
    found = alerts(view)
    lines += [((padded(f"! {text}", len(text) + 2), "bold red"),) for text in found[:MOST_ALERTS]]
    if len(found) > MOST_ALERTS:
        lines.append(((f"! and {len(found) - MOST_ALERTS} more", "bold red"),))
    lines.append(())
    lines += _queues(view)
    lines.append(())
    lines += _agents(view, choices, height - len(lines) - 1)
    lines = lines[: height - 1]
    lines += [()] * (height - 1 - len(lines))
    keys = "q quit   s sort   l logged out   space, b pages"
    lines.append(((f"{keys}   sorted by {choices.sort}", "dim"),))
    return lines


def _head(view: View) -> list[Line]:
    engine, ended = view["engine"], view["jobs_today"]
    clock = time.strftime("%H:%M:%S", time.localtime(view["time"]))
    usable = sum(trunk["state"] != "failed" for trunk in engine["trunks"])
    today = GAP.join(
        f"{ended.get(state, 0)} {state}"
        for state in ("completed", "failed", "expired", "cancelled")
    )
    return [
        (
            (f"ringback {engine['version']}", "bold"),
            (f"   up {span(engine['uptime_s'])}   {clock}", ""),
        ),
        (
            (f"calls {engine['calls']}", "bold"),
            (f" ({engine['talking']} talking)   legs {engine['legs']}   ", ""),
            (f"jobs {engine['open_jobs']}", "bold"),
            (f" open, today {today}   trunks {usable}/{len(engine['trunks'])}", ""),
        ),
    ]


_QUEUE_HEADS = (
    ("queue", 20), ("waiting", 8), ("longest", 8), ("expected", 9), ("offered", 8),
    ("answered", 9), ("abandoned", 10), ("ASA", 7), ("level", 8),
)  # fmt: skip


def _queues(view: View) -> list[Line]:
    if not view["queues"]:
        return []
    lines: list[Line] = [_heads(_QUEUE_HEADS)]
    for queue in view["queues"]:
        name = queue["queue"] + _notes(queue)
        waiting = queue["waiting"]
        level = queue["service_level_percent"]
        lines.append(
            (
                (padded(name, 20), "bold" if waiting else ""),
                (padded(str(waiting), 8, right=True), "bold yellow" if waiting else "dim"),
                (_right(span(queue["longest_wait_s"]) if waiting else "", 8), ""),
                (_right(span(queue.get("expected_wait_s")), 9), "dim"),
                (_right(queue["offered"], 8), ""),
                (_right(queue["answered"], 9), ""),
                (_right(queue["abandoned"], 10), "red" if queue["abandoned"] else ""),
                (_right(span(queue["asa_s"]), 7), ""),
                (_right("" if level is None else f"{level:.0f} %", 8), _level_style(level)),
            )
        )
    return lines


def _notes(queue: View) -> str:
    return " (paused)" if queue.get("paused") else "" if queue.get("open", True) else " (closed)"


def _level_style(percent: float | None) -> str:
    if percent is None:
        return ""
    return "red" if percent < POOR_PERCENT else "green" if percent >= GOOD_PERCENT else "yellow"


_AGENT_HEADS = (
    ("agent", 20), ("state", 12), ("for", 8), ("calls", 7), ("talked", 8), ("  what", 30),
)  # fmt: skip


def _agents(view: View, choices: Choices, room: int) -> list[Line]:
    everybody: Sequence[View] = view["agents"]
    if not everybody:
        return []
    now = view["time"]
    there = [agent for agent in everybody if agent["state"] != "logged_out"]
    shown = sorted(everybody if choices.with_logged_out else there, key=_sorting(choices.sort))
    rows = max(1, room - 2)
    pages = max(1, -(-len(shown) // rows))
    choices.page = min(choices.page, pages - 1)
    first = choices.page * rows
    lines: list[Line] = [_counts(everybody, choices.page + 1, pages), _heads(_AGENT_HEADS)]
    for agent in shown[first : first + rows]:
        state = agent["state"]
        what = agent["work"] or agent["reason"] or ""
        lines.append(
            (
                (padded(agent["agent"], 20), ""),
                (padded(state.replace("_", " "), 12), STATE_STYLES.get(state, "")),
                (_right(span(now - agent["since"]), 8), ""),
                (_right(agent["calls"], 7), ""),
                (_right(span(agent["talk_s"]), 8), ""),
                ("  " + padded(what, min(40, max(1, len(what)))), "dim"),
            )
        )
    return lines


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
    named = ("queue", "agent", "state", "  what")
    text = "".join(padded(name, width, right=name not in named) for name, width in heads)
    return ((text, "dim"),)


def _right(value: object, width: int) -> str:
    return padded(str(value), width, right=True)
