"""[speech]: what speaks texts in place of espeak-ng."""

from typing import Annotated

from pydantic import Field, model_validator

from .section import Section
from .value_checks.commands import check_command
from .values import Printable

COMMAND_FIELDS = ("language", "speed", "words_per_min", "output")
"""What the arguments of the command may have in braces. The text comes on its standard input."""


class Speech(Section):
    """[speech]: a program that speaks, such as a neural voice."""

    command: list[Printable] = Field(default=[], max_length=64)
    limit_s: Annotated[float, Field(gt=0, le=8, allow_inf_nan=False)] = 5.0
    max_mib: int = Field(default=32, ge=1, le=1024)
    falls_back: bool = True

    @model_validator(mode="after")
    def _check_fields(self) -> "Speech":
        if self.command:
            check_command(self.command, COMMAND_FIELDS, "command")
        return self
