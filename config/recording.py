"""The section about the recordings of talks: their files, their announcement, where they go."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .errors import wrong
from .section import Section
from .sounds import FILE
from .spoken import check_path
from .value_checks.commands import check_command, check_fields
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


def _check_name(template: str) -> str:
    if not template.isprintable() or "\\" in template:
        raise wrong("", "must be printable characters without a backslash")
    check_fields(template, NAME_FIELDS, with_context=True)
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
        if self.move_command:
            check_command(self.move_command, COMMAND_FIELDS, "move_command")
        return self
