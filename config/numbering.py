"""[numbering]: which texts are telephone numbers, extensions and short codes."""

from typing import Annotated

import re2
from pydantic import AfterValidator, Field, model_validator

from .policy import FullPrefix
from .sections import Name, Section
from .values import wrong


def _check_pattern(text: str) -> str:
    try:
        re2.compile(text)
    except re2.error as error:
        raise wrong("", f"{text!r} is not a regular expression: {error}") from None
    if re2.fullmatch(text, "+"):
        raise wrong("", f"{text!r} fits '+': an extension has no country code")
    return text


def _check_short_code(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 2 <= len(text) <= 6):
        raise wrong("", f"{text!r} is not a short code; it is 2 to 6 digits")
    return text


Pattern = Annotated[str, AfterValidator(_check_pattern)]
ShortCode = Annotated[str, AfterValidator(_check_short_code)]


class Numbering(Section):
    """[numbering]: a text is dialled only where it is one of these."""

    extension: Pattern = ""
    extension_trunks: list[Name] = Field(default=[])
    short_codes: list[ShortCode] = Field(default=[])
    valid_only: bool = True
    # Ofcom's numbers for use in drama: nobody has them, and examples and tests are made of them.
    valid_except: list[FullPrefix] = Field(default=["+447700900", "+441632960"])

    @model_validator(mode="after")
    def _check_trunks(self) -> "Numbering":
        if self.extension and not self.extension_trunks:
            raise wrong("extension_trunks", "must name the trunks that have the extensions")
        return self
