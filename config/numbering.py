"""[numbering]: which texts are telephone numbers, extensions and short codes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from .errors import wrong
from .patterns import Pattern
from .policy import FullPrefix
from .section import Section
from .values import Name


def _check_short_code(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 2 <= len(text) <= 6):
        raise wrong("", f"{text!r} is not a short code; it is 2 to 6 digits")
    return text


ShortCode = Annotated[str, AfterValidator(_check_short_code)]


class Numbering(Section):
    """[numbering]: a text is dialled only where it is one of these."""

    extension: Pattern = ""
    extension_trunks: list[Name] = Field(default=[])
    short_codes: list[ShortCode] = Field(default=[])
    valid_only: bool = True
    # Ofcom's numbers for use in drama: nobody has them, and examples and tests are made of them.
    valid_except: list[FullPrefix] = Field(default=["+447700900", "+441632960"])
