"""`ringback trace` and `ringback explain` against an engine with real SIP."""

import asyncio
import contextlib
import signal
import struct
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from config.settings import Settings
from engine.cli.command import Options
from engine.cli.tracing import commands
from ringback_client import Client, EngineError
from tests.support.command_line import MODULE, ROOT, ringback
from tests.support.engines.in_process import RunningEngine, running
from tests.support.traces import AGENT, OURS, failed_job, inbound, request, response
from tests.support.waiting import until

LIMIT_S = 60.0


async def test_the_command_line_shows_each_of_them(settings: Settings, tmp_path: Path) -> None:
    async with running(settings) as engine:
        await each_of_them(engine, tmp_path)


async def each_of_them(engine: RunningEngine, tmp_path: Path) -> None:
    socket, kept = engine.daemon.settings.control.socket, engine.daemon.trace
    await failed_job(engine.client, "order-17", "shop.example")
    inbound(kept, "call-1", "shop.example")
    kept.sent(request("REGISTER", "ours"), AGENT, OURS)
    kept.received(response("200 OK", "ours", of="REGISTER"), AGENT, OURS)
    ladder = (await ringback(socket, "trace", "order-17")).out
    assert "job order-17" in ladder and "INVITE" in ladder and "Agent " in ladder.splitlines()[-1]
    assert "customer" in (await ringback(socket, "trace", "call-1")).out
    flat = (await ringback(socket, "trace", "ours")).out.splitlines()
    assert "REGISTER sip:" in flat[0] and "200 OK (REGISTER)" in flat[1]
    whole = (await ringback(socket, "trace", "order-17", "--full")).out
    assert "User-Agent: Ringback" in whole and "a=rtpmap:0 PCMU/8000" in whole
    shown = (await ringback(socket, "trace", "order-17", "--json")).json
    assert shown["calls"][0]["job"] == "order-17" and shown["cursor"] is None
    told = (await ringback(socket, "explain", "order-17")).out
    assert "A callback to +442079460000 was requested" in told
    assert "called" in (await ringback(socket, "explain", "call-1")).out
    said = (await ringback(socket, "explain", "order-17", "--json")).json
    assert said["job"] == "order-17"
    file = tmp_path / "call.pcap"
    done = await ringback(socket, "trace", "order-17", "--pcap", str(file))
    count = len(shown["messages"])
    assert f"{count} messages" in done.out and file.stat().st_size > 24 + count * 300
    missing = await ringback(socket, "trace", "nothing", status=1)
    assert "there is no job nothing" in missing.err
    assert "no job" in (await ringback(socket, "explain", "nothing", status=1)).err
    unwritable = await ringback(socket, "trace", "order-17", "--pcap", "/nowhere/x", status=1)
    assert "/nowhere/x" in unwritable.err
    for wrong in (["trace"], ["trace", "x", "--follow"], ["trace", "x", "--number", "1"]):
        await ringback(socket, *wrong, status=2)


async def following(engine: RunningEngine, *options: str) -> asyncio.subprocess.Process:
    """`ringback trace --follow`, from before the next message on."""
    socket = str(engine.daemon.settings.control.socket)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, "--socket", socket, "trace", "--follow", *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    await until(lambda: bool(engine.daemon.trace._waiting), within_s=LIMIT_S)
    return process


