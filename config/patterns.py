"""Regular expressions of the configuration: RE2, and what is wrong with one that is none."""

from typing import Annotated, Any

import re2
from pydantic import AfterValidator

from .errors import wrong


def compile_regex(pattern: str) -> Any:
    """A pattern whose search takes time in proportion to the text, whatever the pattern: one that
    could take longer would hold up every call of the engine. Raises ValueError with a reason."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args else "it cannot be read"
        raise ValueError(f"is not a regular expression (RE2): {reason}") from error


def _check_pattern(text: str) -> str:
    if not text.isprintable():
        raise wrong("", f"{text!r} has characters that cannot be printed")
    try:
        compile_regex(text)
    except ValueError as error:
        raise wrong("", f"{text!r} {error}") from None
    return text


Pattern = Annotated[str, AfterValidator(_check_pattern)]
