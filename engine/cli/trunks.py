"""`ringback trunks`: how the trunks stand, and how calls by them went."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import CALLS, Json, SocketAfter, call, call_pages
from .output.formats import date
from .output.tables import cell, console, details, state_cell, table

app = typer.Typer(rich_markup_mode=None)


@app.command(rich_help_panel=CALLS, epilog="Example: ringback trunks")
def trunks(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One trunk, in full.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List the trunks, or show one with its last failures."""
    if name is not None:
        call("trunk.get", print_trunk, trunk=name)
    else:
        call_pages("trunk.list", "trunks", print_trunks)


def print_trunks(result: Mapping[str, Any]) -> None:
    """Print the result of trunk.list."""
    shown = table(
        "trunk", "state", "registration", "in", "out", "answered", "ratio", "post-dial delay",
        "last failure",
    )  # fmt: skip
    for one in result["trunks"]:
        failures = one["last_failures"]
        shown.add_row(
            one["trunk"],
            state_cell(one["state"]),
            (one["registration"] or {}).get("state", ""),
            str(one["calls"]["in"]),
            str(one["calls"]["out"]),
            f"{one['answered']} of {one['attempts']}",
            _ratio(one),
            _delay(one),
            _failure(failures[0]) if failures else "",
        )
    console.print(shown)
    for one in result["trunks"]:
        if one["cause"] is not None:
            console.print(cell(f"{one['trunk']} is down: {one['cause']}", style="yellow"))
            continue
        for host in one["hosts"]:
            if host["cause"] is not None:
                text = f"{host['host']} of {one['trunk']} is down: {host['cause']}"
                console.print(cell(text, style="yellow"))


def print_trunk(one: Mapping[str, Any]) -> None:
    """Print one trunk in full."""
    registration = one["registration"]
    rows = [
        ("trunk", one["trunk"]),
        ("uri", one["uri"]),
        ("state", one["state"] if one["cause"] is None else f"down: {one['cause']}"),
    ]
    if registration is not None:
        reason = f" ({registration['reason']})" if registration["reason"] else ""
        at = f" at {registration['address']}" if registration["address"] else ""
        rows.append(("registration", registration["state"] + at + reason))
        rows += [
            (name, ", ".join(registration[key]))
            for name, key in (("service route", "service_route"), ("path", "path"))
            if registration[key]
        ]
    rows += [
        ("calls now", f"{one['calls']['in']} in, {one['calls']['out']} out"),
        ("answered", f"{one['answered']} of {one['attempts']}, in {one['window_s'] / 60:g} min"),
        ("answer-seizure ratio", _ratio(one)),
        ("post-dial delay", _delay(one)),
        ("quality", _quality(one)),
    ]
    console.print(details(rows))
    if len(one["hosts"]) > 1 or one["qualify_s"]:
        shown = table("host", "priority", "weight", "state", "OPTIONS", "cause")
        for host in one["hosts"]:
            shown.add_row(
                host["host"],
                str(host["priority"]),
                str(host["weight"]),
                state_cell(host["state"]),
                _options(host),
                host["cause"] or "",
            )
        console.print(shown)
    if one["last_failures"]:
        shown = table("failed at", "status", "cause")
        for failed in one["last_failures"]:
            shown.add_row(date(failed["time"]), str(failed["status"] or ""), failed["cause"])
        console.print(shown)


def _options(host: Mapping[str, Any]) -> str:
    status, taken_s = host["options_status"], host["options_round_trip_s"]
    return "" if status is None or taken_s is None else f"{status} in {taken_s * 1e3:.0f} ms"


def _ratio(one: Mapping[str, Any]) -> str:
    ratio = one["answer_seizure_ratio"]
    return "" if ratio is None else f"{ratio:.1%}"


def _delay(one: Mapping[str, Any]) -> str:
    delay = one["post_dial_delay"]
    return "" if delay is None else f"{delay['mean_s']:.1f} s, at most {delay['max_s']:.1f} s"


def _quality(one: Mapping[str, Any]) -> str:
    quality, said = one["quality"], []
    if quality is not None:
        said = [
            f"MOS {quality['mos_mean']:.1f}, at least {quality['mos_min']:.1f}",
            f"{quality['poor']} of {quality['legs']} poor",
            f"{quality['loss_mean']:.1%} lost",
        ]
    faults = {"one_way": "one way", "clipping": "clipping", "echo": "with echo"}
    said += [f"{one[name]} {words}" for name, words in faults.items() if one.get(name)]
    return "; ".join(said)


def _failure(failed: Mapping[str, Any]) -> str:
    status = "" if failed["status"] is None else f"{failed['status']} "
    return f"{date(failed['time'])} {status}{failed['cause']}"
