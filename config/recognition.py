"""[recognition]: how what parties say becomes text."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from .errors import wrong
from .section import Section, take_token
from .streams import OptionalStreamUrl, RateHz
from .value_checks.commands import check_command
from .values import OptionalPath, Printable, Seconds

RecognitionEngine = Literal["", "pocketsphinx", "command", "websocket"]
COMMAND_FIELDS = ("language", "rate_hz")
"""What the arguments of the command may have in braces."""


class Recognition(Section):
    """[recognition]: the engine, and what it may take."""

    engine: RecognitionEngine = ""
    language: Annotated[Printable, Field(min_length=1, max_length=64)] = "en"
    command: list[Printable] = Field(default=[], max_length=64)
    url: OptionalStreamUrl = ""
    ca_file: OptionalPath = ""
    token: SecretStr = SecretStr("")
    token_file: OptionalPath = ""
    rate_hz: RateHz = 16000
    memory_mib: int = Field(default=512, ge=0, le=1 << 20)
    connect_s: Seconds = 5.0
    max_recognitions: int = Field(default=20, ge=0, le=10_000)

    @model_validator(mode="after")
    def _check_engine(self) -> "Recognition":
        if self.engine == "command" and not self.command:
            raise wrong("command", 'is needed where engine = "command"')
        if self.engine == "websocket" and not self.url:
            raise wrong("url", 'is needed where engine = "websocket"')
        if self.command:
            check_command(self.command, COMMAND_FIELDS, "command")
        return self

    @model_validator(mode="after")
    def _check_token(self) -> "Recognition":
        take_token(self, self.token, self.token_file)
        return self
