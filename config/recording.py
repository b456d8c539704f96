"""The section about the recordings of talks: their files, their announcement, where they go."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .errors import wrong
from .section import Section
from .sounds import FILE
from .spoken import check_path
from .values import Printable

RecordingFormat = Literal["wav", "flac", "ogg", "opus"]
"""`ogg` and `opus` are both Ogg Opus (RFC 7845); the name of the file ends so."""

NAME_FIELDS = (
    "call", "job", "recording", "date", "time", "year", "month", "day", "hour",
    "site", "queue", "agent", "number", "direction",
)  # fmt: skip
"""What names of files are made of, besides `context.KEY`."""
COMMAND_FIELDS = (
    "path", "name", "recording", "call", "job", "site", "queue", "agent", "format", "sha256",
    "year", "month", "day",
)  # fmt: skip
"""What the command gets that moves a file."""
_FIELD = re.compile(r"\{([^{}]*)\}")


def _check_fields(text: str, known: tuple[str, ...], *, with_context: bool) -> None:
    rest = _FIELD.sub("", text)
    if "{" in rest or "}" in rest:
        raise wrong("", "has a brace without its partner")
    for field in _FIELD.findall(text):
        is_of_context = with_context and field.startswith("context.") and len(field) > 8
        if field not in known and not is_of_context:
            listed = ", ".join(f"{{{one}}}" for one in known)
            more = " and {context.KEY}" if with_context else ""
            raise wrong("", f"{{{field}}} is not known; there are {listed}{more}")


def _check_name(template: str) -> str:
    if not template.isprintable() or "\\" in template:
        raise wrong("", "must be printable characters without a backslash")
    _check_fields(template, NAME_FIELDS, with_context=True)
    path = PurePosixPath(template)
    if not path.parts or path.is_absolute() or template.endswith("/"):
        raise wrong("", "must be the name of a file inside media.recordings")
    if any(part.startswith(".") for part in path.parts):
        raise wrong("", "no part of it may begin with a dot: it would lead out, or be hidden")
    return template


def _check_announcement(text: str) -> str:
    if text.startswith(FILE):
        check_path(text.removeprefix(FILE))
    return text


class Recording(Section):
    """[recording]: how talks are recorded, what is said before, where the files go."""

    name: Annotated[str, Field(max_length=512), AfterValidator(_check_name)] = "{call}"
    format: RecordingFormat = "wav"
    channels: Annotated[int, Field(ge=1, le=2)] = 2
    announcement: Annotated[
        Printable, Field(max_length=1000), AfterValidator(_check_announcement)
    ] = ""
    min_free_mib: int = Field(default=100, ge=0, le=1 << 30)
    move_command: list[Printable] = Field(default=[], max_length=64)
    move_limit_s: float = Field(default=600.0, gt=0, le=86400, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_command(self) -> "Recording":
        if self.move_command and not self.move_command[0].startswith("/"):
            reason = f"{self.move_command[0]!r} is not the full path of a program"
            raise wrong("move_command", reason)
        for argument in self.move_command:
            try:
                _check_fields(argument, COMMAND_FIELDS, with_context=False)
            except ValueError as error:
                raise wrong("move_command", str(error)) from error
        return self
