"""`ringback reload`, `ringback route explain` and `ringback audit` against a whole engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from engine.cli import routes
from engine.daemon import Daemon
from tests.support.command_line import Finished, invoke
from tests.support.engines.in_process import RunningEngine, settings_in

MORE = """
[[rules]]
name = "vip"
match = { context = { tier = "gold" } }
set = { priority = 50, whisper = "A gold customer" }
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, more=MORE)


async def ringback(daemon: Daemon, *words: str) -> Finished:
    return await invoke("--socket", str(daemon.settings.control.socket), *words)


async def test_reload(engine: RunningEngine) -> None:
    daemon, _client = engine
    file = Path(daemon.settings.file)
    assert (await ringback(daemon, "reload")).out == f"{file}: nothing changed\n"
    file.write_text(file.read_text().replace("retry_s = 0.05", "retry_s = 7.0"))
    printed = await ringback(daemon, "reload", "--check")
    assert printed == Finished(0, f"{file}: would change\n  dial.retry_s: 0.05 → 7.0\n", "")
    assert daemon.services.dial.retry_s == 0.05
    printed = await ringback(daemon, "reload", "--json")
    assert json.loads(printed.out)["words"] == ["dial.retry_s: 0.05 → 7.0"]
    file.write_text(file.read_text().replace("retry_s = 7.0", "retry_s = 0"))
    printed = await ringback(daemon, "reload")
    assert printed.status == 1
    assert printed.err == f"ringback: {file}:14: dial.retry_s: must be greater than 0\n"


async def test_route_explain(engine: RunningEngine) -> None:
    daemon, _client = engine
    said = ("route", "explain", "020 7946 0123", "--agent", "alice")
    printed = await ringback(daemon, *said, "--context", "tier=gold", "--at", "2026-11-23T12:00")
    assert printed.status == 0
    for words in (
        "+442079460123  GB, fixed line  at 2026-11-23 12:00:00",
        "context.tier is \"gold\", which fits 'gold'",
        "sets priority = 50",
        "trunk pbx: static",
        "agent alice: available",
        "→ would be called at once",
    ):
        assert words in printed.out
    printed = await ringback(daemon, *said, "--json")
    assert json.loads(printed.out)["rules"][0]["outcome"] == "no_match"


async def test_route_explain_of_a_call_whose_number_is_attested(engine: RunningEngine) -> None:
    daemon, _client = engine
    said = ("route", "explain", "020 7946 0123", "--from-trunk", "pbx", "--dialled", "100")
    printed = await ringback(daemon, *said, "--attestation", "B", "--json")
    assert json.loads(printed.out)["facts"]["attestation"] == "B"


async def test_route_explain_of_what_is_refused(engine: RunningEngine) -> None:
    daemon, _client = engine
    printed = await ringback(daemon, "route", "explain", "+12127365000")
    assert printed.status == 1
    assert "but trunks: no route for +12127365000" in printed.out
    assert "→ would be refused" in printed.out
    assert (await ringback(daemon, "route", "explain", "1", "--at", "noonish")).status == 2


async def test_audit(engine: RunningEngine) -> None:
    daemon, client = engine
    await client.call("agent.pause", agent="alice", reason="tea")
    printed = await ringback(daemon, "audit", "--method", "agent.")
    assert "agent.pause" in printed.out
    assert '"reason": "tea"' in printed.out
    printed = await ringback(daemon, "audit", "--outcome", "refused", "--hours", "1", "--json")
    assert json.loads(printed.out)["entries"] == []


async def test_a_token_from_a_file(engine: RunningEngine, tmp_path: Path) -> None:
    daemon, client = engine
    token = "0123456789abcdef-board"
    file = Path(daemon.settings.file)
    entry = f'[[rights]]\nname = "board"\ntoken = "{token}"\nrole = "read"\n'
    file.write_text(file.read_text() + entry)
    await client.call("engine.reload")
    (tmp_path / "token").write_text(token)
    printed = await ringback(daemon, "--token-file", str(tmp_path / "token"), "drain")
    assert printed.status == 1
    assert printed.err == "ringback: engine.drain needs the role administer; board has read\n"
    printed = await ringback(daemon, "--token-file", str(tmp_path / "none"), "status")
    assert printed.status == 2


