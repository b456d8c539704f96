"""Languages, and the forms that numbers take in them."""

import pytest

from config.inbound import Room
from config.languages import plural_form
from tests.support.configuration import refused_values


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("", ["one", "other", "other", "other"]),
        ("de", ["one", "other", "other", "other"]),
        ("ru", ["one", "few", "many", "one"]),
        ("pl", ["one", "few", "many", "many"]),
        ("ar", ["one", "two", "few", "many"]),
        ("ja", ["other", "other", "other", "other"]),
    ],
)
def test_each_language_has_its_own_forms(language: str, forms: list[str]) -> None:
    assert [plural_form(language, number) for number in (1, 2, 5, 21)] == forms


def test_a_language_that_there_is_not() -> None:
    assert "is not a language" in refused_values(Room, name="r", language="deutsch!")
    assert "is not a language" in refused_values(Room, name="r", languages={"xx": {}})
