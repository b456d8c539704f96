"""[recording]: which names, announcements and commands hold."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.recording import Recording


def reason(**given: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Recording(**given)
    return str(error.value)


@pytest.mark.parametrize(
    "name", ["{call}", "{year}/{month}/{agent}-{time}", "talks/{context.order id}", "{recording}"]
)
def test_names_that_hold(name: str) -> None:
    assert Recording(name=name).name == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../{call}", "no part of it may begin with a dot"),
        ("{year}/../../{call}", "no part of it may begin with a dot"),
        (".hidden", "no part of it may begin with a dot"),
        ("/talks/{call}", "inside media.recordings"),
        ("{call}/", "inside media.recordings"),
        ("", "inside media.recordings"),
        ("a\\b", "without a backslash"),
        ("a\nb", "printable"),
        ("{caller}", "{caller} is not known"),
        ("{context.}", "{context.} is not known"),
        ("{call", "a brace without its partner"),
    ],
)
def test_names_that_do_not(name: str, why: str) -> None:
    assert why in reason(name=name)


def test_an_announcement_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "consent.wav"
    assert "there is no such file" in reason(announcement=f"file:{file}")
    file.touch()
    assert Recording(announcement=f"file:{file}").announcement == f"file:{file}"
    assert Recording(announcement="This call is recorded.").announcement


def test_a_command_has_a_full_path_and_known_fields() -> None:
    command = ["/usr/bin/aws", "s3", "cp", "{path}", "s3://talks/{year}/{name}"]
    assert Recording(move_command=command).move_command == command
    assert "is not the full path of a program" in reason(move_command=["aws"])
    assert "{file} is not known" in reason(move_command=["/bin/cp", "{file}"])
    assert "{context.site} is not known" in reason(move_command=["/bin/cp", "{context.site}"])


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "opus"])
def test_formats(format: Any) -> None:
    assert Recording(format=format).format == format


def test_other_values() -> None:
    assert "format" in reason(format="mp3")
    assert "channels" in reason(channels=3)
    assert "min_free_mib" in reason(min_free_mib=-1)
