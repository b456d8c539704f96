"""What is said: forms for numbers, and voices of single texts."""

import pytest

from config.spoken import Counted, Texts, split_voice
from tests.support.configuration import refused_values


def test_a_text_alone_is_the_form_of_every_number() -> None:
    minutes = Texts.model_validate({"minutes": "Minuten"}).minutes
    assert {minutes.form(one) for one in ("zero", "few", "other")} == {"Minuten"}


def test_the_form_for_all_other_numbers_has_to_be_there() -> None:
    forms = Counted(few="minuty", other="minut")
    assert (forms.form("few"), forms.form("many")) == ("minuty", "minut")
    assert "required" in refused_values(Texts, minutes={"few": "minuty"})


def test_every_form_knows_its_fields() -> None:
    assert "not known" in refused_values(Texts, place={"other": "{position}"})
    said = Texts.model_validate({"place": {"one": "Eins.", "other": "{place}."}}).said()
    assert [text for key, text in said if key == "place"] == ["Eins.", "{place}."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("voice:fr:Bonjour.", ("fr", "Bonjour.")),
        ("voice:en-gb:It is 10:30", ("en-gb", "It is 10:30")),
        ("Bonjour.", ("", "Bonjour.")),
        ("voice: loud", ("", "voice: loud")),
    ],
)
def test_a_text_may_name_its_voice(text: str, expected: tuple[str, str]) -> None:
    assert split_voice(text) == expected
