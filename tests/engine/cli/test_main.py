"""The command line: what it prints, its exit status, and what a process of its own meets."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from config.settings import load
from engine.cli.configuration.settings import default_config
from engine.cli.main import app
from engine.control.method import Method
from engine.control.params import (
    CallRef,
    DrainRequest,
    JobQuery,
    JobRef,
    NoParams,
    SuperviseParams,
    TransferParams,
)
from engine.errors import EngineError
from engine.request import CallbackRequest
from ringback_client import PROTOCOL_VERSION
from tests.support.command_line import ROOT, Finished, invoke, ringback, ringback_process
from tests.support.control_server import Handlers, serving

LEG = {
    "leg": "l1",
    "role": "agent",
    "uri": "sip:alice@127.0.0.1",
    "state": "ended",
    "sip_status": 200,
    "reason": None,
    "started": 1.0,
    "ringing": 1.5,
    "answered": 3.0,
    "ended": 9.0,
}


class AnsweringHandlers(Handlers):
    """Answer like an engine; a requested job ends as `outcome` as soon as somebody asks."""

    def __init__(self, outcome: str = "completed") -> None:
        super().__init__()
        self.outcome = outcome
        self.served: Any = None
        self.asked: list[tuple[str, Any]] = []

    def table(self) -> dict[str, Method]:
        return {
            "ping": Method(NoParams, self.ping),
            "callback.request": Method(CallbackRequest, self.request),
            "callback.get": Method(JobRef, lambda params, _: self.job(params.id, self.outcome)),
            "callback.cancel": Method(JobRef, self.cancel),
            "callback.list": Method(JobQuery, self.list),
            "call.list": Method(NoParams, lambda params, _: {"calls": [self.call()]}),
            "call.get": Method(CallRef, lambda params, _: self.call()),
            "call.hangup": Method(CallRef, self.hangup),
            "call.transfer": Method(TransferParams, self.transfer),
            "call.supervise": Method(SuperviseParams, self.supervise),
            "engine.status": Method(NoParams, lambda params, _: self.status()),
            "engine.drain": Method(DrainRequest, self.drain),
        }

    def job(self, id: str, state: str) -> dict[str, Any]:
        return {
            "id": id,
            "state": state,
            "to": "+442079460123",
            "agent": "alice",
            "queue": None,
            "order": "agent_first",
            "context": {"site": "[red]shop\x1b[2J"},
            "created": 1000.0,
            "attempts": [{"call": "c1", "legs": [LEG], "result": state}],
            "bridged_at": 1010.0,
            "ended_at": 1075.0,
            "result": state,
            "cause": "customer busy",
        }

    def request(self, params: CallbackRequest, _peer: object) -> dict[str, Any]:
        params.require_party()
        self.asked.append(("request", params))
        if params.to == "666":
            reason, data = "666 may not be called", {"policy": "destination"}
            raise EngineError("refused", reason, field="to", data=data)
        context = params.context
        self.served.events.publish("callback.queued", job="j1", context=context)
        self.served.events.publish("leg.ringing", job="j1", leg="l1", role="agent", sip_status=180)
        self.served.events.publish(f"callback.{self.outcome}", job="j1", cause="customer busy")
        return self.job("j1", "queued") | {"replayed": False}

    def cancel(self, params: JobRef, _peer: object) -> dict[str, Any]:
        raise EngineError("not_found", f"there is no job {params.id}", field="id")

    def list(self, params: JobQuery, _peer: object) -> dict[str, Any]:
        self.asked.append(("list", params))
        return {"jobs": [self.job("j2", "failed"), self.job("j1", "completed")], "cursor": "1f"}

    def call(self) -> dict[str, Any]:
        leg = LEG | {"media": {"packets_received": 500, "jitter_ms": 1.25}}
        return {"call": "c1", "job": "j1", "state": "bridged", "started": 1.0, "legs": [leg]}

    def hangup(self, params: CallRef, _peer: object) -> dict[str, Any]:
        self.asked.append(("hangup", params))
        return self.call()

    def transfer(self, params: TransferParams, _peer: object) -> dict[str, Any]:
        self.asked.append(("transfer", params))
        return self.call()

    def supervise(self, params: SuperviseParams, _peer: object) -> dict[str, Any]:
        self.asked.append(("supervise", params))
        boss = {"leg": "l2", "supervisor": "carol", "mode": params.mode, "state": "ringing"}
        return self.call() | {"supervisors": [boss]}

    def status(self) -> dict[str, Any]:
        return {
            "version": "0.1.0",
            "epoch": "e1",
            "uptime_s": 3700.0,
            "draining": False,
            "jobs": {"completed": 2},
            "calls": 1,
            "legs": 2,
            "media": {"workers": [{"pid": 7, "legs": 2}]},
            "sip": {"received": 10},
            "trunks": [{"name": "pbx", "registered": False}],
            "store": {"pending": 0, "last_error": None},
            "events": {"seq": 4, "subscribers": 0},
        }

    def drain(self, params: DrainRequest, _peer: object) -> dict[str, Any]:
        return {"drained": params.timeout_s is None, "active": 0 if params.timeout_s is None else 3}


async def against(
    tmp_path: Path, *arguments: str, engine: AnsweringHandlers | None = None
) -> Finished:
    engine = engine or AnsweringHandlers()
    async with serving(tmp_path, engine) as served:
        engine.served = served
        return await invoke("--socket", str(served.settings.socket), *arguments)


async def test_jobs_for_people(tmp_path: Path) -> None:
    result = await against(tmp_path, "jobs", "--state", "failed", "--limit", "5")
    assert result.status == 0
    for text in ("j1", "j2", "failed", "customer busy", "1:05", "--cursor 1f"):
        assert text in result.out


async def test_jobs_for_programs_with_json_on_either_side(tmp_path: Path) -> None:
    for arguments in (("--json", "jobs"), ("jobs", "--json")):
        result = await against(tmp_path, *arguments)
        assert [job["id"] for job in result.json["jobs"]] == ["j2", "j1"]
        assert result.json["cursor"] == "1f"


async def test_one_job_in_full_and_nothing_in_it_commands_the_terminal(tmp_path: Path) -> None:
    result = await against(tmp_path, "jobs", "j1")
    assert "sip:alice@127.0.0.1" in result.out
    assert "site = [red]shop" in result.out
    assert "\x1b" not in result.out


async def test_callback_sends_what_it_was_given(tmp_path: Path) -> None:
    engine = AnsweringHandlers()
    arguments = (
        "callback +442079460123 --agent alice --id key-1 --order customer_first"
        " --context site=shop --context q=a=b --whisper-tone 440/200 --caller-id +4420 --trunk pbx"
        " --priority 5 --not-before 1e9 --deadline +60 --max-attempts 2 --ring-s 20"
        " --max-duration-s 600 --record"
    )
    result = await against(tmp_path, *arguments.split(), "--json", engine=engine)
    assert result.status == 0
    assert result.json["id"] == "j1"
    ((_, params),) = engine.asked
    assert (params.to, params.agent, params.id) == ("+442079460123", "alice", "key-1")
    assert (params.order, params.context) == ("customer_first", {"site": "shop", "q": "a=b"})
    assert params.whisper.tone == "440/200"
    assert (params.caller_id, params.trunk, params.priority) == ("+4420", "pbx", 5)
    assert params.not_before == 1e9
    assert params.deadline > 1.7e9
    assert (params.max_attempts, params.ring_s, params.max_duration_s) == (2, 20.0, 600.0)
    assert params.record is True


@pytest.mark.parametrize(("outcome", "status"), [("completed", 0), ("failed", 1), ("expired", 1)])
async def test_waiting_shows_the_progress_and_the_end(
    tmp_path: Path, outcome: str, status: int
) -> None:
    result = await against(
        tmp_path, "callback", "1", "--agent", "alice", "--wait", engine=AnsweringHandlers(outcome)
    )
    assert result.status == status
    for text in ("callback.queued", "leg.ringing", "sip_status=180", f"callback.{outcome}"):
        assert text in result.out


async def test_waiting_as_a_program_gets_the_job_that_ended(tmp_path: Path) -> None:
    result = await against(
        tmp_path,
        "callback",
        "1",
        "--agent",
        "alice",
        "--wait",
        "--json",
        engine=AnsweringHandlers("failed"),
    )
    assert result.status == 1
    assert result.json["state"] == "failed"


async def test_refusal_is_one_line_and_status_1(tmp_path: Path) -> None:
    result = await against(tmp_path, "callback", "666", "--agent", "alice")
    assert (result.status, result.out) == (1, "")
    assert result.err == "ringback: 666 may not be called\n"
    result = await against(tmp_path, "callback", "666", "--agent", "alice", "--json")
    assert result.json["error"]["data"] == {"policy": "destination"}
    result = await against(tmp_path, "cancel", "j9", "--json")
    assert result.status == 1
    assert result.json == {
        "error": {"message": "there is no job j9", "kind": "not_found", "field": "id"}
    }


async def test_wrong_parameter_is_usage(tmp_path: Path) -> None:
    result = await against(tmp_path, "callback", "1")
    assert result.status == 2
    assert "give agent or queue" in result.err
    result = await against(tmp_path, "rpc", "no.such")
    assert result.status == 2
    for wrong in (
        ("callback", "1", "--context", "x"),
        ("rpc", "ping", "{"),
        ("rpc", "ping", "[" * 20_000),
        ("callback", "1", "--agent", "a", "--skill", "german=²"),
        ("status", "--socket", ""),
        ("hangup",),
        ("transfer", "--to", "1"),
        ("transfer", "c1"),
        ("transfer", "c1", "--to", "1", "--agent", "bob"),
        ("transfer", "c1", "--to", "1", "--attended", "--warm"),
        ("supervise", "--agent", "carol"),
        ("supervise", "c1"),
        ("nope",),
    ):
        result = await invoke(*wrong)
        assert result.status == 2
        assert result.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--not-before", "nan"),
        ("--not-before", "+inf"),
        ("--ring-s", "nan"),
        ("--context", "site=\udcff"),
    ],
)
async def test_what_cannot_be_sent_is_usage_and_calls_nobody(
    tmp_path: Path, wrong: tuple[str, str]
) -> None:
    engine = AnsweringHandlers()
    result = await against(tmp_path, "callback", "1", "--agent", "a", *wrong, engine=engine)
    assert (result.status, len(result.err.splitlines())) == (2, 1)
    assert not engine.requests


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
async def test_names_that_the_terminal_cannot_show(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "日.toml").touch()
    result = await ringback_process("check", "日.toml", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert result.status == 0
    result = await ringback_process(
        "--json", "--socket", "/日/\udcff", "status", PYTHONIOENCODING=encoding
    )
    assert result.json["error"]["message"].startswith("no engine at /日/\udcff")


async def test_no_engine_is_status_3(tmp_path: Path) -> None:
    result = await ringback_process("--socket", str(tmp_path / "none"), "status")
    assert result.status == 3
    assert str(tmp_path / "none") in result.err
    assert len(result.err.splitlines()) == 1


async def test_socket_from_the_environment_and_after_the_command(tmp_path: Path) -> None:
    engine = AnsweringHandlers()
    async with serving(tmp_path, engine) as served:
        path = str(served.settings.socket)
        result = await ringback_process("status", "--json", RINGBACK_CONTROL__SOCKET=path)
        assert result.json["version"] == "0.1.0"
        result = await ringback_process(
            "status", "--socket", path, RINGBACK_CONTROL__SOCKET="/nowhere"
        )
        assert result.status == 0
        for text in ("0.1.0", "1:01:40", "trunk pbx", "completed=2", "pending=0"):
            assert text in result.out


async def test_calls_and_hangup(tmp_path: Path) -> None:
    engine = AnsweringHandlers()
    assert "agent ended" in (await against(tmp_path, "calls")).out
    assert "jitter_ms" in (await against(tmp_path, "calls", "c1")).out
    moved = await against(tmp_path, "transfer", "c1", "--agent", "bob", "--attended", engine=engine)
    assert moved.status == 0
    kind, asked = engine.asked.pop()
    assert (kind, asked.agent, asked.mode, asked.how) == ("transfer", "bob", "attended", "bridge")
    await against(tmp_path, "transfer", "c1", "--queue", "sales", "--warm", engine=engine)
    _, asked = engine.asked.pop()
    assert (asked.queue, asked.mode) == ("sales", "warm")
    await against(tmp_path, "transfer", "c1", "--to", "1", "--refer", engine=engine)
    assert engine.asked.pop()[1].how == "refer"
    shown = await against(
        tmp_path, "supervise", "c1", "--agent", "carol", "--mode", "barge", engine=engine
    )
    assert "supervises: barge, ringing" in shown.out
    assert engine.asked.pop()[1].mode == "barge"
    assert (await against(tmp_path, "hangup", "c1", engine=engine)).status == 0
    assert (await against(tmp_path, "hangup", "--leg", "l1", engine=engine)).status == 0
    (_, by_call), (_, by_leg) = engine.asked
    assert (by_call.call, by_call.leg, by_leg.call, by_leg.leg) == ("c1", None, None, "l1")


async def test_drain_that_was_not_done_is_status_1(tmp_path: Path) -> None:
    assert (await against(tmp_path, "drain", "--stop")).status == 0
    result = await against(tmp_path, "drain", "--timeout", "1")
    assert result.status == 1
    assert "3 calls" in result.out


async def test_rpc_prints_the_result(tmp_path: Path) -> None:
    result = await against(tmp_path, "rpc", "callback.get", '{"id": "j7"}')
    assert result.json["id"] == "j7"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes that are started heed SIGINT, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
async def test_events_are_followed_line_by_line(tmp_path: Path) -> None:
    engine = AnsweringHandlers()
    async with serving(tmp_path, engine) as served:
        served.events.publish("leg.ringing", job="j1", leg="l1")
        served.events.publish("callback.queued", job="j1")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine.cli.main", "--json"),
            *("--socket", str(served.settings.socket), "events", "--types", "callback.,bridge."),
            *("--since", "0"),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert json.loads(await process.stdout.readline())["type"] == "callback.queued"
            served.events.publish("bridge.joined", job="j1")
            assert json.loads(await process.stdout.readline())["type"] == "bridge.joined"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130


async def test_check_says_ok_or_every_fault_with_its_line(tmp_path: Path) -> None:
    result = await invoke("check", str(ROOT / "config" / "ringback.toml"))
    assert result.status == 0
    result = await invoke("check", str(ROOT / "config" / "ringback.toml"), "--json")
    assert result.json == {
        "file": str(ROOT / "config" / "ringback.toml"),
        "ok": True,
        "readings": [],
    }
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[sip]\nlisten = 5\n[control]\nsockte = 'x'\n")
    result = await invoke("check", str(wrong))
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"{wrong}:2: sip.listen: must be a valid list\n"
        f"{wrong}:4: control.sockte: unknown key; did you mean socket?\n"
    )
    result = await invoke("check", str(wrong), "--json")
    assert result.status == 2
    told = json.loads(result.out)
    assert (told["ok"], told["key"], told["line"]) == (False, "sip.listen", 2)
    assert [(one["key"], one["line"]) for one in told["errors"]] == [
        ("sip.listen", 2), ("control.sockte", 4),
    ]  # fmt: skip


async def test_check_says_how_the_numbers_of_a_configuration_are_read(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(
        '[[trunks]]\nname = "pbx"\nuri = "sip:192.0.2.1"\n[[routes]]\nprefix = "+"\n'
        'trunks = ["pbx"]\n[[agents]]\nname = "bob"\nuri = "02079460123"\n'
    )
    result = await invoke("check", str(file))
    assert result.out == (f"agents[0].uri: 02079460123 is the number +442079460123\n{file}: ok\n")
    result = await invoke("check", str(file), "--json")
    assert json.loads(result.out)["readings"] == [
        {"key": "agents[0].uri", "text": "02079460123", "reading": "the number +442079460123"}
    ]


async def test_check_says_what_sites_lack(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    sites = (
        '[[queues]]\nname = "sales"\n[[sites]]\nkey = "shop"\nname = "shop.example"\n'
        'origins = ["https://shop.example"]\nqueue = "sales"\n'
    )
    file.write_text(sites)
    result = await invoke("check", str(file))
    assert (result.status, result.out) == (0, f"{file}: ok\n")
    assert "warning: do_not_call.key: Anybody may leave anybody's number" in result.err
    told = (await invoke("check", str(file), "--json")).json
    assert ("do_not_call.key", "warning") in [
        (one["about"], one["level"]) for one in told["findings"]
    ]


async def test_run_with_a_wrong_configuration_is_one_line_and_status_2(tmp_path: Path) -> None:
    result = await ringback_process("run", "--config", str(tmp_path / "none.toml"))
    assert result.status == 2
    assert result.err == f"{tmp_path}/none.toml: cannot be read: No such file or directory\n"


async def test_web_with_a_wrong_configuration_is_one_line_and_status_2(tmp_path: Path) -> None:
    file = tmp_path / "web.toml"
    file.write_text("[web]\nlisten = 7\n")
    done = await ringback(tmp_path / "none.sock", "web", "--config", str(file), status=2)
    assert done.err.startswith(f"{file}:2: web.listen: ")


async def test_parameters_of_any_request_are_an_object(tmp_path: Path) -> None:
    for text, reason in (("[1]", "must be an object"), ("{", "not JSON")):
        result = await invoke("rpc", "ping", text)
        assert result.status == 2 and reason in result.err


def test_the_default_configuration_is_the_one_that_is_installed() -> None:
    assert default_config() == ROOT / "config" / "ringback.toml"


def test_default_socket_is_that_of_the_default_configuration() -> None:
    from engine.cli.command import DEFAULT_SOCKET

    settings = load(ROOT / "config" / "ringback.toml", {})
    assert str(settings.control.socket) == DEFAULT_SOCKET


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group of commands below `group`, with the names that lead to it."""
    for name, command in group.commands.items():
        yield (*names, name), command
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)


