"""Which relay is taken: by what was compiled, and by what the environment asks for."""

import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from media.relay import implementation
from media.relay.implementation import VARIABLE, chosen, native, plain
from media.rtp.srtp import SrtpReceiver, SrtpSender
from tests.support.media.relays import NATIVE

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def _not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "media.relay.native", None)
    monkeypatch.delattr("media.relay.native", raising=False)


@pytest.mark.usefixtures("_not_compiled")
def test_where_nothing_was_compiled_the_one_in_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen().name == "plain"
    assert "was not compiled" in chosen().why
    monkeypatch.setenv(VARIABLE, "native")
    with pytest.raises(ImportError):
        chosen()


@pytest.mark.parametrize("make", [NATIVE])
def test_the_compiled_one_is_taken_unless_the_other_is_asked_for(
    make: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked, taken in (("", "native"), ("native", "native"), ("plain", "plain")):
        monkeypatch.setenv(VARIABLE, asked)
        assert chosen().name == taken
    assert chosen().why == f"{VARIABLE} is plain"
    monkeypatch.setenv(VARIABLE, "fast")
    with pytest.raises(ValueError, match="'fast', not native or plain"):
        chosen()


@pytest.mark.parametrize("make", [NATIVE])
def test_the_rows_in_c_have_all_that_those_in_python_have(make: object) -> None:
    ours, compiled = plain(), native()
    for one, other in ((ours.flow, compiled.flow), (ours.packet_relay, compiled.packet_relay)):
        names = {name for name in dir(one) if not name.startswith("_")}
        assert names - set(dir(other)) <= {"queued", "serial"}


def test_one_that_was_compiled_from_an_older_source_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Old:
        def add(self) -> None: ...

    older = SimpleNamespace(PacketRelay=Old)
    monkeypatch.setitem(sys.modules, "media.relay.native", older)
    monkeypatch.setattr("media.relay.native", older, raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert (chosen().name, "an older source" in chosen().why) == ("plain", True)


@pytest.mark.parametrize("make", [NATIVE])
def test_an_srtp_context_is_used_under_the_lock(make: object) -> None:
    lock, suite, key = native().srtp_lock, "AES_CM_128_HMAC_SHA1_80", bytes(30)
    sender, receiver = SrtpSender(suite, key, lock), SrtpReceiver(suite, key, lock)
    for number in range(3):  # a lock that is not given back would stop the second packet
        packet = bytes.fromhex(f"8000000{number}00000000000000aa") + b"sound"
        protected = sender.protect(packet)
        buffer = bytearray(protected)
        assert receiver.unprotect(buffer, len(protected)) == len(packet)
    with lock:
        pass


def test_it_says_on_the_command_line_which_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", implementation.__name__],
        capture_output=True, text=True, cwd=ROOT, check=True, timeout=60,
        env={VARIABLE: "plain"},
    )  # fmt: skip
    assert done.stdout == f"media relay: plain ({VARIABLE} is plain)\n"


def test_the_set_up_says_which_relay_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "plain")
    monkeypatch.delitem(sys.modules, "media.relay.implementation")
    runpy.run_module("media.relay.implementation", run_name="__main__")
    assert capsys.readouterr().out == f"media relay: plain ({VARIABLE} is plain)\n"
