"""What every section of the configuration shares, and what their validators use."""

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from .errors import wrong

SECRET_FILE_BYTES = 4096


class Section(BaseModel):
    """What all sections share: no unknown keys, no silent conversion, no change after loading."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, hide_input_in_errors=True
    )


def first_duplicate(values: list[str]) -> str | None:
    """The first value that stands more than once, if any."""
    return next((value for value, count in Counter(values).items() if count > 1), None)


def no_duplicate(values: list[str]) -> list[str]:
    """The values; ValueError where one stands more than once."""
    twice = first_duplicate(values)
    if twice is not None:
        raise wrong("", f"{twice!r} stands twice")
    return values


def read_secret(path: str, key: str) -> SecretStr:
    """The secret in a file: its text without the blanks and line ends around it."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(SECRET_FILE_BYTES + 1)
        if len(text) > SECRET_FILE_BYTES:
            raise wrong(key, f"{path}: more than {SECRET_FILE_BYTES} bytes, that is no secret")
        secret = text.decode().strip()
    except OSError as error:
        raise wrong(key, f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise wrong(key, f"{path}: is not UTF-8 text") from error
    if not secret or not secret.isprintable():
        raise wrong(key, f"{path}: must hold one line with the secret")
    return SecretStr(secret)