def test_help_lists_every_command_in_its_group() -> None:
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    groups = ["Calls and callbacks:", "Agents and queues:", "Numbers:", "Reports:", "Running it:"]
    assert [line for line in text.splitlines() if line in groups] == groups
    listed = {line.split()[0] for line in text[text.index(groups[0]) :].splitlines() if line}
    assert set(get_command(app).commands) - listed == set()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "group", ["", "agent", "queue", "numbers", "route", "person", "report", "webhooks"]
)
def test_help_has_each_command_in_one_whole_line(group: str) -> None:
    text = CliRunner().invoke(app, [*group.split(), "--help"], env={"COLUMNS": "80"}).output
    assert "Example: ringback" in text
    usage, *rest = text.splitlines()
    assert usage.startswith("Usage:")
    assert [line for line in rest if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("names", "command"), [pytest.param(*c, id=" ".join(c[0])) for c in commands(get_command(app))]
)
def test_help_of_each_command_has_an_example(names: tuple[str, ...], command: Any) -> None:
    words = command.epilog.split()
    assert words[:2] == ["Example:", "ringback"]
    assert tuple(words[2 : 2 + len(names)]) == names
    assert command.help


def test_the_readme_names_commands_that_there_are() -> None:
    shown = (ROOT / "README.md").read_text().partition("From a shell:")[2].split("```")[1]
    top: Any = get_command(app)
    strays: list[str] = []
    for line in shown.split("ringback ")[1:]:
        group = top
        for words in line.partition("  ")[0].split(" | "):
            word, *rest = words.split()
            found = group.commands.get(word) or top.commands.get(word)
            if hasattr(found, "commands"):
                group = found
                if rest and rest[0].isalpha() and rest[0].islower():
                    found = group.commands.get(rest[0])
            if found is None and not word.startswith("--") and word != "…":
                strays.append(words)
    assert shown.count("ringback ") > 15
    assert strays == []


def test_version_names_the_control_protocol_too() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.output == f"ringback {version('ringback')} (control protocol {PROTOCOL_VERSION})\n"
    assert said.exit_code == 0
