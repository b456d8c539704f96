"""What every section shares: no unknown keys, and secrets that are read from files."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from config.section import (
    SECRET_FILE_BYTES,
    Section,
    first_duplicate,
    no_duplicate,
    read_secret,
)


class Example(Section):
    size: int = 1


def test_an_unknown_key_is_refused_and_nothing_is_converted_or_changed() -> None:
    for given in ({"colour": 1}, {"size": "1"}):
        with pytest.raises(ValidationError):
            Example.model_validate(given)
    with pytest.raises(ValidationError):
        Example(size=2).size = 3


def test_what_stands_twice() -> None:
    assert first_duplicate(["a", "b", "b", "a"]) == "a"
    assert first_duplicate(["a", "b"]) is None
    assert no_duplicate(["a", "b"]) == ["a", "b"]
    with pytest.raises(PydanticCustomError, match="'a' stands twice"):
        no_duplicate(["a", "a"])


def test_a_secret_is_the_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" hush \n")
    assert read_secret(str(file), "password_file").get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "one line with the secret"),
        (b"a\nb", "one line with the secret"),
        (b"\xff", "not UTF-8"),
        (b"x" * (SECRET_FILE_BYTES + 1), "that is no secret"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(PydanticCustomError, match=reason):
        read_secret(str(file), "password_file")
    with pytest.raises(PydanticCustomError, match="No such file"):
        read_secret(str(tmp_path / "none"), "password_file")
