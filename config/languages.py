"""Languages: the tags that texts are in, and the forms that numbers take in each (CLDR)."""

from functools import lru_cache
from typing import Annotated, Literal, cast

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator

from .errors import wrong

PluralCategory = Literal["zero", "one", "two", "few", "many", "other"]


def _check_language(tag: str) -> str:
    if tag:
        try:
            _locale(tag)
        except (ValueError, UnknownLocaleError) as error:
            raise wrong(
                "", f"{tag!r} is not a language; it is a tag such as de or pt-BR"
            ) from error
    return tag


Language = Annotated[str, AfterValidator(_check_language)]
"""A language tag (BCP 47), such as "de" or "pt-BR". "": English."""


def plural_form(language: str, number: int) -> PluralCategory:
    """The form of words that a number of things takes in a language."""
    return cast(PluralCategory, _locale(language or "en").plural_form(number))


@lru_cache(maxsize=64)
def _locale(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")
