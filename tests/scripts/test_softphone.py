"""scripts/softphone.py as a user meets it: its options, commands, events and exit status."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.phones.errors import PATIENCE_S
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import ROOT, SoftphoneProcess
from tests.support.recording import read_wav, write_tone_wav

Start = Callable[..., Awaitable[SoftphoneProcess]]


@pytest.fixture
async def phone() -> AsyncIterator[Start]:
    started: list[SoftphoneProcess] = []

    async def start(**options: object) -> SoftphoneProcess:
        started.append(await SoftphoneProcess.start(**options))
        return started[-1]

    yield start
    for each in started:
        await each.stop()


async def test_two_phones_hear_each_other_and_not_themselves(phone: Start, tmp_path: Path) -> None:
    desk = await phone(user="desk", tone=440, record=tmp_path / "desk.wav", answer_after=0.2)
    tune = write_tone_wav(tmp_path / "tune.wav", 1200, 0.5)
    caller = await phone(
        call=desk.uri, play=tune, record=tmp_path / "{call}.wav", hangup_after=1.2, once=True
    )
    assert await caller.wait(PATIENCE_S) == 0
    await desk.wait_for("state", state="disconnected")
    states = [event["state"] for event in caller.seen("state")]
    assert states == ["calling", "early", "connecting", "confirmed", "disconnected"]
    (incoming,) = desk.seen("incoming")
    assert incoming["headers"]["CSeq"].endswith("INVITE")
    assert incoming["request_uri"] == desk.uri
    desk_heard, caller_heard = read_wav(tmp_path / "desk.wav"), read_wav(tmp_path / "1.wav")
    assert desk_heard.hears(1200) and not desk_heard.hears(440)
    assert caller_heard.hears(440) and not caller_heard.hears(1200)
    stats = desk.seen("stats")[-1]
    assert stats["received"] > 40 and stats["lost"] == 0 and stats["jitter_ms"] < 20


async def test_commands_dial_send_digits_hold_and_change_sound(phone: Start) -> None:
    desk, caller = await asyncio.gather(phone(user="desk"), phone(user="caller"))
    caller.command(f"call {desk.uri}")
    await caller.wait_for("state", state="confirmed")
    await asyncio.sleep(0.2)  # PJSIP sends digits on a stream that runs
    caller.command("digits 4#")
    await desk.wait_for("dtmf", digit="4")
    await desk.wait_for("dtmf", digit="#")
    caller.command("hold")
    await desk.wait_for("media", direction="recvonly", held=True)
    caller.command("unhold")
    await desk.wait_for("media", direction="sendrecv", nth=2)
    caller.command("tone 800")
    caller.command("stats")
    await caller.wait_for("stats")
    desk.command("hangup")
    await caller.wait_for("state", state="disconnected")
    caller.command("hold")
    assert (await caller.wait_for("error"))["message"] == "there is no call"


async def test_successive_calls_get_successive_answers(phone: Start) -> None:
    desk = await phone(user="desk", answer="486,603,200")
    for expected in (486, 603):
        caller = await phone(call=desk.uri, once=True)
        assert await caller.wait(PATIENCE_S) == 1
        assert caller.seen("state")[-1]["status"] == expected
    caller = await phone(call=desk.uri)
    await caller.wait_for("state", state="confirmed")


async def test_early_media_is_heard_before_the_answer(phone: Start, tmp_path: Path) -> None:
    desk = await phone(user="desk", answer="never", early_media=True, tone=600)
    caller = await phone(call=desk.uri, record=tmp_path / "heard.wav")
    await caller.wait_for("state", state="early", status=183)
    await asyncio.sleep(0.8)
    caller.command("hangup")
    await desk.wait_for("state", state="disconnected", status=487)
    await caller.stop()
    assert read_wav(tmp_path / "heard.wav").hears(600)


async def test_registers_with_digest_and_unregisters_at_the_end(
    phone: Start, tmp_path: Path
) -> None:
    registrar = await Sipp.start("registrar", tmp_path)
    desk = await phone(
        registrar=f"sip:127.0.0.1:{registrar.port}", username="ringback", password="s3cret"
    )
    assert (await desk.wait_for("registered"))["status"] == 200
    await desk.stop()
    assert desk.seen("unregistered")
    await registrar.finished()


@pytest.mark.parametrize("end", ["quit", "end of stdin", "SIGTERM"])
async def test_ends_cleanly_with_the_call_hung_up(phone: Start, end: str) -> None:
    desk = await phone(user="desk")
    caller = await phone(call=desk.uri)
    await caller.wait_for("state", state="confirmed")
    if end == "quit":
        caller.command("quit")
    elif end == "end of stdin":
        caller.end_input()
    else:
        assert await caller.stop() == 0
    assert await caller.wait(PATIENCE_S) == 0
    assert caller.seen("bye")
    await desk.wait_for("state", state="disconnected")


def run_softphone(*arguments: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
    code = f"{prelude}\nimport sys\nfrom scripts.softphone import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_says_what_to_install_when_pjsua2_is_missing() -> None:
    done = run_softphone(prelude="import sys\nsys.modules['pjsua2'] = None")
    assert done.returncode == 1
    assert "pip install 'ringback[demo]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", [("--answer", "busy"), ("--answer", "180"), ("--tone", "la")])
def test_wrong_options_are_usage_errors(wrong: tuple[str, str]) -> None:
    assert run_softphone(*wrong).returncode == 2


async def test_a_port_in_use_is_one_line_and_status_1(phone: Start) -> None:
    desk = await phone()
    done = await asyncio.to_thread(run_softphone, "--port", desk.uri.rpartition(":")[2])
    assert done.returncode == 1
    assert done.stderr.startswith("softphone: cannot listen at 127.0.0.1:")


def test_options_that_cannot_be_used_are_a_line_each(tmp_path: Path) -> None:
    for options, words in (
        (["--codecs", "PCMU,wax"], "no codec 'wax' here; there are"),
        (["--codecs", ""], "no codec '' here; there are"),
        (["--play", str(tmp_path / "none.wav")], "none.wav: No such file or directory"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "scripts.softphone", *options],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_help_has_the_commands_and_events() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.softphone", "--help"],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    for word in ("digits 123#", "--codecs", "ready", "unhold"):
        assert word in done.stdout
