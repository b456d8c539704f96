"""The live screen: the lines that show what report.live says. top.py asks the
engine, screen.py writes to the terminal.

The order suits a person who looks from across the room: alerts first, then the queues, then the
agents who serve them.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..output.formats import duration
from .agent_lines import GAP, WIDE_HEADS, Choices, agent_lines
from .alerts import alerts
from .queue_lines import queue_lines, waiting_lines
from .screen import Line, Piece, padded

View = Mapping[str, Any]

MOST_ALERTS = 4
BETWEEN = "   "
# From this width on, those who wait stand beside the agents, who have more figures then.
WIDE = 160


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
    lines += queue_lines(view, width, height - len(lines) - 1)
    lines.append(())
    room = height - len(lines) - 1
    if width >= WIDE:
        lines += _side_by_side(
            agent_lines(view, choices, room, wide=True), waiting_lines(view, room)
        )
    else:
        lines += agent_lines(view, choices, room)
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


def _side_by_side(left: Sequence[Line], right: Sequence[Line]) -> list[Line]:
    """The lines of both, those of `right` in a column of their own."""
    wide = sum(width for _head, width in WIDE_HEADS) + len(BETWEEN)
    lines: list[Line] = []
    for number in range(max(len(left), len(right))):
        line = left[number] if number < len(left) else ()
        if number < len(right) and right[number]:
            taken = sum(len(text) for text, _style in line)
            gap = (padded("", wide - taken), "") if taken < wide else (BETWEEN, "")
            line = (*line, gap, *right[number])
        lines.append(line)
    return lines
