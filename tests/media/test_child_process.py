"""What a process that the engine starts gets of its environment, and where it finds its modules."""

import os
import sys
from pathlib import Path

import pytest

from media.child_process import (
    command_environment,
    fill_command,
    how_it_ended,
    printed_lines,
    python_process,
)

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("imports_site", [True, False])
def test_a_child_is_not_told_what_is_the_engines_own(imports_site: bool) -> None:
    given = {
        "RINGBACK_CONTROL__TOKEN": "secret",
        "RINGBACK_SECRETS_DIR": "/run/secrets",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    child = python_process("media.worker.worker", imports_site=imports_site, environ=given)
    assert list(child.environment) == ["PYTHONPATH"]


def test_a_child_has_what_the_interpreter_and_its_libraries_look_at() -> None:
    given = dict.fromkeys(
        (
            "PATH", "HOME", "TZ", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX",
            "PYTHONMALLOC", "SSL_CERT_FILE", "RINGBACK_RELAY",
        ),
        "as it was",
    )  # fmt: skip
    child = python_process("media.worker.worker", environ=given)
    assert child.environment == given | {"PYTHONPATH": ROOT}


def test_the_rooms_come_before_whatever_else_is_on_the_path() -> None:
    child = python_process("engine.reports.report_worker", environ={"PYTHONPATH": "/opt/more"})
    assert child.environment["PYTHONPATH"] == os.pathsep.join([ROOT, "/opt/more"])


def test_a_child_without_site_has_the_path_of_this_process() -> None:
    child = python_process("media.speech.speech_process", imports_site=False, environ={})
    assert child.environment["PYTHONPATH"].split(os.pathsep) == [ROOT, *filter(None, sys.path)]
    assert "-S" in child.command


def test_the_module_gets_its_arguments() -> None:
    child = python_process("media.worker.worker", "/run/worker.sock", "{}", environ={})
    assert child.command == [
        sys.executable, "-P", "-m", "media.worker.worker", "/run/worker.sock", "{}",
    ]  # fmt: skip


def test_a_command_of_the_administrator_has_no_secrets_and_finds_its_files() -> None:
    kept = {
        "PATH": "/opt/bin", "HOME": "/var/lib/ringback", "LANG": "de_DE.UTF-8", "LC_TIME": "C",
        "TZ": "Europe/Berlin", "TMPDIR": "/var/tmp", "SSL_CERT_FILE": "/etc/ca.pem",
    }  # fmt: skip
    secret = dict.fromkeys(
        ("RINGBACK_CONTROL__TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "LD_PRELOAD"), "secret"
    )
    assert command_environment(kept | secret) == kept
    assert command_environment(secret) == {"PATH": os.defpath, "LANG": "C.UTF-8"}


def test_what_a_program_left_is_said_in_words() -> None:
    assert [how_it_ended(status) for status in (-9, 3)] == ["signal 9", "exit status 3"]
    assert printed_lines(b"\x1b[1mfirst\n \t\nlast \xff\n") == ["[1mfirst", "last \ufffd"]


def test_arguments_are_filled_each_by_itself() -> None:
    facts = {"language": "en; rm", "rate_hz": "8000"}
    assert fill_command(["/bin/hear", "{language}{rate_hz}"], facts) == ("/bin/hear", "en; rm8000")


def test_a_fact_that_there_is_not_is_written_as_nothing() -> None:
    assert fill_command(["/bin/move", "{job}-{name}"], {"job": None, "name": "a"}) == (
        "/bin/move",
        "-a",
    )
