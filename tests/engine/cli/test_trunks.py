"""`ringback trunks` against an engine."""

from pathlib import Path
from typing import Any

import pytest

from engine.cli import trunks
from engine.routing.trunk_figures import TrunkTry
from tests.support.command_line import ringback
from tests.support.engines.in_process import running, settings_in


async def test_trunks_for_people(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _):
        figures = daemon.services.trunk_figures
        figures.note(TrunkTry("pbx", answered=True, post_dial_delay_s=1.5))
        figures.note_quality("pbx", {"mos": 4.2, "lost_fraction": 0.01, "echo_ms": 120})
        figures.note(TrunkTry("pbx", failure="[red]Full\x1b[2J", status=503))
        listed = await ringback(settings.control.socket, "trunks")
        shown = await ringback(settings.control.socket, "trunks", "pbx")
        as_json = await ringback(settings.control.socket, "trunks", "pbx", "--json")
    assert "1 of 2" in listed.out and "50.0%" in listed.out
    assert "503" in shown.out and "[red]Full" in shown.out and "\x1b" not in shown.out
    assert "1.5 s, at most 1.5 s" in shown.out
    assert "MOS 4.2, at least 4.2; 0 of 1 poor; 1.0% lost; 1 with echo" in shown.out
    assert as_json.json["last_failures"][0]["status"] == 503


async def test_why_a_trunk_is_down_and_how_its_registration_stands(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _):
        daemon.trunks._report("pbx", "failed", "403 Forbidden")
        listed = await ringback(settings.control.socket, "trunks")
        shown = await ringback(settings.control.socket, "trunks", "pbx")
        unknown = await ringback(settings.control.socket, "trunks", "other", status=1)
    assert "pbx is down: the registration failed: 403 Forbidden" in listed.out
    assert "failed (403 Forbidden)" in shown.out
    assert unknown.err == "ringback: there is no trunk named 'other'\n"


def trunk(**more: Any) -> dict[str, Any]:
    """What trunk.get says of a trunk with two hosts."""
    host = {
        "host": "sip:one.example", "priority": 1, "weight": 60, "state": "up", "cause": None,
        "options_status": 200, "options_round_trip_s": 0.0123,
    }  # fmt: skip
    down = host | {
        "host": "sip:two.example", "state": "down", "cause": "OPTIONS: 503 Busy",
        "options_status": None, "options_round_trip_s": None,
    }  # fmt: skip
    registration = {
        "state": "registered", "reason": "200 OK", "host": "sip:one.example",
        "address": "udp:192.0.2.1:5060", "service_route": ["<sip:home;lr>"], "path": [],
    }  # fmt: skip
    return {
        "trunk": "carrier", "uri": "sip:example.com", "state": "up", "cause": None,
        "registration": registration, "hosts": [host, down], "qualify_s": 30.0, "max_calls": 0,
        "calls": {"in": 0, "out": 0}, "window_s": 3600.0, "attempts": 0, "answered": 0,
        "answer_seizure_ratio": None, "post_dial_delay": None, "quality": None,
        "last_failures": [],
    } | more  # fmt: skip


def test_the_hosts_of_a_trunk(capsys: pytest.CaptureFixture[str]) -> None:
    trunks.print_trunk(trunk())
    shown = capsys.readouterr().out
    assert "registered at udp:192.0.2.1:5060 (200 OK)" in shown
    assert "service route" in shown and "<sip:home;lr>" in shown
    assert "200 in 12 ms" in shown
    assert "OPTIONS: 503 Busy" in shown
    trunks.print_trunks({"trunks": [trunk(), trunk(cause="OPTIONS: 503 Busy", state="down")]})
    listed = capsys.readouterr().out
    assert listed.count("sip:two.example of carrier is down: OPTIONS: 503 Busy") == 1
    assert listed.count("carrier is down: OPTIONS: 503 Busy") == 2
