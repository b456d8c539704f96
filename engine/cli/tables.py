"""What the command line shows to people: tables of jobs, calls and status, lines of events."""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

# Into a file or pipe there is no width to keep to; lines should not break at 80.
console = Console(
    highlight=False,
    width=None if (sys.stdout and sys.stdout.isatty()) or "COLUMNS" in os.environ else 160,
)

STATE_STYLES = {
    "completed": "green",
    "bridged": "bold green",
    "failed": "red",
    "expired": "red",
    "cancelled": "yellow",
    "queued": "dim",
}
# What every event carries is shown in columns of its own, or is of no use to a person.
_STANDARD_FIELDS = frozenset({"seq", "epoch", "time", "type", "job", "call", "leg", "context"})


def print_jobs(page: Mapping[str, Any]) -> None:
    """The result of callback.list."""
    table = _table("id", "created", "state", "to", "agent", "attempts", "talked", "cause")
    for job in page["jobs"]:
        table.add_row(
            job["id"],
            _date(job["created"]),
            _state(job["state"]),
            job["to"],
            job["agent"] or job["queue"] or "",
            str(len(job["attempts"])),
            _duration(job["bridged_at"], job["ended_at"]),
            job["cause"] or "",
        )
    console.print(table)
    if page["cursor"] is not None:
        console.print(f"more: --cursor {page['cursor']}", style="dim")


def print_job(job: Mapping[str, Any]) -> None:
    """One job in full: the result of callback.get and its like."""
    table = Table.grid(padding=(0, 2))
    for name in ("id", "state", "to", "agent", "queue", "order", "result", "cause", "recording"):
        value = job.get(name)
        if value is not None:
            table.add_row(name, _state(value) if name == "state" else _plain(str(value)))
    for name, value in _standing(job).items():
        table.add_row(name, _plain(value))
    for name in _TIMES:
        if job.get(name) is not None:
            table.add_row(name, _date(job[name]))
    for key, value in (job.get("context") or {}).items():
        table.add_row("context", _plain(f"{key} = {value}"))
    console.print(table)
    for number, attempt in enumerate(job["attempts"], 1):
        title = f"attempt {number}: {attempt.get('result') or 'under way'}"
        _print_legs(title, attempt["legs"])


_TIMES = (
    "created", "not_before", "deadline", "next_attempt_at", "decide_by", "bridged_at", "ended_at",
)  # fmt: skip


def _standing(job: Mapping[str, Any]) -> dict[str, str]:
    """What is to be known of a job besides what was asked for, where there is something."""
    shown: dict[str, Any] = {
        "priority": job.get("priority"),
        "waits because": job.get("scheduled"),
        "decision": job.get("decision"),
        "calls next": job.get("dial_to"),
        "further requests": job.get("joined"),
        "offered to": ", ".join(
            f"{offer['agent']} ({offer['result'] or 'rings'})" for offer in job.get("offers") or ()
        ),
    }
    cost = job.get("cost")
    if cost is not None and float(cost["amount"]):
        shown["cost"] = f"{cost['amount']} {cost['currency']}"
    return {name: str(value) for name, value in shown.items() if value}


def print_calls(result: Mapping[str, Any]) -> None:
    """The result of call.list."""
    table = _table("call", "job, or caller and number", "for", "state", "up for", "legs")
    for call in result["calls"]:
        legs = ", ".join(f"{leg['role']} {leg['state']}" for leg in call["legs"])
        whom = call.get("agent") or call.get("queue") or ""
        table.add_row(
            call["call"],
            _whose(call),
            whom,
            _state(call["state"]),
            _duration(call["started"], time.time()),
            legs,
        )
    console.print(table)


def _whose(call: Mapping[str, Any]) -> str:
    """Whose call it is: a job's, or that of a caller and the number that he dialled."""
    if call["job"]:
        return str(call["job"])
    return f"{call.get('from', '?')} → {call.get('dialled', '?')}"


def print_call(call: Mapping[str, Any]) -> None:
    """One call in full, with the media of its legs."""
    state = _state(call["state"])
    kind = "job" if call["job"] else "from"
    console.print(f"call {_plain(call['call'])}  {kind} {_plain(_whose(call))}  {state}")
    shown = {name: call[name] for name in ("trunk", "route", "queue", "agent") if call.get(name)}
    if call.get("joined_at") is not None:
        shown["waits since"] = _date(call["joined_at"])
    shown |= {f"context {key}": value for key, value in (call.get("context") or {}).items()}
    if shown:
        table = Table.grid(padding=(0, 2))
        for name, value in shown.items():
            table.add_row(_plain(name), _plain(str(value)))
        console.print(table)
    _print_legs(None, call["legs"])
    media = [leg for leg in call["legs"] if leg.get("media")]
    if not media:
        return
    names = sorted({name for leg in media for name in leg["media"]})
    table = _table("media", *(f"{leg['role']} {leg['leg']}" for leg in media))
    for name in names:
        table.add_row(name, *(_number(leg["media"].get(name)) for leg in media))
    console.print(table)


