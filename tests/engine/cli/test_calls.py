"""Calls as tables for people."""

from typing import Any

import pytest
from rich.console import Console

from engine.cli import calls


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=160, record=True, highlight=False, force_terminal=False)
    monkeypatch.setattr(calls, "console", console)
    return console


def test_empty_list_of_calls_is_a_table(shown: Console) -> None:
    calls.print_calls({"calls": []})
    assert "up for" in shown.export_text()


def test_a_call_that_came_in_shows_who_calls_whom(shown: Console) -> None:
    call: dict[str, Any] = {
        "call": "call-1", "job": None, "direction": "inbound", "state": "waiting",
        "started": 0.0, "bridged_at": None, "legs": [], "from": "[red]+442079461111",
        "dialled": "+442079460000", "trunk": "pbx", "route": "shop", "queue": "sales",
        "agent": None, "joined_at": 5.0, "context": {"site": "shop.example"},
    }  # fmt: skip
    calls.print_calls({"calls": [call]})
    calls.print_call(call)
    text = shown.export_text()
    assert text.count("[red]+442079461111 → +442079460000") == 2
    for shown_text in ("sales", "waiting", "route", "context site", "shop.example", "waits since"):
        assert shown_text in text


def test_a_call_by_command_shows_whom_it_is_to(shown: Console) -> None:
    call: dict[str, Any] = {
        "call": "call-1", "job": None, "direction": "outbound", "state": "up", "started": 0.0,
        "legs": [], "to": "+442079461111",
    }  # fmt: skip
    calls.print_calls({"calls": [call]})
    calls.print_call(call)
    text = shown.export_text()
    assert text.count("→ +442079461111") == 2 and "?" not in text


def test_a_call_shows_whether_its_number_is_verified(shown: Console) -> None:
    call: dict[str, Any] = {
        "call": "call-1", "job": None, "state": "waiting", "legs": [], "from": "x",
    }  # fmt: skip
    calls.print_call(call | {"attestation": "none"})
    assert "attestation" not in shown.export_text(clear=False)
    calls.print_call(call | {"attestation": "A"})
    calls.print_call(call | {"attestation": "failed", "attestation_reason": "stale"})
    text = shown.export_text()
    assert text.count("attestation") == 2 and "failed: stale" in text


def test_a_leg_shows_what_finds_it_in_a_pbx(shown: Console) -> None:
    leg: dict[str, Any] = {
        "leg": "leg-1", "role": "customer", "uri": "sip:+442079460000@192.0.2.1", "state": "ended",
        "sip_status": 486, "reason": "Busy Here", "ringing": None, "answered": None, "ended": 5.0,
        "call_id": "9f0c@192.0.2.4", "trunk": "pbx", "hop": "udp:192.0.2.1:5060",
        "codec": "PCMU", "local_media": "192.0.2.4:10000", "remote_media": None,
    }  # fmt: skip
    calls.print_legs([leg, {**leg, "leg": "leg-2", "call_id": None}])
    text = shown.export_text()
    for shown_text in ("SIP Call-ID", "9f0c@192.0.2.4", "pbx", "udp:192.0.2.1:5060", "PCMU"):
        assert shown_text in text
    assert text.count("leg-2") == 1