def explained(**fields: Any) -> dict[str, Any]:
    """The result of route.explain for a call that comes in, with some of it otherwise."""
    facts = {"number": None, "to": "anonymous", "region": None, "line_type": None,
             "trunk": "pbx", "dialled": "+442079460000"}  # fmt: skip
    return {
        "kind": "call", "at": 1_790_000_000.0, "facts": facts, "rules": [], "route": None,
        "admission": None, "trunks": [], "queue": None, "agent": None, "objections": [],
        "verdict": "waits",
    } | fields  # fmt: skip


def test_a_call_that_no_route_takes(capsys: pytest.CaptureFixture[str]) -> None:
    routes._print_explained(explained(verdict="refused"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("anonymous  no telephone number  at 2026-09-21")
    assert lines[1:] == [
        "a call by pbx to +442079460000: no route",
        "no rule is looked at",
        "→ would be refused",
    ]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"paused": True, "open": True}, "paused"),
        ({"paused": False, "open": True}, "open"),
        ({"paused": False, "open": False}, "closed"),
    ],
)
def test_a_call_that_would_wait_in_a_queue(
    capsys: pytest.CaptureFixture[str], state: dict[str, bool], word: str
) -> None:
    agents = [
        {"agent": "alice", "state": "available", "could": True, "why_not": None},
        {"agent": "bob", "state": "paused", "could": False, "why_not": "is paused"},
    ]
    kept = {"rule": "vip", "outcome": "fired", "why": "tier is gold", "set": {"priority": 5},
            "kept": {"agent": "the request names one"}}  # fmt: skip
    queue = {"queue": "sales", "waiting": 2, "agents": agents, **state}
    routes._print_explained(explained(route="shop", rules=[kept], queue=queue))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "a call by pbx to +442079460000: route shop",
        "rule vip: fired: tier is gold",
        "    sets priority = 5",
        "    does not set agent: the request names one",
        f"queue sales: {word}, 2 waiting",
        "  alice: could take it now",
        "  bob: is paused",
        "→ would wait until an agent is free",
    ]


def test_a_callback_that_waits_for_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    allowed = {"allowed": True, "not_before": 1_790_003_600.0, "reason": "out of calling hours"}
    agent = {"agent": "sip:x@pbx", "state": None}
    trunk = {"trunk": "pbx", "state": "failed", "usable": False, "reason": None, "route": "+",
             "full": False, "down": None}  # fmt: skip
    found = explained(
        kind="callback", admission=allowed, agent=agent, trunks=[trunk], verdict="scheduled"
    )
    routes._print_explained(found)
    text = capsys.readouterr().out
    assert "may be called 2026-09-21 15:13:20: out of calling hours" in text
    assert 'trunk pbx: failed, not usable: unknown (route "+")' in text
    assert "agent sip:x@pbx: no configured agent, called as given" in text
    assert "→ would wait for its time" in text


def test_a_reload_says_what_needs_a_restart(capsys: pytest.CaptureFixture[str]) -> None:
    routes._print_reload(
        {
            "file": "r.toml",
            "checked_only": False,
            "changes": [{"key": "sip.listen"}],
            "words": ["sip.listen: a → b"],
            "restart": ["sip.listen"],
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "r.toml: changed",
        "  sip.listen: a → b",
        "A restart is needed for: sip.listen",
    ]


@pytest.mark.parametrize(
    ("stands", "shown"),
    [
        ({}, "static"),
        ({"usable": False, "full": True}, "static, full, not usable"),
        ({"down": "503 Busy"}, "static, down: 503 Busy"),
        ({"usable": False, "state": None}, "unknown, not usable: unknown"),
        ({"usable": False, "state": "failed", "reason": "403 No"}, "failed, not usable: 403 No"),
    ],
)
def test_how_a_trunk_stands(stands: dict[str, Any], shown: str) -> None:
    trunk = {"state": "static", "usable": True, "reason": None, "full": False, "down": None}
    assert routes._trunk_state(trunk | stands) == shown


def test_a_request_that_an_open_job_has_already(capsys: pytest.CaptureFixture[str]) -> None:
    routes._print_explained(explained(kind="callback", verdict="queued", joins="order-17"))
    assert "→ would join the open job order-17" in capsys.readouterr().out