def print_status(status: Mapping[str, Any]) -> None:
    """The result of engine.status, each part under its own name."""
    table = Table.grid(padding=(0, 2))
    for name, value in status.items():
        if name == "uptime_s":
            table.add_row("uptime", _span(value))
        elif name == "trunks":
            for trunk in value:
                rest = {key: item for key, item in trunk.items() if key != "name"}
                table.add_row(f"trunk {_plain(str(trunk['name']))}", _plain(_pairs(rest)))
        elif isinstance(value, Mapping):
            table.add_row(name, _plain(_pairs(value)))
        else:
            table.add_row(name, _plain(_number(value)))
    console.print(table)


def print_drain(result: Mapping[str, Any]) -> None:
    """The result of engine.drain."""
    if result["drained"]:
        console.print("drained: no call is under way")
    else:
        console.print(f"not drained: {result['active']} calls are still under way")


def print_event(event: Mapping[str, Any]) -> None:
    """One event, on one line."""
    if event["type"] == "client.gap":
        last = event["to"] if event["to"] is not None else "?"
        console.print(f"[yellow]missed events {event['from']} to {last}[/] ({event['reason']})")
        return
    where = " ".join(str(event[name]) for name in ("job", "call", "leg") if name in event)
    console.print(
        f"[dim]{event['seq']:>6}[/] {_clock(event['time'])} {_event_type(event['type'])}  "
        f"[dim]{_plain(where)}[/]  {_plain(_details(event))}".rstrip(),
        soft_wrap=True,
    )


def print_progress(event: Mapping[str, Any]) -> None:
    """One event of a callback that somebody waits for, on one line."""
    kind = str(event["type"])
    if kind.startswith(("callback.", "leg.", "bridge.")):
        console.print(
            f"{_clock(event['time'])} {_event_type(kind)}  {_plain(_details(event))}".rstrip(),
            soft_wrap=True,
        )


def _print_legs(title: str | None, legs: Iterable[Mapping[str, Any]]) -> None:
    table = _table("leg", "role", "uri", "state", "sip", "rang", "talked", "reason", title=title)
    for leg in legs:
        answered = leg.get("answered")
        table.add_row(
            leg["leg"],
            leg["role"],
            leg["uri"],
            leg["state"],
            _number(leg.get("sip_status")),
            _duration(leg.get("ringing"), answered or leg.get("ended")),
            _duration(answered, leg.get("ended")),
            leg.get("reason") or "",
        )
    console.print(table)


class _EscapedTable(Table):
    """A table whose cells are text, unless they were styled here."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(
            *(cell if isinstance(cell, _Styled) else _plain(cell) for cell in cells), **options
        )


class _Styled(str):
    """Text with markup that was made here."""

    __slots__ = ()


def _table(*columns: str, title: str | None = None) -> Table:
    table = _EscapedTable(
        title=title and _plain(title),
        title_justify="left",
        title_style="",
        box=None,
        pad_edge=False,
    )
    for column in columns:
        table.add_column(column, header_style="dim", overflow="fold")
    return table


def _state(state: str) -> _Styled:
    style = STATE_STYLES.get(state, "cyan")
    return _Styled(f"[{style}]{_plain(state)}[/]")


def _event_type(kind: str) -> _Styled:
    group, _, state = kind.partition(".")
    style = STATE_STYLES.get(state, "cyan") if group == "callback" else "default"
    return _Styled(f"[{style}]{_plain(kind)}[/]")


def _details(event: Mapping[str, Any]) -> str:
    return _pairs({k: _short(v) for k, v in event.items() if k not in _STANDARD_FIELDS})


def _short(value: Any) -> Any:
    """Of a list of legs, offers or earlier calls: how many. All of it is in the JSON."""
    is_of_objects = isinstance(value, list) and value and isinstance(value[0], Mapping)
    return len(value) if is_of_objects else value


def _pairs(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name}={_number(value)}" for name, value in values.items())


def _plain(text: str) -> str:
    """`text` as it is, on one line: what strangers wrote must not command the terminal."""
    return escape_markup(
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    )


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} {_number(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(_number(item) for item in value)
    return str(value)


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment % 1 * 1000):03}"


def _duration(begin: float | None, end: float | None) -> str:
    return "" if begin is None or end is None else _span(end - begin)


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
