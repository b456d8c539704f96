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


def take_token(section: Section, token: SecretStr, token_file: str) -> None:
    """Have `token` of the section be what goes into a header: as given, or from `token_file`.

    Raises ValueError where both are given, or it cannot be sent.
    """
    if token.get_secret_value() and token_file:
        raise wrong("token_file", "token and token_file are both given; give one")
    if token_file:
        token = read_secret(token_file, "token_file")
        object.__setattr__(section, "token", token)
    text = token.get_secret_value()
    if text and (not text.isascii() or not text.isprintable() or " " in text):
        raise wrong("token", "must be printable ASCII characters without blanks")


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
