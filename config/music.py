"""[[music]]: sound that all who hear it hear at the same place, as a radio station."""

from pydantic import Field, field_validator

from .errors import wrong
from .section import Section
from .spoken import check_path
from .values import Name, Printable

STREAM = "stream:"
"""What begins the name of a stream where a sound file may be named."""


class MusicStream(Section):
    """[[music]]: sound files that are played over and over."""

    name: Name
    files: list[Printable] = Field(min_length=1, max_length=100)

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: list[str]) -> list[str]:
        for file in files:
            if not file:
                raise wrong("", "the name of a file is empty")
            check_path(file)
        return files
