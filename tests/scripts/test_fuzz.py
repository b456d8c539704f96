"""The fuzzer finds what is there to be found, and says which input it was."""

import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from scripts.fuzz import __main__ as fuzzing
from scripts.fuzz.mutate import MOST_BYTES, inputs
from scripts.fuzz.relay import NotCompiled

ROOT = Path(__file__).resolve().parents[2]


def test_the_corpus_comes_first_and_then_what_is_like_it() -> None:
    corpus = [b"INVITE sip:a@b SIP/2.0", b"BYE"]
    found = list(islice(inputs(corpus, random.Random(1)), 500))
    assert found[:2] == corpus
    assert len(set(found)) > 300
    assert all(len(data) <= MOST_BYTES for data in found)
    assert found == list(islice(inputs(corpus, random.Random(1)), 500))


def test_a_target_that_fails_is_told_with_its_input(tmp_path: Path) -> None:
    broken = (
        "from scripts.fuzz import runner, targets\n"
        "import importlib.util\n"
        "importlib.util.find_spec = lambda name: None\n"
        "def target(data):\n"
        "    assert b'BYE' not in data\n"
        "targets.TARGETS['sip'] = target\n"
        "raise SystemExit(runner.main())\n"
    )
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "bye").write_bytes(b"BYE sip:a SIP/2.0")
    arguments = ["sip", "--seconds", "20", "--corpus", corpus, "--work", tmp_path / "work"]
    done = subprocess.run(
        [sys.executable, "-c", broken, *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, timeout=90,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is a finding" in done.stderr
    assert (tmp_path / "work" / "found-0").read_bytes() == b"BYE sip:a SIP/2.0"


def test_a_target_that_does_not_end_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(command: list[str], *, timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout, output=b"one more input")

    monkeypatch.setattr(subprocess, "run", never)
    status, text = fuzzing.fuzz("sip", 5, tmp_path)
    assert status == 1
    assert "one more input" in text
    assert "sip: did not end within" in text


@pytest.mark.parametrize("options", [(), ("--allow-missing",)])
def test_what_cannot_be_fuzzed_here_is_no_success_unless_that_is_allowed(
    options: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def not_compiled(_seconds: float, _directory: Path) -> tuple[int, str]:
        raise NotCompiled("no sanitizer")

    monkeypatch.setattr(fuzzing, "fuzz_relay", not_compiled)
    monkeypatch.setattr(sys, "argv", ["fuzz", "relay", "--work", str(tmp_path), *options])
    assert fuzzing.main() == (0 if options else 1)
    said = capsys.readouterr().out
    assert "left out: no sanitizer" in said and "FOUND" not in said
