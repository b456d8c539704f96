"""The agents on the live screen, one a line, in the order that its keys have chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..agents import STATE_STYLES
from ..output.formats import duration
from .screen import Line, at_right, heads, padded

View = Mapping[str, Any]

SORTS = ("state", "name", "since", "calls")
# Busy agents first, absent ones last.
_ORDER = {
    state: number
    for number, state in enumerate(
        ("talking", "ringing", "reserved", "wrap_up", "available", "paused", "logged_out")
    )
}
GAP = "  "
WHAT_WIDTH = 40
_HEADS = (
    ("agent", 20), ("state", 11), ("for", 8), ("calls", 7), ("talked", 8), ("  what", 30),
)  # fmt: skip
WIDE_HEADS = (
    ("agent", 20), ("state", 11), ("for", 8), ("centre", 12), ("calls", 7), ("AHT", 8),
    ("busy", 7), ("  what", 32),
)  # fmt: skip
_LEFT = ("agent", "state", "  what", "centre")


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


def agent_lines(view: View, choices: Choices, room: int, *, wide: bool = False) -> list[Line]:
    """How many agents are in each state, and a line for each of the page that is chosen."""
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
    columns = WIDE_HEADS if wide else _HEADS
    lines: list[Line] = [_counts(all_agents, choices.page + 1, pages), heads(columns, _LEFT)]
    for agent in shown[first : first + rows]:
        lines.append(_agent(agent, now, view, wide=wide))
    return lines


def _agent(agent: View, now: float, view: View, *, wide: bool) -> Line:
    state = agent["state"]
    what = _what(agent) or (_why_free(agent, view) if wide else "")
    first = (
        (padded(agent["agent"], 20), ""),
        (padded(state.replace("_", " "), 11), STATE_STYLES.get(state, "")),
        (at_right(duration(now - agent["since"]), 8), ""),
    )
    last = ("  " + padded(what, min(WHAT_WIDTH, max(1, len(what)))), "dim")
    if not wide:
        talked = duration(agent["talk_s"])
        return (*first, (at_right(agent["calls"], 7), ""), (at_right(talked, 8), ""), last)
    busy = agent.get("occupancy_percent")
    return (
        *first,
        (padded("  " + str(agent.get("centre") or ""), 12), "dim"),
        (at_right(agent["calls"], 7), ""),
        (at_right(duration(agent.get("aht_s")), 8), ""),
        (at_right("" if busy is None else f"{busy:.0f} %", 7), ""),
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