async def interrupted(process: asyncio.subprocess.Process) -> int:
    """Ctrl-C, which ends it; returns its exit status. Nothing of it may be left."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(LIMIT_S):
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return await process.wait()


async def test_messages_are_printed_as_they_come(settings: Settings) -> None:
    async with running(settings) as engine:
        process = await following(engine, "--number", "+442079460000")
        try:
            await failed_job(engine.client, "order-17", "shop.example")
            assert process.stdout is not None
            async with asyncio.timeout(LIMIT_S):
                line = (await process.stdout.readline()).decode()
        finally:
            status = await interrupted(process)
        assert status == 130
        assert "INVITE sip:alice@127.0.0.1" in line and "PCMU PCMA" in line and "call-" in line


async def test_a_capture_is_written_as_messages_come(settings: Settings) -> None:
    async with running(settings) as engine:
        process = await following(engine, "--pcap", "-")
        try:
            await failed_job(engine.client, "order-17", "shop.example")
            assert process.stdout is not None
            async with asyncio.timeout(LIMIT_S):
                await process.stdout.readexactly(24)
                frame = await process.stdout.readexactly(16)
                size = struct.unpack("<IIII", frame)[2]
                packet = await process.stdout.readexactly(size)
        finally:
            await interrupted(process)
        assert packet[28:].startswith(b"INVITE sip:alice@127.0.0.1")


class Pages:
    """A client that has two pages of one trace, or knows nothing."""

    def __init__(self, error: EngineError | None = None) -> None:
        self.error = error

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        assert (method, params["call"]) == ("trace.get", "call-1")
        if "cursor" not in params:
            return {"calls": [told("call-1", 1), told("call-2", 1)], "messages": [1], "cursor": "7"}
        return {"calls": [told("call-1", 2)], "messages": [2], "cursor": None}


def told(call: str, page: int) -> dict[str, Any]:
    return {"call": call, "page": page}


async def test_all_pages_of_a_trace_make_one() -> None:
    found = await commands._fetch(cast(Client, Pages()), "call-1")
    assert found["messages"] == [1, 2]
    assert found["calls"] == [told("call-1", 2), told("call-2", 1)], "the later page tells more"


@pytest.mark.parametrize("ask", [commands._fetch, commands._explained])
async def test_what_is_no_question_of_the_name_is_not_asked_by_another(ask: Any) -> None:
    refusal = EngineError("unavailable", "the engine stops")
    with pytest.raises(EngineError, match="the engine stops"):
        await ask(cast(Client, Pages(refusal)), "call-1")


def test_a_trace_of_nothing_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands._print_trace("order-17", {"calls": [], "messages": []}, full=False)
    assert "no SIP of order-17 is kept" in capsys.readouterr().out


def test_a_message_that_is_sent_again_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    message = {
        "direction": "sent", "time": 5.0, "transport": "udp", "remote": "192.0.2.9:5060",
        "call": "call-1", "leg": "leg-1", "status": None, "method": "INVITE", "cseq": 1,
        "start_line": "INVITE sip:x@192.0.2.9 SIP/2.0", "retransmission": 2, "audio": None,
        "text": "INVITE",
    }  # fmt: skip
    commands._print_flat(message, full=False)
    assert "INVITE sip:x@192.0.2.9 again 2" in capsys.readouterr().out


MESSAGE: dict[str, Any] = {
    "direction": "sent", "time": 5.0, "transport": "udp", "remote": "192.0.2.9:5060",
    "local": "192.0.2.1:5060", "call": "call-1", "leg": "leg-1", "status": None,
    "method": "INVITE", "cseq": 1, "start_line": "INVITE sip:x@192.0.2.9 SIP/2.0",
    "retransmission": 0, "audio": None, "text": "INVITE",
}  # fmt: skip


class Follower:
    """A client whose `trace.follow` gives two pages; then the user presses Ctrl-C."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        assert method == "trace.follow"
        self.asked.append(params)
        if len(self.asked) > 2:
            raise KeyboardInterrupt
        return {"after": len(self.asked), "messages": [MESSAGE]}


@pytest.mark.parametrize("as_json", [False, True])
def test_what_follows_is_asked_for_from_where_the_last_page_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    client, file = Follower(), tmp_path / "call.pcap"
    monkeypatch.setattr(commands, "ask", lambda question: asyncio.run(question(client)))
    monkeypatch.setattr(Options, "json", as_json)
    with pytest.raises(KeyboardInterrupt):
        commands.trace(None, follow=True, number="+442079460000", pcap=file)
    wait = {"wait_s": commands.FOLLOW_S, "number": "+442079460000"}
    assert client.asked == [wait, wait | {"after": 1}, wait | {"after": 2}]
    said = capsys.readouterr().out
    if as_json:
        assert said.count('"method": "INVITE"') == 2
    else:
        assert said.count("INVITE sip:x@192.0.2.9") == 2
    assert file.stat().st_size == 24 + 2 * (16 + 20 + 8 + len("INVITE"))


def test_a_capture_on_the_standard_output_is_nothing_but_the_capture(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(commands, "ask", lambda question: asyncio.run(question(Follower())))
    with pytest.raises(KeyboardInterrupt):
        commands.trace(None, follow=True, pcap=commands.STANDARD_OUTPUT)
    written = capfdbinary.readouterr().out
    assert written[:4] == struct.pack("<I", 0xA1B2C3D4)
    assert written.endswith(b"INVITE") and b"call-1" not in written


def test_a_trace_on_the_standard_output_is_nothing_but_the_capture(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(commands, "ask", lambda _question: {"messages": [MESSAGE]})
    commands.trace("call-1", pcap=commands.STANDARD_OUTPUT)
    written = capfdbinary.readouterr().out
    assert written[:4] == struct.pack("<I", 0xA1B2C3D4)
    assert len(written) == 24 + 16 + 20 + 8 + len("INVITE")


def test_nothing_is_fetched_after_what_was_followed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions: list[object] = []
    monkeypatch.setattr(commands, "ask", questions.append)
    commands.trace(None, follow=True)
    assert len(questions) == 1 and capsys.readouterr().out == ""
